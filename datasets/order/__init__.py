"""The orders in which epochs visit rows, and resume."""
