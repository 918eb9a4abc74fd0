"""Makes the recipe of rows that a program gives: its splits have files that the build writes."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shardmill.errors import KindOfRowsError, RecipeError
from shardmill.recipe.csv_options import Dialect
from shardmill.recipe.load_recipe import check_facts, recipe_facts, recipe_text
from shardmill.recipe.number_format import NumberFormat
from shardmill.recipe.row_rules import RowRules
from shardmill.recipe.splits import ROW_FORMATS
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.text_recipe import TextRecipe

_FILES = (*ROW_FORMATS, "images", "labels", "folder")


def rows_recipe(
    recipe: str | os.PathLike[str] | Mapping[str, Any], splits: Sequence[str]
) -> TabularRecipe | TextRecipe:
    """Return a recipe in which each of some splits has one file, NAME.arrow.

    Splits with other files are left out, and so is what is held out of them. A split that takes
    other rows of the same files than one with rows (`where`) takes them from these. How CSV files
    are written does not matter any more, but how numbers in texts are.

    Args:
        recipe: A path or URL that ends in .toml, a name, or the facts of a recipe.
        splits: The names of the splits that have rows.

    Raises:
        KindOfRowsError: It is a recipe of images.
        RecipeError: There is no such recipe, or it has faults.
    """
    if isinstance(recipe, Mapping):
        facts, where = json.loads(json.dumps(dict(recipe), default=str)), "the recipe"
    else:
        text, where = recipe_text(os.fspath(recipe))
        facts = recipe_facts(text, where=where)
    if facts.get("kind") == "image":
        raise KindOfRowsError(
            where,
            expected="a recipe of tables or texts, to build from rows in memory",
            found="one of images",
            fix="save the images as files or with numpy.save, and run `shardmill preprocess`",
        )
    facts["splits"] = dict(_splits(facts.get("splits"), splits, where))
    if isinstance(facts.get("csv"), dict):
        facts = _without_csv(facts)
    made = check_facts(facts, where=where)
    assert isinstance(made, TabularRecipe | TextRecipe)  # noqa: S101  there is no other kind
    if others := made.files()[len(made.row_files()) :]:
        raise RecipeError(
            where,
            expected="a recipe that needs no file beside the rows",
            found=f"text.tokenizer_file {others[0].path}",
            fix="have a tokenizer learnt, take the vocabulary of another artifact "
            "(vocabulary.from), or write the rows to a file and run `shardmill preprocess`",
        )
    return made


def _splits(stated: Any, given: Sequence[str], where: str) -> Iterator[tuple[str, Any]]:
    """Yield the splits by name: those with rows, and what is held out.

    Splits that take their rows from the same files share the rows that take the place of these.
    """
    known = stated if isinstance(stated, dict) else {}
    shared = {paths: name for name in given if (paths := _paths(known.get(name)))}
    sources = {name: shared.get(_paths(split)) for name, split in known.items()}
    sources |= {name: name for name in given}
    others = {name for name, source in sources.items() if not source and _has_files(known[name])}
    for name in dict.fromkeys((*known, *given)):
        split, source = known.get(name), sources[name]
        if source:
            of_split = split if isinstance(split, dict) else {}
            kept = {key: of_split[key] for key in {"labelled"} & of_split.keys()}
            file = {"path": f"{source}.arrow", **_condition(name, split, where)}
            yield name, {"arrow": file} | kept
        elif name not in others and _source(split) not in others:
            yield name, split


def _has_files(split: Any) -> bool:
    return isinstance(split, dict) and any(key in split for key in _FILES)


def _row_files(split: Any) -> list[dict[str, Any]]:
    found = [split[key] for key in ROW_FORMATS if key in split] if isinstance(split, dict) else []
    files = [file for each in found for file in (each if isinstance(each, list) else [each])]
    return [file for file in files if isinstance(file, dict)]


def _paths(split: Any) -> tuple[str, ...]:
    return tuple(str(file.get("path")) for file in _row_files(split))


def _condition(name: str, split: Any, where: str) -> dict[str, Any]:
    """Return which of the rows are those of a split, if its files say so."""
    conditions: list[Any] = [file.get("where") for file in _row_files(split)]
    if any(condition != conditions[0] for condition in conditions):
        raise RecipeError(
            f"{where}: splits.{name}",
            expected="the same where for all its files, whose place the rows take",
            found="others",
            fix="leave where out, and give the rows of each split",
        )
    return {"where": conditions[0]} if conditions and conditions[0] is not None else {}


def _source(split: Any) -> str:
    """Return the split that rows are held out of, if the facts say so."""
    held_out = split.get("hold_out") if isinstance(split, dict) else None
    return str(held_out.get("split")) if isinstance(held_out, dict) else ""


def _without_csv(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts in which [rows] and the columns say what [csv] said, but for the dialect."""
    csv = {key: fact for key, fact in facts["csv"].items() if key not in Dialect.model_fields}
    rules = {key: csv.pop(key) for key in RowRules.model_fields if key in csv}
    decimal, thousands = csv.get("decimal", "."), csv.get("thousands", "")
    columns = facts.get("columns")
    if isinstance(columns, list):  # as a manifest has them
        columns = {c["name"]: {k: v for k, v in c.items() if k != "name"} for c in columns}
    if isinstance(columns, dict) and (decimal, thousands) != (".", ""):
        marks = {"decimal": decimal, "thousands": thousands}
        columns = {name: _with_marks(column, marks) for name, column in columns.items()}
        facts = {**facts, "columns": columns}
    others = {key: fact for key, fact in csv.items() if key not in ("decimal", "thousands")}
    made = {key: fact for key, fact in facts.items() if key != "csv"}
    if rules:
        made["rows"] = {**rules, **facts.get("rows", {})}
    return {**made, "csv": others} if others else made


def _with_marks(column: Any, marks: Mapping[str, Any]) -> Any:
    """Return a column of numbers that says itself how they are written, or any other as it is."""
    is_column = isinstance(column, dict)
    if not is_column or not (column.get("dtype") in ("int64", "float64") or "unit" in column):
        return column
    form = NumberFormat.of(
        column.get("decimal"),
        column.get("thousands", marks["thousands"]),
        default=marks["decimal"],
        prefix=None,
        suffix=None,
    )
    return {**column, "decimal": form.decimal, "thousands": form.thousands}
