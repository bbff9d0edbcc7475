"""Rows to run revisions on: what to put into a column, how to fill tables, what became of the values."""
