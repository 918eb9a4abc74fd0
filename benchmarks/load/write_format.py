"""Writes a contender's own format once."""

import shutil

from load.case import Case
from load.contender import Contender


def write_format(contender: Contender, case: Case) -> bool:
    """Write what the contender reads, if it has a format of its own that is not there yet.

    Returns whether it was written now. A file beside it says that it is whole and of which rows;
    contenders with the same place share it.
    """
    if contender.write is None:
        return False
    place = contender.place(case)
    done = place.with_name(f"{place.name}.done")
    if done.exists() and done.read_text() == case.key:
        return False
    done.unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    contender.write(case, place)
    done.write_text(case.key)
    return True
