"""Operations: work for one tenant that an execution of Step Functions does, with a record that outlives the execution (docs/adr/0015)."""
