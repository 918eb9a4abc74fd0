"""Finds out what a build needs to do, and why, without changing anything."""

import difflib
import json
from collections.abc import Mapping
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
from shardmill.layout import FORMAT_VERSION
from shardmill.manifest import CleanRecord, Manifest, RawRecord
from shardmill.pipeline.generation import BUILD_NAME, generation_name
from shardmill.pipeline.raw_files import RawContent, find_raw, read_raw, sample_digests
from shardmill.recipe import AnyRecipe
from shardmill.recipe_facts import facts_sha256
from shardmill.recipe_tables import RawFile

CLEAN_NAME = "clean.json"

# Part of what a stage's result depends on. The number goes up whenever the stage writes other
# bytes for the same input; Arrow writes its version into Parquet files.
CLEAN_VERSION = f"clean 1, arrow {version('pyarrow')}"
SHARD_VERSION = "shard 1"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build from what.

    Attributes:
        recipe: without the optional splits whose files are not there.
        artifact: the folder to build in.
        raw: every raw file, by its path in the recipe.
        records: the same for the manifest.
        clean_key, shard_key: hashes of all that the stages' results depend on.
        rows_per_shard: as asked for; None for the default.
        clean_reason, shard_reason: why the stage must run; None if it need not.
    """

    recipe: AnyRecipe
    artifact: Path
    raw: Mapping[str, RawContent]
    records: tuple[RawRecord, ...]
    clean_key: str
    shard_key: str
    rows_per_shard: int | None
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
) -> Plan:
    """Read the raw files and compare them and the recipe with what was built before.

    Raises:
        MissingRawFileError: a file of a split that is not optional is missing.
        InputError: a raw file cannot be read.
    """
    recipe = recipe.model_copy(update={"splits": _present_splits(recipe, raw)})
    if "train" not in recipe.splits:
        raise MissingRawFileError(
            raw,
            expected="the raw files of the split train, which statistics come from",
            found="none",
            fix="check --raw",
        )
    known = _known_contents(artifact)
    files = {f.path: f for split in recipe.splits.values() for f in split.files()}
    contents = {path: _read(raw, file, known) for path, file in files.items()}
    samples = sample_digests(raw)
    records = tuple(_record(files[p], contents[p], samples) for p in sorted(files))
    facts = [record.model_dump(mode="json") for record in records]
    clean_key = facts_sha256([CLEAN_VERSION, FORMAT_VERSION, recipe.clean_facts(), facts])
    shard_key = facts_sha256([SHARD_VERSION, clean_key, recipe.sha256(), rows_per_shard])
    plan = Plan(recipe, artifact, contents, records, clean_key, shard_key, rows_per_shard)
    if force:
        return replace(plan, clean_reason="asked for", shard_reason="asked for")
    shard_reason = _why_shard(plan)
    clean_reason = _why_clean(plan) if shard_reason is not None else None
    return replace(plan, clean_reason=clean_reason, shard_reason=shard_reason)


def has_raw(recipe: AnyRecipe, raw: Path) -> bool:
    """Say whether at least one raw file of the recipe is in the folder."""
    files = [file for split in recipe.splits.values() for file in split.files()]
    return any(find_raw(raw, file) is not None for file in files)


def _present_splits(recipe: AnyRecipe, raw: Path) -> dict[str, Any]:
    absent = {
        name
        for name, split in recipe.splits.items()
        if split.optional and any(find_raw(raw, file) is None for file in split.files())
    }
    return {
        name: split
        for name, split in recipe.splits.items()
        if name not in absent and (split.hold_out is None or split.hold_out.split not in absent)
    }


def _read(raw: Path, file: RawFile, known: Mapping[str, Any]) -> RawContent:
    path = find_raw(raw, file)
    if path is None:
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
    return read_raw(path, known=known.get(file.path))


def _record(file: RawFile, content: RawContent, samples: frozenset[str]) -> RawRecord:
    published = None if file.checksum is None else content.matches(file.checksum)
    return RawRecord(
        path=file.path,
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
    wanted = {field.name for field in fields(RawContent)}
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
