"""What runs log for TensorBoard and Weights & Biases."""
