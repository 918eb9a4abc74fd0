"""Training runs: preparing, fitting, ranks, resuming."""
