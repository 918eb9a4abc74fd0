"""Finds out what a build needs to do, and why, without changing anything."""

import difflib
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from shardmill.errors import (
    ArtifactError,
    FormatVersionError,
    MissingArtifactError,
    MissingRawFileError,
)
from shardmill.image_recipe import ImageRecipe
from shardmill.layout import FORMAT_VERSION
from shardmill.manifest import CleanRecord, Manifest, RawRecord
from shardmill.pipeline.borrow_vocab import Borrowed, borrow
from shardmill.pipeline.generation import BUILD_NAME, generation_name
from shardmill.pipeline.plain_file import is_plain, plain_copy
from shardmill.pipeline.raw_files import (
    RawContent,
    changed_error,
    check_same,
    expand_raw,
    known_content,
    sample_digests,
)
from shardmill.recipe import AnyRecipe
from shardmill.recipe_facts import facts_sha256
from shardmill.recipe_tables import RawFile

CLEAN_NAME = "clean.json"

# Part of what a stage's result depends on. The number goes up whenever the stage writes other
# bytes for the same input; Arrow writes its version into Parquet files.
CLEAN_VERSION = f"clean 2, arrow {version('pyarrow')}"
SHARD_VERSION = "shard 2"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build from what.

    Attributes:
        recipe: without the optional splits whose files are not there.
        artifact: the folder to build in.
        raw: the raw files, by their path in the recipe, which may stand for several.
        records: the same for the manifest.
        clean_key, shard_key: hashes of all that the stages' results depend on.
        rows_per_shard: as asked for; None for the default.
        borrowed: the vocabulary of another artifact, if the recipe asks for it.
        clean_reason, shard_reason: why the stage must run; None if it need not.
    """

    recipe: AnyRecipe
    artifact: Path
    raw: Mapping[str, tuple[RawContent, ...]]
    records: tuple[RawRecord, ...]
    clean_key: str
    shard_key: str
    rows_per_shard: int | None
    borrowed: Borrowed | None = None
    clean_reason: str | None = None
    shard_reason: str | None = None

    @property
    def clean_generation(self) -> str:
        """Folder of the cleaned rows."""
        return generation_name("clean", self.clean_key)

    @property
    def shard_generation(self) -> str:
        """Folder of the shards."""
        return generation_name("shards", self.shard_key)


def plan_build(
    recipe: AnyRecipe,
    *,
    raw: Path,
    artifact: Path,
    rows_per_shard: int | None = None,
    force: bool = False,
    copies: Path | None = None,
) -> Plan:
    """Read the raw files and compare them and the recipe with what was built before.

    Args:
        recipe: from `present_recipe`.
        raw: folder of the raw files.
        artifact: folder of what was built.
        rows_per_shard: as asked for; None for the default.
        force: build whatever has changed or not.
        copies: where to leave what compressed files hold, as they are read anyway.

    Raises:
        InputError: a raw file cannot be read.
    """
    known = _known_contents(artifact)
    files = {file.path: file for file in recipe.files()}
    contents = {
        name: tuple(
            _read(p, file, _encoding(recipe, name), known, copies) for p in expand_raw(raw, file)
        )
        for name, file in files.items()
    }
    samples = sample_digests(raw)
    recorded = {
        name: [_record(raw, files[name], content, samples) for content in contents[name]]
        for name in sorted(files)
    }
    rows, others = _facts_of(recipe, recorded)
    clean_key = facts_sha256([CLEAN_VERSION, FORMAT_VERSION, recipe.clean_facts(), rows])
    borrowed = borrow(recipe, artifact.parent)
    vocab = others if borrowed is None else borrowed.facts()
    shard_key = facts_sha256([SHARD_VERSION, clean_key, recipe.sha256(), rows_per_shard, vocab])
    records = tuple(itertools.chain.from_iterable(recorded.values()))
    plan = Plan(recipe, artifact, contents, records, clean_key, shard_key, rows_per_shard, borrowed)
    if force:
        return replace(plan, clean_reason="asked for", shard_reason="asked for")
    shard_reason = _why_shard(plan)
    clean_reason = _why_clean(plan) if shard_reason is not None else None
    return replace(plan, clean_reason=clean_reason, shard_reason=shard_reason)


def _facts_of(
    recipe: AnyRecipe, recorded: Mapping[str, Sequence[RawRecord]]
) -> tuple[list[Any], list[Any]]:
    """Return the facts of the raw files that hold rows, and of the others."""
    of_rows = {file.path for file in recipe.row_files()}
    facts: tuple[list[Any], list[Any]] = ([], [])
    for name, records in recorded.items():
        facts[name not in of_rows].extend(record.model_dump(mode="json") for record in records)
    return facts


def has_raw(recipe: AnyRecipe, raw: Path) -> bool:
    """Say whether at least one raw file of the recipe is in the folder."""
    files = [file for split in recipe.splits.values() for file in split.files()]
    return any(expand_raw(raw, file) for file in files)


def present_recipe(recipe: AnyRecipe, raw: Path) -> AnyRecipe:
    """Return a recipe without the optional splits whose files are not there.

    Raises:
        MissingRawFileError: a file of another split is missing.
    """
    absent = {
        name
        for name, split in recipe.splits.items()
        if split.optional and not all(expand_raw(raw, file) for file in split.files())
    }
    splits = {
        name: split
        for name, split in recipe.splits.items()
        if name not in absent and (split.hold_out is None or split.hold_out.split not in absent)
    }
    if "train" not in splits:
        raise MissingRawFileError(
            raw,
            expected="the raw files of the split train, which statistics come from",
            found="none",
            fix="check --raw",
        )
    recipe = recipe.model_copy(update={"splits": splits})
    for file in recipe.files():
        _check_present(raw, file)
    return recipe


def _check_present(raw: Path, file: RawFile) -> None:
    if expand_raw(raw, file):
        return
    expected = raw / file.path
    there = sorted(p.name for p in expected.parent.glob("*"))
    close = difflib.get_close_matches(expected.name, there, n=1)
    fetch = "run `shardmill fetch`, or " if file.urls else ""
    raise MissingRawFileError(
        expected,
        expected="a raw file",
        found=f"{close[0]} beside it" if close else "none",
        fix=f"{fetch}check --raw",
    )


def is_known(recipe: AnyRecipe, raw: Path, artifact: Path) -> bool:
    """Say whether no raw file of a recipe needs to be read to know what is in it."""
    known = _known_contents(artifact)
    return all(
        known_content(path, known.get(str(path), {})) is not None
        for file in recipe.files()
        for path in expand_raw(raw, file)
    )


def _read(
    path: Path, file: RawFile, encoding: str | None, known: Mapping[str, Any], copies: Path | None
) -> RawContent:
    md5 = file.checksum is not None and file.checksum.startswith("md5:")
    content = known_content(path, known.get(str(path), {}))
    if content is not None and (content.md5 or not md5):
        return content
    copy = None if copies is None else _copy_in(copies, path)
    return RawContent.of(path, plain_copy(path, copy, encoding=encoding, md5=md5))


def with_copies(plan: Plan, copies: Path) -> Plan:
    """Return a plan whose raw files can all be read as they are, in UTF-8 where they are text.

    Raises:
        InputError: a raw file has changed since the plan was made, or is not in its encoding.
    """
    raw = {
        name: tuple(_readable(c, _encoding(plan.recipe, name), copies) for c in contents)
        for name, contents in plan.raw.items()
    }
    return replace(plan, raw=raw)


def _readable(content: RawContent, encoding: str | None, copies: Path) -> RawContent:
    if content.readable != content.path or is_plain(content.path, encoding):
        return content
    plain = plain_copy(content.path, _copy_in(copies, content.path), encoding=encoding)
    if plain.sha256 != content.sha256:
        raise changed_error(content.path)
    return replace(content, readable=plain.path)


def check_unchanged(plan: Plan) -> None:
    """Look whether the raw files are still what they were when the plan was made.

    Raises:
        InputError: one is not.
    """
    for contents in plan.raw.values():
        for content in contents:
            check_same(content)


def _copy_in(folder: Path, path: Path) -> Path:
    return folder / hashlib.sha256(str(path).encode()).hexdigest()


def _encoding(recipe: AnyRecipe, name: str) -> str | None:
    if isinstance(recipe, ImageRecipe) or name not in {file.path for file in recipe.row_files()}:
        return None
    return recipe.csv.encoding


def _record(raw: Path, file: RawFile, content: RawContent, samples: frozenset[str]) -> RawRecord:
    published = None if file.checksum is None else content.matches(file.checksum)
    path = content.path.relative_to(raw).as_posix() if file.is_pattern else file.path
    return RawRecord(
        path=path,
        bytes=content.bytes,
        sha256=content.sha256,
        published=published,
        sample=content.sha256 in samples,
    )


def _known_contents(artifact: Path) -> Mapping[str, Any]:
    try:
        known = json.loads((artifact / BUILD_NAME).read_bytes())["raw"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    wanted = {field.name for field in fields(RawContent)} - {"readable"}
    whole = isinstance(known, dict) and all(
        isinstance(content, dict) and set(content) == wanted for content in known.values()
    )
    return known if whole else {}


def _why_clean(plan: Plan) -> str | None:
    if clean_record(plan.artifact, plan.clean_key) is None:
        return "no cleaned rows of these raw files and this recipe"
    return None


def clean_record(artifact: Path, clean_key: str) -> CleanRecord | None:
    """Return what the clean stage left for this key, if it has run and its files are there."""
    path = artifact / generation_name("clean", clean_key) / CLEAN_NAME
    try:
        record = CleanRecord.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    files = [file for split in record.splits.values() for file in split.files()]
    whole = all(_is_there(artifact, file.path, file.bytes) for file in files)
    return record if whole and record.clean_key == clean_key else None


def _why_shard(plan: Plan) -> str | None:
    try:
        manifest = Manifest.load(plan.artifact)
    except MissingArtifactError:
        return "there is no artifact yet"
    except FormatVersionError:
        raise  # somebody's newer artifact is not ours to replace without being asked to
    except ArtifactError as error:
        return f"the artifact cannot be read: {error.found}"
    before = {record.path: record for record in manifest.raw}
    changed = [r.path for r in plan.records if before.get(r.path) != r]
    changed += [path for path in before if path not in {r.path for r in plan.records}]
    if changed:
        return f"changed since the last build: {', '.join(changed)}"
    if manifest.recipe_sha256 != plan.recipe.sha256():
        return "the recipe has changed"
    if manifest.requested_rows_per_shard != plan.rows_per_shard:
        return "another number of rows per shard"
    if plan.borrowed is not None and manifest.shard_key != plan.shard_key:
        return f"the vocabulary of {plan.borrowed.artifact.name} has changed, or shardmill has"
    if manifest.shard_key != plan.shard_key:
        return "built by another version of shardmill or of Arrow"
    for file in manifest.files():
        if not _is_there(plan.artifact, file.path, file.bytes):
            return f"{file.path} is missing or of another size"
    return None


def _is_there(artifact: Path, path: str, size: int) -> bool:
    try:
        return (artifact / path).stat().st_size == size
    except OSError:
        return False
