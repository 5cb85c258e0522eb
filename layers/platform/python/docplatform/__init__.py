"""docplatform: an enterprise document-management platform."""

__version__ = "0.1.0"
