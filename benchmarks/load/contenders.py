"""Every contender, in the order of the tables."""

from load import (
    from_array_record,
    from_huggingface,
    from_litdata,
    from_memory,
    from_mosaicml,
    from_raw,
    from_shardmill,
    from_tensordict,
    from_webdataset,
)
from load.contender import Contender

CONTENDERS: tuple[Contender, ...] = (
    *from_shardmill.CONTENDERS,
    *from_tensordict.CONTENDERS,
    *from_memory.CONTENDERS,
    *from_huggingface.CONTENDERS,
    *from_array_record.CONTENDERS,
    *from_litdata.CONTENDERS,
    *from_webdataset.CONTENDERS,
    *from_mosaicml.CONTENDERS,
    *from_raw.CONTENDERS,
)


def contender_named(name: str) -> Contender:
    """Return the contender of that name, or the limit."""
    return next(c for c in (from_memory.LIMIT, *CONTENDERS) if c.name == name)
