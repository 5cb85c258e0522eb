"""Stacks, one module each: what is deployed together."""
