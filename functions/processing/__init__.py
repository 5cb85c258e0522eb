"""Processing of uploads: run_workflow starts it, the other modules are its steps."""
