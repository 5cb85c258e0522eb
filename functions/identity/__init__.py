"""Users and their sessions: handler (sign-in, sessions), users (administration), credentials (passwords, second
factors)."""
