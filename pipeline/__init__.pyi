# For type checkers, which take the folder for part of the typed package by this file. It is no
# __init__.py: from the root of a checkout, `import datasets` must stay Hugging Face's.
