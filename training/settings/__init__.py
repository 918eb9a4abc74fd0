"""The settings of training and where they come from."""
