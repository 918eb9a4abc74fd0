"""Raw files: finding, unpacking, cutting and reading them."""
