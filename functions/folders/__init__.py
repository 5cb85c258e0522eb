"""Folders: create, read, list, change, delete."""
