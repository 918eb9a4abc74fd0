"""The stages of a build: clean, fit, encode, write shards."""
