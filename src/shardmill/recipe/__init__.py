"""Recipes: TOML files that describe the raw files of a dataset and how to clean them."""
