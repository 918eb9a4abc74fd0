"""Finds out what a build has to do and why, without changing anything."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shardmill.errors import ArtifactError, FormatVersionError, MissingArtifactError
from shardmill.format.layout import FORMAT_VERSION
from shardmill.format.manifest import CleanRecord, Manifest, RawRecord
from shardmill.format.read_checked import read_raw_records
from shardmill.pipeline.builds.generation import generation_name
from shardmill.pipeline.builds.read_content import Reading, read_contents, readable_contents
from shardmill.pipeline.builds.wanted import Wanted
from shardmill.pipeline.stages.borrow_vocab import Borrowed, borrow
from shardmill.raw.raw_files import RawContent, RawFiles, check_same, sample_digests
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.recipe import facts_sha256
from shardmill.recipe.splits import RawFile
from shardmill.store.mounts import is_mounted

if TYPE_CHECKING:
    from shardmill.pipeline.builds.artifact_at_url import ArtifactAtUrl

CLEAN_NAME = "clean.json"

# The result of a stage depends on these too. The number goes up whenever the stage writes other
# bytes for the same input. Arrow writes its version into Parquet files.
CLEAN_VERSION = f"clean 10, arrow {version('pyarrow')}"
SHARD_VERSION = "shard 6"

_NAMED = 10  # of raw files that have changed


@dataclass(frozen=True, slots=True)
class Plan:
    """What to build from what.

    Attributes:
        recipe: The recipe without the optional splits whose files are missing.
        artifact: The folder to build in.
        files: The raw files that were found.
        raw: Their contents, by their path in the recipe. A path may stand for several files.
        records: What raw.json says of the raw files.
        clean_key, shard_key: The hashes of everything that the results of the stages depend on.
        rows_per_shard: The number of rows that was asked for; None for the default.
        before: The manifest of what was built before; None if there is none that can be read.
        borrowed: The vocabulary of another artifact, if the recipe takes one.
        remote: The URL that the artifact is built for, where some of its files are.
        clean_reason, shard_reason: Why the stage must run; None if it need not run.
    """

    recipe: AnyRecipe
    artifact: Path
    files: RawFiles
    raw: Mapping[str, tuple[RawContent, ...]]
    records: tuple[RawRecord, ...]
    clean_key: str
    shard_key: str
    rows_per_shard: int | None
    before: Manifest | None
    borrowed: Borrowed | None = None
    remote: "ArtifactAtUrl | None" = None
    clean_reason: str | None = None
    shard_reason: str | None = None

    @property
    def clean_generation(self) -> str:
        """The name of the folder of cleaned rows."""
        return generation_name("clean", self.clean_key)

    @property
    def shard_generation(self) -> str:
        """The name of the folder of shards."""
        return generation_name("shards", self.shard_key)

    def has(self, path: str, size: int) -> bool:
        """Say whether a file of the artifact is there, or at its URL, and of this size."""
        try:
            if (self.artifact / path).stat().st_size == size:
                return True
        except OSError:
            pass
        return self.remote is not None and self.remote.has(path, size)

    def raw_paths(self) -> dict[Path, str]:
        """Return the path of each raw file in raw.json, by its place on disk."""
        files = (content for name in sorted(self.raw) for content in self.raw[name])
        return {file.path: each.path for file, each in zip(files, self.records, strict=True)}


def plan_build(
    recipe: AnyRecipe, *, raw: RawFiles, wanted: Wanted, reading: Reading | None = None
) -> Plan:
    """Read the raw files and compare them and the recipe with what was built before.

    Args:
        recipe: A recipe from `present_recipe`.
        raw: The raw files of the recipe.
        wanted: Where and how to build.
        reading: Where plain copies of compressed files go, which are read anyway, and what is told
            of it; None to make no copies.

    Raises:
        InputError: A raw file cannot be read.
        ArtifactError: The vocabulary of another artifact cannot be taken, or the artifact to
            replace is of a newer version.
    """
    artifact, rows_per_shard, force = wanted.artifact, wanted.rows_per_shard, wanted.force
    contents = read_contents(recipe, raw, artifact=artifact, reading=reading or Reading())
    files = {file.path: file for file in recipe.files()}
    samples = sample_digests(raw.folder)
    recorded = {
        name: [_record(raw.folder, files[name], content, samples) for content in contents[name]]
        for name in sorted(files)
    }
    rows, others = _facts_of(recipe, recorded)
    unicode = recipe.unicode_version()
    clean_key = facts_sha256([CLEAN_VERSION, FORMAT_VERSION, recipe.clean_facts(), rows, unicode])
    borrowed = borrow(recipe, artifact.parent)
    learner = recipe.learner()
    vocab = others if borrowed is None else borrowed.facts()
    vocab = vocab if learner is None else [*vocab, learner]
    shard_key = facts_sha256([SHARD_VERSION, clean_key, recipe.sha256(), rows_per_shard, vocab])
    records = tuple(itertools.chain.from_iterable(recorded.values()))
    before, unreadable = _before(artifact, force=force)
    plan = Plan(
        recipe=recipe,
        artifact=artifact,
        files=raw,
        raw=contents,
        records=records,
        clean_key=clean_key,
        shard_key=shard_key,
        rows_per_shard=rows_per_shard,
        before=before,
        borrowed=borrowed,
        remote=wanted.remote,
    )
    if force:
        return replace(plan, clean_reason="asked for", shard_reason="asked for")
    shard_reason = unreadable if before is None else _why_shard(plan, before)
    clean_reason = _why_clean(plan) if shard_reason is not None else None
    return replace(plan, clean_reason=clean_reason, shard_reason=shard_reason)


def _before(artifact: Path, *, force: bool) -> tuple[Manifest | None, str]:
    """Return the manifest of what was built before; if it cannot be read, None and why.

    Raises:
        FormatVersionError: The artifact is of a newer version. Somebody's newer artifact is not
            replaced unless `force` says so.
    """
    try:
        return Manifest.load(artifact), ""
    except MissingArtifactError:
        return None, "there is no artifact yet"
    except FormatVersionError as error:
        if not force:
            raise
        return None, str(error.found)
    except ArtifactError as error:
        return None, f"the artifact cannot be read: {error.found}"


def _facts_of(
    recipe: AnyRecipe, recorded: Mapping[str, Sequence[RawRecord]]
) -> tuple[list[Any], list[Any]]:
    """Return the facts of the raw files that hold rows, and those of the other raw files."""
    of_rows = {file.path for file in recipe.row_files()}
    facts: tuple[list[Any], list[Any]] = ([], [])
    for name, records in recorded.items():
        facts[name not in of_rows].extend(record.model_dump(mode="json") for record in records)
    return facts


def with_copies(plan: Plan, copies: Path) -> Plan:
    """Return the plan with raw files that can all be read as they are; see `readable_contents`.

    Raises:
        InputError: A raw file has changed since the plan was made, or is not in its encoding.
    """
    return replace(plan, raw=readable_contents(plan.recipe, plan.raw, copies))


def check_unchanged(plan: Plan) -> None:
    """Compare the raw files with what they were when the plan was made.

    Raises:
        InputError: A raw file is another one now.
    """
    for contents in plan.raw.values():
        for content in contents:
            check_same(content)
    if plan.files.url and is_mounted():
        # Other machines have brought the files themselves.
        from shardmill.pipeline.builds.bring_raw import check_brought

        paths = [content.path for contents in plan.raw.values() for content in contents]
        check_brought(plan.files.url, plan.files.folder, paths)


def _record(raw: Path, file: RawFile, content: RawContent, samples: frozenset[str]) -> RawRecord:
    published = None if file.checksum is None else content.checksum == file.checksum
    path = content.path.relative_to(raw).as_posix() if file.is_pattern else file.path
    return RawRecord(
        path=path,
        bytes=content.bytes,
        digest=content.digest,
        published=published,
        sample=content.digest in samples,
    )


def _why_clean(plan: Plan) -> str | None:
    if clean_record(plan) is None:
        return "no cleaned rows of these raw files and this recipe"
    return None


def clean_record(plan: Plan) -> CleanRecord | None:
    """Return what the clean stage left; None if it has not run, or files are missing or damaged."""
    path = plan.artifact / generation_name("clean", plan.clean_key) / CLEAN_NAME
    try:
        record = CleanRecord.model_validate_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    if record.clean_key != plan.clean_key or set(record.splits) != set(plan.recipe.splits):
        return None
    splits = record.splits.values()
    files = [file for split in splits for file in split.files()]
    adds_up = all(sum(file.rows for file in split.parquet) == split.rows for split in splits)
    whole = adds_up and all(plan.has(file.path, file.bytes) for file in files)
    return record if whole else None


def _why_shard(plan: Plan, before: Manifest) -> str | None:
    """Return why the shard stage must run after what was built before; None if it need not."""
    if before.shard_key != plan.shard_key:
        return _what_changed(plan, before)
    for file in before.files():
        # People write into the card, and that is no reason to build.
        if file != before.card and not plan.has(file.path, file.bytes):
            return f"{file.path} is missing or of another size"
    return None


def _what_changed(plan: Plan, before: Manifest) -> str:
    """Return in words what makes the key of the shards another one."""
    try:
        then = {record.path: record for record in read_raw_records(plan.artifact, before)}
    except ArtifactError as error:
        return f"the artifact cannot be read: {error.found}"
    now = {record.path: record for record in plan.records}
    reasons = []
    changed = [path for path in {**now, **then} if then.get(path) != now.get(path)]
    if changed:
        more = f" and {len(changed) - _NAMED:,} more" if len(changed) > _NAMED else ""
        reasons.append(f"changed since the last build: {', '.join(changed[:_NAMED])}{more}")
    whole = before.recipe_sha256 == facts_sha256(before.recipe)
    if not whole or _without_optional(before.recipe) != _without_optional(plan.recipe.facts()):
        reasons.append("the recipe has changed")
    if before.requested_rows_per_shard != plan.rows_per_shard:
        reasons.append("another number of rows per shard")
    unicode, vocabulary = plan.recipe.unicode_version(), before.vocabulary
    if vocabulary is not None and vocabulary.unicode != unicode:
        reasons.append(f"built by Unicode {vocabulary.unicode}, and this Python has {unicode}")
    if not reasons and plan.borrowed is not None:
        name = plan.borrowed.artifact.name
        reasons.append(f"the vocabulary of {name} has changed, or shardmill has")
    if not reasons and before.recipe_sha256 != plan.recipe.sha256():
        reasons.append("the recipe has changed")
    others = "built by another version of shardmill, of Arrow, of time zones or of tokenizers"
    return "; ".join(reasons) or others


def _without_optional(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe without optional splits, which come and go with their files."""
    splits = facts["splits"]
    optional = {name for name, split in splits.items() if split.get("optional")}
    kept = {
        name: split
        for name, split in splits.items()
        if name not in optional and split.get("hold_out", {}).get("split") not in optional
    }
    return {**facts, "splits": kept}
