"""The search index follows the data table."""
