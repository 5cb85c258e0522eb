"""Queues the processing of an upload."""
