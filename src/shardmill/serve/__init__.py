"""What turns new raw rows into the tensors that a saved model takes."""
