"""What a schema change breaks for the code that is still running: the previous release's models, in another process."""
