"""Access to folders and documents (handler), and groups (groups)."""
