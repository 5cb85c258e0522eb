"""Folders and what is in them."""
