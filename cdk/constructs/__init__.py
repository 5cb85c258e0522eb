"""Constructs that stacks are made of, one purpose each."""
