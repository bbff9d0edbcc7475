"""One result model; terminal and JSON writers."""
