"""The ways in which dates and times are written, beside ISO 8601, and what matches each of them."""

_DATES = [
    "%Y/%m/%d",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%m/%d/%y",
    "%d/%m/%y",
    "%d.%m.%y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%b %d, %Y",
    "%d %B %Y",
    "%B %d, %Y",
]
_CLOCKS = ["", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p"]
# Digits alone, so they may be numbers.
COMPACT = ["%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d.%H%M%S%f"]
_MONTHS = ["january", "february", "march", "april", "may", "june"]
_MONTHS += ["july", "august", "september", "october", "november", "december"]
_PARTS = {
    "Y": r"(?:1[6-9]|20|21)\d\d",
    "y": r"\d\d",
    "m": r"(?:1[0-2]|0?[1-9])",
    "d": r"(?:3[01]|[12]\d|0?[1-9])",
    "b": f"(?i:{'|'.join(month[:3] for month in _MONTHS)})",
    "B": f"(?i:{'|'.join(_MONTHS)})",
    "H": r"(?:2[0-3]|[01]?\d)",
    "I": r"(?:1[0-2]|0?[1-9])",
    "M": r"[0-5]\d",
    "S": r"[0-5]\d",
    "p": "(?i:am|pm)",
    "f": r"\d{3,6}\d*",
}


def _pattern(form: str) -> str:
    first, *others = form.replace(".", r"\.").split("%")
    found = first + "".join(_PARTS[part[0]] + part[1:] for part in others)
    # Without marks between them, only two digits tell where a part ends.
    return found.replace("0?", "0").replace("[01]?", "[01]") if form in COMPACT else found


# Regular expressions by format, as in `datetime.strptime`. Of formats that differ in the order of
# day and month, the more usual one comes first.
TIME_FORMS = {form: _pattern(form) for form in COMPACT}
TIME_FORMS |= {date + clock: _pattern(date + clock) for clock in _CLOCKS for date in _DATES}
