"""Puts services and adapters together, a module for each room, so that no function imports what it does not use."""
