"""Live connections: handler (tickets), authorizer ($connect), messages (from clients), revocation (ended sessions)."""
