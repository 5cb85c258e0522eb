"""Watches the audit table: a record that is changed or removed is a security finding."""
