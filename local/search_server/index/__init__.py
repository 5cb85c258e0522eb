"""One index: its mapping, its documents, and their searchable form."""
