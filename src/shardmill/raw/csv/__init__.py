"""CSV files, cut into chunks of whole rows that any process can parse."""
