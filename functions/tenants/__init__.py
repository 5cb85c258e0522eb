"""Tenants, for platform operators."""
