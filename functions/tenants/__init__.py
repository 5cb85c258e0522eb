"""Tenants: onboarding by platform operators."""
