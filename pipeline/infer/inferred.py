"""A recipe that was made for raw files, and where these are."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shardmill.pipeline.infer.write_recipe import RecipeParts, write_recipe
from shardmill.recipe.load_recipe import parse_recipe


@dataclass(frozen=True, slots=True)
class Inferred:
    """A recipe that was made for raw files.

    Attributes:
        name: The name of the dataset.
        text: The recipe as TOML, with comments on each guess that is not sure. It builds as it is.
        raw: The folder below which the files are.
        doubts: The guesses that are not sure: where each stands, and its reason.
    """

    name: str
    text: str
    raw: Path
    doubts: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, parts: RecipeParts, raw: Path) -> Self:
        """Return the recipe that some parts make."""
        text = write_recipe(parts)
        parse_recipe(text, where=f"the recipe of {parts.name}")
        return cls(parts.name, text, raw, tuple(parts.doubts()))


def raw_folder(files: Sequence[Path]) -> Path:
    """Return the folder that holds all files, as the user wrote it."""
    folders = {path.parent for path in files}
    return folders.pop() if len(folders) == 1 else Path(os.path.commonpath(sorted(folders)))
