"""One module for each stack: what is deployed together."""
