"""Keeps the search index up to date with the data table."""
