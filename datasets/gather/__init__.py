"""Gathers rows of mapped shards into batches."""
