"""What differs between targets in training: classes, or a number; see `objective.Objective`."""
