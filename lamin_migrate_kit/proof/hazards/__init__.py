"""Rules about what is dangerous in a revision, asked about what a server did when it ran."""
