"""Cleaning, tokenising and numbering of texts."""
