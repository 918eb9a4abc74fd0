"""What differs between the kinds of dataset. `kind.Kind` says what each module owes."""
