"""Chooses rows that are spread evenly."""


def even_rows(count: int, most: int) -> list[int]:
    """Return the numbers of `count` rows or, if there are more, of `most` evenly spread ones."""
    most = min(count, most)
    return [index * count // most for index in range(most)]
