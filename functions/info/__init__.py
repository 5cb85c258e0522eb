"""Health, and the API's own description."""
