"""What a library of a cluster says of an error, in one line."""


def first_line(error: BaseException) -> str:
    """Return the first line of what a library says of an error. Others are often a traceback."""
    return str(error).strip().partition("\n")[0]
