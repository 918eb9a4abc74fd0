"""Makes a recipe for files with columns: a table, or texts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from shardmill.errors import EmptyFileError, UnclearFilesError
from shardmill.pipeline.infer.column_facts import ColumnFacts
from shardmill.pipeline.infer.guess import Guess
from shardmill.pipeline.infer.guess_column import guess_column, is_text, may_be_text
from shardmill.pipeline.infer.guess_splits import FEWEST_ROWS, guess_splits, held_out, name_of
from shardmill.pipeline.infer.guess_target import find_target, guess_target
from shardmill.pipeline.infer.inferred import Inferred, raw_folder
from shardmill.pipeline.infer.read_facts import FileFacts, merged, read_facts
from shardmill.pipeline.infer.write_recipe import RecipeParts

_SPLIT_COLUMNS = {"split", "set", "subset", "partition", "fold", "use", "usage"}
_SPLIT_VALUES = {
    "train": {"train", "training"},
    "validation": {"valid", "validation", "val", "dev"},
    "test": {"test", "testing"},
}
_MOST_BAD = 0.01  # the share of bad rows that a recipe allows by default


def infer_table(
    files: Sequence[Path], *, target: str | None = None, name: str | None = None
) -> Inferred:
    """Return a recipe for files, after reading all of them.

    Args:
        files: CSV, Parquet, Arrow or JSON Lines files of one dataset.
        target: The column of the target; None to find it by its name.
        name: The name of the dataset; None to call it after the file or its folder.

    Raises:
        UnclearFilesError: The files do not say what the target is, or are of several formats.
        InputError: A file cannot be read.
    """
    raw = raw_folder(files)
    splits = guess_splits(files)
    facts = _facts(splits)
    train = merged(facts["train"])
    others = merged(
        [file for split, several in facts.items() if split != "train" for file in several]
    )
    where = ", ".join(str(path) for path in files[:3])
    if not any(column.rows for column in train.values()):
        raise EmptyFileError(
            where, expected="at least one row for train", found="none", fix="check the file"
        )
    column, why = find_target(train, target, where)
    parts = RecipeParts(name=name or name_of(files), kind="tabular")
    keys, of_column = guess_target(train[column], others.get(column))
    parts.target = Guess(
        {"column": column, **keys.keys}, "; ".join(filter(None, (why, keys.reason)))
    )
    _add_splits(parts, splits, facts, raw=raw, target=column, train=train)
    _add_rules(parts, facts)
    everywhere = merged([file for several in facts.values() for file in several])
    used = {name: f for name, f in everywhere.items() if name != column and name in train}
    used = {name: f for name, f in used.items() if name not in parts.split_columns}
    features = {name: guess_column(f) for name, f in used.items()}
    alone = [guess.keys["dtype"] for guess in features.values()] == ["str"]
    texts = [name for name, f in used.items() if is_text(f) or (alone and may_be_text(f))]
    if not texts and all(guess.keys.get("drop") for guess in features.values()):
        features = {name: guess_column(f, keep=True) for name, f in used.items()}
    first = facts["train"][0]
    if texts and (alone or all(guess.keys.get("drop") for guess in features.values())):
        parts.kind = "text"
        parts.text = _text(first, texts, everywhere)
    else:
        nested = Guess({"dtype": "str", "drop": True}, "its values are no single ones")
        split = Guess({"dtype": "str", "drop": True})
        known = {**features, column: of_column, **dict.fromkeys(parts.split_columns, split)}
        parts.columns = {name: known.get(name, nested) for name in first.names}
    return Inferred.of(parts, raw)


def _facts(splits: Mapping[str, Sequence[Path]]) -> dict[str, list[FileFacts]]:
    names: tuple[str, ...] | None = None
    facts: dict[str, list[FileFacts]] = {}
    forms: dict[str, Path] = {}
    for split in sorted(splits, key=lambda name: name != "train"):
        for path in splits[split]:
            found = read_facts(path, names)
            names = names or found.names
            facts.setdefault(split, []).append(found)
            forms.setdefault(found.form, path)
    if len(forms) > 1:
        raise UnclearFilesError(
            ", ".join(map(str, forms.values())),
            expected="files of one format",
            found=" and ".join(forms),
            fix="give the files of one dataset",
        )
    return facts


def _add_splits(
    parts: RecipeParts,
    splits: Mapping[str, Sequence[Path]],
    facts: Mapping[str, Sequence[FileFacts]],
    *,
    raw: Path,
    target: str,
    train: Mapping[str, ColumnFacts],
) -> None:
    form, common = facts["train"][0].form, facts["train"][0].dialect
    parts.dialect = dict(common)
    for split, paths in splits.items():
        files = [
            {"path": path.relative_to(raw).as_posix(), **_own(common, file.dialect)}
            for path, file in zip(paths, facts[split], strict=True)
        ]
        labelled = all(target in file.names for file in facts[split])
        parts.splits[split] = Guess({form: files[0] if len(files) == 1 else files})
        if not labelled:
            parts.splits[split].keys["labelled"] = False
    if len(splits) == 1 and (column := _split_column(train, target)) is not None:
        _split_by(parts, column, train[column], form=form)
        return
    if train[target].rows >= FEWEST_ROWS:
        parts.splits |= held_out(splits)


def _own(common: Mapping[str, Any], dialect: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys in which a file is written in another way than the first one."""
    usual = {"header": True, "delimiter": ",", "quote": '"', "escape": "", "comment": ""}
    usual |= {"skip_rows": 0, "skip_space": False, "trailing_delimiter": False, "encoding": "utf-8"}
    keys = sorted(common.keys() | dialect.keys())
    both = {key: (common.get(key, usual[key]), dialect.get(key, usual[key])) for key in keys}
    return {key: own for key, (first, own) in both.items() if first != own}


def _split_column(columns: Mapping[str, ColumnFacts], target: str) -> str | None:
    known = set().union(*_SPLIT_VALUES.values())
    for name, facts in columns.items():
        values = {text.lower() for text in facts.values}
        if (
            name != target
            and name.lower() in _SPLIT_COLUMNS
            and values <= known
            and len(values) > 1
        ):
            return name
    return None


def _split_by(parts: RecipeParts, column: str, facts: ColumnFacts, *, form: str) -> None:
    file = parts.splits.pop("train").keys[form]
    parts.split_columns = (column,)
    for split, spelled in _SPLIT_VALUES.items():
        values = sorted(text for text in facts.values if text.lower() in spelled)
        if values:
            files = [dict(each) for each in (file if isinstance(file, list) else [file])]
            for each in files:
                each["where"] = {column: values if len(values) > 1 else values[0]}
            parts.splits[split] = Guess(
                {form: files[0] if len(files) == 1 else files}, f"as the column {column} says"
            )


def _add_rules(parts: RecipeParts, facts: Mapping[str, Sequence[FileFacts]]) -> None:
    files = [file for several in facts.values() for file in several]
    names = set(files[0].names)
    odd = [column.odd_cells() for column in merged(files).values()]
    if any(set(file.names) - names for file in files):
        parts.rules["other_columns"] = Guess(
            {"other_columns": "ignore"}, "another file has columns that the first lacks"
        )
    bad = sum(file.bad for file in files) + max(odd, default=0)
    rows = max(sum(next(iter(f.columns.values())).rows for f in files if f.columns), 1)
    if 0 < bad <= _MOST_BAD * rows:
        parts.rules["on_bad_row"] = Guess(
            {"on_bad_row": "quarantine"}, f"{bad:,} of {rows:,} rows cannot be read"
        )


def _text(first: FileFacts, texts: Sequence[str], columns: Mapping[str, ColumnFacts]) -> Guess:
    clean = []
    if any(columns[name].tags * 20 > columns[name].texts for name in texts):
        clean.append("html")
    keys: dict[str, Any] = {"columns": list(first.names), "join": list(texts)}
    if clean:
        keys["clean"] = clean
    reason = ""
    if len(texts) > 1:
        reason = f"{' and '.join(texts)} are joined; [groups] instead of join keeps them apart"
    elif not is_text(columns[texts[0]]):
        reason = "few words, but no two cells are alike, so they are texts and no categories"
    if sum(columns[name].scripts for name in texts) * 2 > sum(columns[n].texts for n in texts):
        keys["tokenizer"] = "characters"
        reason = "written without spaces, so each character is a token; bpe learns pieces of words"
    return Guess(keys, reason)
