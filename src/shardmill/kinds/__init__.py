"""What differs between the kinds of dataset, one module each: `clean`, `fit` and `encode`.

The three functions of a kind are pure: Arrow tables in; tables, facts and arrays out.
"""
