"""Documents: upload, download, change, delete."""
