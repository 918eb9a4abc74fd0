"""What all tables of settings have in common."""

from typing import Annotated, ClassVar

from pydantic import ConfigDict, Field

from shardmill.strict import Strict

Count = Annotated[int, Field(ge=1)]


class Table(Strict):
    """A table of settings: no other keys than its own, no value of another type."""

    model_config: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False)
