"""Where a Postgres comes from."""
