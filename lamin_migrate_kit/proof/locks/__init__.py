"""What each statement of an upgrade locks, rewrites and scans, read from a server that runs it on tables with rows."""
