"""Live connections: handler (tickets), authorizer ($connect), messages (what clients send), revocation (ended sessions)."""
