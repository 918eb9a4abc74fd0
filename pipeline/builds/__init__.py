"""Builds artifacts: plans, engines, generations."""
