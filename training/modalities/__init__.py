"""What differs between the kinds of dataset in training; see `modality.Modality`."""
