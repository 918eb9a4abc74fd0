"""What differs between the kinds of dataset, one module each.

The functions of a kind are pure, and take Arrow tables of any number of rows:

    clean   raw rows to typed rows, and the faults of others
    draft   cleaned rows to what is known of them before anything is fitted, and a summary of them
    fit     summaries of the train split to what was learnt from it
    keys    what was learnt and summaries to what finishes the rows that each came with
    finish  drafted rows and their key to tensors
    encode  cleaned rows to tensors, at once: what `draft`, `keys` and `finish` do together

Beside them, `targets` gives the fields of a recipe's targets, `target_columns` the columns of
cleaned rows that hold them, `PLAIN_COLUMNS` names the columns whose values hardly repeat, and
`KEYED` says whether rows are finished with keys.

So rows are looked at once, chunk by chunk in any number of processes, and only summaries meet.
"""
