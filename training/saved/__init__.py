"""What is done with a trained model: saving, loading, evaluating, predicting, exporting."""
