"""Technologies of extraction."""
