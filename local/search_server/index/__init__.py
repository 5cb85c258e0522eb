"""Indexes: mappings, stored documents, and their searchable form."""
