"""What recipes of every kind have in common."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from shardmill.recipe.csv_options import Csv
from shardmill.recipe.names import Name
from shardmill.recipe.row_rules import RowRules
from shardmill.recipe.splits import ROW_FORMATS, ArrayFile, CsvFile, RawFile, RowFile, Split
from shardmill.recipe.targets import Target
from shardmill.strict import FaultsError, Strict, describe_faults

Checked = TypeVar("Checked")


class Recipe(Strict):
    """The keys that every kind of recipe has.

    Attributes:
        name: The name of the dataset, and of its artifact.
        kind: The kind of the dataset.
        description: A description for people.
        rows: What happens to rows that are not as expected. CSV files may say it in [csv].
        splits: The splits by name. One of them is called train.
    """

    name: Name
    kind: str
    description: str = ""
    rows: RowRules = RowRules()
    splits: Annotated[dict[Name, Split], Field(min_length=1)]

    # The cleaned rows do not depend on these keys, so a change of them leaves the Parquet as it is.
    shard_only: ClassVar[frozenset[str]] = frozenset({"description"})
    bad_rows_key: ClassVar[str] = "csv.max_bad_rows"

    def facts(self) -> dict[str, Any]:
        """Return what the recipe says beyond the defaults, ready for JSON.

        The class of the recipe's kind validates these facts to an equal recipe.
        """
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def clean_facts(self) -> dict[str, Any]:
        """Return the facts that the cleaned rows depend on."""
        return {key: fact for key, fact in self.facts().items() if key not in self.shard_only}

    def sha256(self) -> str:
        """Return the SHA-256 of all facts, in hexadecimal digits."""
        return facts_sha256(self.facts())

    def row_files(self) -> tuple[RawFile, ...]:
        """Return the raw files that hold rows."""
        return tuple(file for split in self.splits.values() for file in split.files())

    def files(self) -> tuple[RawFile, ...]:
        """Return all raw files."""
        return self.row_files()

    def csv_options(self, file: RawFile | None = None) -> Csv | None:
        """Return how to read a CSV file; None if a recipe has none, or if the file is no such one.

        Args:
            file: One of the files, whose own keys count. Without it, new files are meant, which are
                like the first CSV file of the recipe.
        """
        options: Csv | None = getattr(self, "csv", None)
        if options is None or (file is not None and not isinstance(file, CsvFile)):
            return None
        if file is None:
            file = next((f for f in self.row_files() if isinstance(f, CsvFile)), None)
        options = options if file is None else file.options(options)
        said = {key: getattr(self.rows, key) for key in self.rows.model_fields_set}
        return options.model_copy(update=said) if said else options

    def rules(self) -> RowRules:
        """Return what happens to rows that are not as expected, wherever the recipe says it."""
        options: Csv | None = getattr(self, "csv", None)
        own = None if options is None else options.rules()
        return self.rows if own is None or own == RowRules() else own

    def encoding(self, file: RawFile | None = None) -> str | None:
        """Return the encoding of a file of rows, or None if it is no text; see `csv_options`."""
        options = self.csv_options(file)
        return None if options is None else options.encoding

    def all_targets(self) -> Mapping[str, Target]:
        """Return the targets by column, the first one of each if there are several."""
        return {}

    def unicode_version(self) -> str | None:
        """Return the version of Unicode that the rows depend on; None if they depend on none."""
        return None

    def learner(self) -> str | None:
        """Return the library that learns from the train rows, with its version, if there is one."""
        return None

    def bad_rows_allowed(self) -> float:
        """Return the share of rows of a split that may go to quarantine; 0 if a bad row fails."""
        rules = self.rules()
        return rules.max_bad_rows if rules.on_bad_row == "quarantine" else 0.0

    def source_splits(self) -> dict[str, Split]:
        """Return the splits that have files of their own."""
        return {name: split for name, split in self.splits.items() if split.files()}

    def rule_path(self, key: str) -> str:
        """Return where a key of the rules stands in the recipe, for messages."""
        is_csv = any(isinstance(file, CsvFile) for file in self.row_files())
        return f"csv.{key}" if is_csv and self.rows == RowRules() else f"rows.{key}"

    @model_validator(mode="after")
    def _splits_fit_together(self) -> Self:
        faults = [fault for n, split in self.splits.items() for fault in self._faults_of(n, split)]
        for name in self.splits:
            held_out = [s.hold_out for s in self.splits.values() if s.hold_out is not None]
            if sum(h.ratio() for h in held_out if h.split == name) > Fraction(9, 10):
                faults.append(f"splits: more than nine tenths of {name} are held out")
            if len({h.group for h in held_out if h.split == name}) > 1:
                faults.append(f"splits: all that is held out of {name} must name one group")
            if len({h.last for h in held_out if h.split == name}) > 1:
                faults.append(f"splits: all that is held out of {name} must be its last rows")
        faults += self._files_that_differ()
        faults += self._dialect_faults()
        faults += self._where_faults()
        faults += self._rule_faults()
        if "train" not in self.splits:
            faults.append("splits: a split called train is needed, statistics come from it")
        return without_faults(self, faults)

    def _files_that_differ(self) -> Iterator[str]:
        # A file is fetched and checked once, even if several splits name it.
        known: dict[str, tuple[RawFile, RawFile, str]] = {}
        for name, split in self.splits.items():
            for file in split.files():
                published = file.published()
                facts, other, of = known.setdefault(file.path, (published, file, name))
                if facts != published:
                    yield f"splits: {file.path} has other urls, checksum or rows in another split"
                elif isinstance(file, RowFile) and self.share_rows(of, other, name, file):
                    yield (
                        f"splits: {file.path} is in {of} and in {name}; say which rows of it by "
                        f"where, with other values in each, or hold rows out"
                    )

    def share_rows(self, one: str, file: RawFile, other: str, again: RawFile) -> bool:
        """Say whether two splits have the same rows, if their files have the same content.

        Args:
            one: A split.
            file: The file of this split.
            other: A split, perhaps the same one.
            again: The file of that split.
        """
        # Rows without targets are no second copy of what a model learns.
        labelled = self.splits[one].labelled and self.splits[other].labelled
        if isinstance(file, RowFile) and isinstance(again, RowFile) and file.is_apart(again):
            return False
        if _array(file) != _array(again):
            return False
        return one != other and labelled

    def column_names(self) -> tuple[str, ...] | None:
        """Return the columns that the recipe names; None if files may have others."""
        return None

    def group_columns(self, split: str) -> tuple[str, ...]:
        """Return the columns by which rows of a split are held out for others."""
        held_out = (s.hold_out for s in self.splits.values() if s.hold_out_of(split))
        return tuple(dict.fromkeys(h.group for h in held_out if h is not None and h.group))

    def _where_faults(self) -> Iterator[str]:
        names = self.column_names()
        for name, split in self.splits.items():
            group = None if split.hold_out is None else split.hold_out.group
            if group is not None and self.kind == "image" and self.csv_options() is None:
                yield f"splits.{name}.hold_out.group: needs files with columns"
            elif group is not None and names is not None and group not in names:
                yield f"splits.{name}.hold_out.group: no column {group!r}"
        for split_name, split in self.splits.items():
            for key in ROW_FORMATS:
                used = [name for file in split.row_files(key) for name in _where(file)]
                for name in used:
                    if names is not None and name not in names:
                        yield f"splits.{split_name}.{key}.where: no column {name!r}"

    def _rule_faults(self) -> Iterator[str]:
        options: Csv | None = getattr(self, "csv", None)
        said = set() if options is None else options.model_fields_set
        if not any(isinstance(file, CsvFile) for file in self.row_files()):
            for key in sorted(said):
                there = " and [rows] has this key" if key in RowRules.model_fields else ""
                yield f"csv.{key}: the recipe names no CSV file,{there or ' so leave it out'}"
            return
        for key in sorted(self.rows.model_fields_set):
            if said & RowRules.model_fields.keys():
                yield f"rows.{key}: [csv] has such keys too, so say all of them there or here"
            elif self.kind != "tabular" and key == "missing":
                yield f"rows.missing: {self.kind}s have no missing cells, so leave it out"
            elif self.kind == "image" and key == "other_columns":
                yield "rows.other_columns: images have no columns, so leave it out"

    def _dialect_faults(self) -> Iterator[str]:
        for name, split in self.splits.items():
            for file in split.files():
                try:
                    self.csv_options(file)
                except ValidationError as error:
                    path = f"splits.{name}.csv"
                    yield from describe_faults(CsvFile, error, whole=path)

    def _faults_of(self, name: str, split: Split) -> Iterator[str]:
        keys = (*ROW_FORMATS, "images", "labels", "folder")
        given = [key for key in keys if getattr(split, key) is not None]
        if self.kind == "image":
            ways = ["images and labels" if split.labelled else "images", "folder", "csv"]
            needed = ", or ".join(ways)
            fits = " and ".join(given) in ways
        else:
            needed = f"one of {', '.join(ROW_FORMATS)}"
            fits = len(given) == 1 and given[0] in ROW_FORMATS
        if split.hold_out is None and not fits:
            has = " and ".join(given) or "none of them"
            yield f"splits.{name}: needs {needed}, or hold_out; has {has}"
        if split.hold_out is not None:
            source = self.splits.get(split.hold_out.split)
            if given or source is None or source.hold_out is not None:
                yield (
                    f"splits.{name}.hold_out: needs a split with files of its own, "
                    f"and none beside itself"
                )
            if split.optional or not split.labelled:
                yield f"splits.{name}: optional and labelled belong to the split that gives rows"


def _array(file: RawFile) -> str | None:
    return file.array if isinstance(file, ArrayFile) else None


def _where(file: RawFile) -> Mapping[str, Sequence[str]]:
    return (file.where or {}) if isinstance(file, RowFile) else {}


def without_faults(checked: Checked, faults: Sequence[str]) -> Checked:
    """Return `checked`.

    Raises:
        FaultsError: There are faults. The message lists them all.
    """
    if faults:
        raise FaultsError(faults)
    return checked


def facts_sha256(facts: object) -> str:
    """Return the SHA-256 of `facts` as JSON with sorted keys and without spaces."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
