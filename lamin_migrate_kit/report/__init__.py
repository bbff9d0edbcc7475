"""One result model and its ways out: terminal, JSON, Markdown, GitHub."""
