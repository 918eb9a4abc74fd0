"""Writes a recipe as TOML, with a comment on each guess that is not sure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import tomlkit
from tomlkit.items import Item, Table

from shardmill.pipeline.infer.guess import Guess


@dataclass(slots=True)
class RecipeParts:
    """What a recipe is made of.

    Attributes:
        name: The name of the dataset.
        kind: Its kind.
        target: The table `[target]`.
        dialect: The keys of `[csv]` that say how files are written.
        rules: The rules for rows, each a guess with one key.
        columns: The columns of a table, in the order of the files.
        text: The table `[text]` of texts.
        image: The keys of images.
        has_target: Whether there is a table `[target]` even if it has no keys.
        splits: The splits.
        split_columns: The columns that say of which split a row is.
    """

    name: str
    kind: str
    target: Guess = field(default_factory=Guess)
    dialect: dict[str, Any] = field(default_factory=dict)
    rules: dict[str, Guess] = field(default_factory=dict)
    columns: dict[str, Guess] = field(default_factory=dict)
    text: Guess = field(default_factory=Guess)
    image: list[Guess] = field(default_factory=list)
    has_target: bool = False
    splits: dict[str, Guess] = field(default_factory=dict)
    split_columns: tuple[str, ...] = ()

    def doubts(self) -> Iterator[tuple[str, str]]:
        """Yield where each guess stands that is not sure, and its reason."""
        parts = {"target": self.target, "text": self.text}
        parts |= {f"columns.{name}": guess for name, guess in self.columns.items()}
        parts |= {f"splits.{name}": guess for name, guess in self.splits.items()}
        parts |= self.rules | {next(iter(guess.keys), ""): guess for guess in self.image}
        for where, guess in parts.items():
            if guess.reason:
                yield where, guess.reason


def write_recipe(parts: RecipeParts) -> str:
    """Return a recipe as TOML."""
    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `shardmill recipe infer`. A comment stands above"))
    document.add(tomlkit.comment("each guess that the files do not prove: correct what is wrong."))
    document.add("name", tomlkit.item(parts.name))
    document.add("kind", tomlkit.item(parts.kind))
    for guess in parts.image:
        if guess.reason:
            document.add(tomlkit.comment(guess.reason))
        for key, value in guess.keys.items():
            document.add(key, _value(value))
    uses_csv = any("csv" in guess.keys for guess in parts.splits.values())
    rules = tomlkit.table()
    for key, value in parts.dialect.items() if uses_csv else ():
        rules.add(key, _value(value))
    for guess in parts.rules.values():
        _add(rules, guess)
    if len(rules):
        document.add("csv" if uses_csv else "rows", rules)
    if parts.kind == "text":
        document.add("text", _add(tomlkit.table(), parts.text))
        document.add("vocabulary", _add(tomlkit.table(), Guess({"min_freq": 2})))
    elif parts.kind == "tabular":
        columns = tomlkit.table()
        for name, guess in parts.columns.items():
            if guess.reason:
                columns.add(tomlkit.comment(guess.reason))
            columns.add(name, _inline(guess.keys))
        document.add("columns", columns)
    if parts.target.keys or parts.has_target:
        document.add("target", _add(tomlkit.table(), parts.target))
    splits = tomlkit.table(is_super_table=True)
    for name, guess in parts.splits.items():
        splits.add(name, _add(tomlkit.table(), guess))
    document.add("splits", splits)
    return tomlkit.dumps(document)


def _add(table: Table, guess: Guess) -> Table:
    if guess.reason:
        table.add(tomlkit.comment(guess.reason))
    for key, value in guess.keys.items():
        table.add(key, _value(value))
    return table


def _value(value: Any) -> Item:
    if isinstance(value, dict):
        return _inline(value)
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        array = tomlkit.array()
        for each in value:
            array.append(_inline(each))
        array.multiline(True)
        return array
    item: Item = tomlkit.item(value)
    return item


def _inline(keys: Mapping[str, Any]) -> Item:
    table = tomlkit.inline_table()
    for key, value in keys.items():
        table.append(key, _value(value))
    return table
