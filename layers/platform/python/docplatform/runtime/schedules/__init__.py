"""Jobs that run by themselves: what they are, their records, their tick, and the work for one tenant (docs/adr/0014)."""
