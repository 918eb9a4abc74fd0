"""Generates sample raw files."""
