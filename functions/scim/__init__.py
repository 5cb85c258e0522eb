"""SCIM 2.0: users and groups, kept by a provisioning system."""
