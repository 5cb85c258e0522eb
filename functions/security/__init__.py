"""Incidents: what AWS's own trail says about the ways around the platform."""
