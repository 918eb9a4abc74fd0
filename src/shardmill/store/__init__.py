"""Where artifacts are: local folders and object storage, and the cache between the two."""
