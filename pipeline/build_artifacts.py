"""Builds any number of artifacts, each in its turn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shardmill.errors import ArtifactError, MissingRawFileError, RecipeError, ShardmillError
from shardmill.load_recipe import load_recipe, shipped_recipes
from shardmill.manifest import Manifest
from shardmill.pipeline.generation import has_remains, locked, remove_remains
from shardmill.pipeline.plan_build import Plan, clean_record, has_raw, plan_build
from shardmill.pipeline.preprocess import Build, Progress, no_progress, run_clean, run_shard
from shardmill.pipeline.write_sample import SAMPLE_DATASETS, write_sample
from shardmill.recipe import AnyRecipe


@dataclass(frozen=True, slots=True)
class Sources:
    """Recipes and the folder of their raw files; `note` tells the user of a choice made."""

    recipes: tuple[AnyRecipe, ...]
    raw: Path
    note: str = ""


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How to build; see `shardmill preprocess --help`."""

    out: Path
    workers: int = 1
    rows_per_shard: int | None = None
    force: bool = False
    dry_run: bool = False
    stages: tuple[str, ...] = ("clean", "shard")
    progress: Progress = no_progress


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was done, or would be, for one artifact.

    Attributes:
        status: `built`, `up to date`, `kept` (real, where sample data would have replaced it) or,
            in a dry run, `to build`.
        reasons: why each stage had to run.
        rows: by split; empty before a build.
        seconds: by stage that ran.
    """

    name: str
    artifact: Path
    status: str
    reasons: dict[str, str]
    sample: bool
    rows: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the facts for JSON."""
        return {
            "name": self.name,
            "artifact": str(self.artifact),
            "status": self.status,
            "reasons": self.reasons,
            "sample": self.sample,
            "rows": self.rows,
            "seconds": self.seconds,
            "notes": list(self.notes),
        }

    def line(self) -> str:
        """Return the outcome in one line."""
        why = self.reasons.get("shard") or self.reasons.get("clean")
        took = f" in {sum(self.seconds.values()):.1f} s" if self.seconds else ""
        rows = ", ".join(f"{split} {n:,}" for split, n in self.rows.items())
        parts = [
            f"{self.status}{took}" + (f" ({why})" if why else ""),
            f"rows: {rows}" if rows else "",
            "SAMPLE DATA" if self.sample else "",
            str(self.artifact),
        ]
        return "  ".join(part for part in parts if part)


def find_sources(
    names: Sequence[str], *, raw: Path, sample: Path | None = None, dry_run: bool = False
) -> Sources:
    """Return what to build.

    Args:
        names: shipped recipes or paths of recipes; none means all shipped ones whose raw files
            are in `raw`.
        raw: folder of the raw files.
        sample: where to generate sample files, and take them from, if `raw` holds none at all.
        dry_run: generate nothing.

    Raises:
        MissingRawFileError: there are no raw files, and no sample was asked for.
        RecipeError: a recipe is not valid, or two have one name.
    """
    recipes = tuple(load_recipe(name) for name in names or shipped_recipes())
    _check_names(names, recipes)
    present = tuple(recipe for recipe in recipes if has_raw(recipe, raw))
    if present and not names:
        absent = ", ".join(recipe.name for recipe in recipes if recipe not in present)
        return Sources(present, raw, f"no raw files of {absent} in {raw}" if absent else "")
    if present:
        return Sources(recipes, raw)
    if sample is not None and all(recipe.name in SAMPLE_DATASETS for recipe in recipes):
        if dry_run and not all(has_raw(recipe, sample) for recipe in recipes):
            return Sources((), raw, f"no raw files in {raw}: would generate sample data")
        if not all(has_raw(recipe, sample) for recipe in recipes):
            write_sample(sample, [recipe.name for recipe in recipes])
        note = f"no raw files in {raw}: using generated SAMPLE DATA in {sample} instead"
        return Sources(recipes, sample, note)
    raise MissingRawFileError(
        raw,
        expected=f"raw files of {', '.join(recipe.name for recipe in recipes)}",
        found="none",
        fix="run `shardmill fetch`, or `shardmill sample` for synthetic ones, or check --raw",
    )


def _check_names(names: Sequence[str], recipes: Sequence[AnyRecipe]) -> None:
    known: dict[str, str] = {}
    for name, recipe in zip(names, recipes, strict=False):
        if recipe.name in known:
            raise RecipeError(
                name,
                expected=f"another name than that of {known[recipe.name]}",
                found=f"{recipe.name} in both",
                fix="an artifact has the name of its recipe; rename one",
            )
        known[recipe.name] = name


def build_artifacts(
    sources: Sources, options: BuildOptions, on_done: Callable[[Outcome], None] = lambda _: None
) -> list[Outcome]:
    """Build what is not up to date and return what was done, in order.

    All are tried, also after one that fails.

    Args:
        sources: what to build.
        options: how.
        on_done: called with each outcome.

    Raises:
        ShardmillError: the first failure; those of others are its notes. What was readable before
            a build that failed is readable still.
    """
    outcomes: list[Outcome] = []
    failures: list[ShardmillError] = []
    for recipe in sources.recipes:
        try:
            outcomes.append(_build(recipe, sources.raw, options))
        except ShardmillError as error:
            failures.append(error)
        else:
            on_done(outcomes[-1])
    if failures:
        for other in failures[1:]:
            failures[0].add_note(str(other))
        raise failures[0]
    return outcomes


def _build(recipe: AnyRecipe, raw: Path, options: BuildOptions) -> Outcome:
    plan = plan_build(
        recipe,
        raw=raw,
        artifact=options.out / recipe.name,
        rows_per_shard=options.rows_per_shard,
        force=options.force,
    )
    reasons = {"clean": plan.clean_reason, "shard": plan.shard_reason}
    needed = {stage: why for stage, why in reasons.items() if why and stage in options.stages}
    sample = any(record.sample for record in plan.records)
    if sample and needed and not options.force and _is_real(plan.artifact):
        note = "made from real files; sample data replaces it only with --force"
        return Outcome(recipe.name, plan.artifact, "kept", {}, False, _rows(plan), notes=(note,))
    build = Build(
        workers=options.workers,
        progress=lambda stage, done, total: options.progress(f"{recipe.name} {stage}", done, total),
    )
    if not options.dry_run:
        _run_stages(plan, build, needed, options.stages)
    status = "to build" if options.dry_run else "built"
    rows = _rows(plan) if "shard" in options.stages and not options.dry_run else {}
    return Outcome(
        name=recipe.name,
        artifact=plan.artifact,
        status=status if needed else "up to date",
        reasons=needed,
        sample=sample,
        rows=rows,
        seconds=build.seconds,
        notes=(*_notes_on_raw(plan, rows), *build.notes),
    )


def _run_stages(plan: Plan, build: Build, needed: dict[str, str], stages: tuple[str, ...]) -> None:
    if not needed and not has_remains(plan.artifact):
        return
    with locked(plan.artifact):
        remove_remains(plan.artifact)
        # Another build may have removed the cleaned rows before this one got the lock.
        again = "clean" in stages and clean_record(plan.artifact, plan.clean_key) is None
        if "clean" in needed or (needed and again):
            run_clean(plan, build)
        if "shard" in needed:
            run_shard(plan, build)


def _notes_on_raw(plan: Plan, rows: dict[str, int]) -> Iterator[str]:
    """Yield a line for each raw file that is another one than the published."""
    records = {record.path: record for record in plan.records}
    for name, split in plan.recipe.source_splits().items():
        held_out = [
            n for n, s in plan.recipe.splits.items() if s.hold_out and s.hold_out.split == name
        ]
        found = sum(rows.get(n, 0) for n in (name, *held_out))
        for file in split.files():
            record = records[file.path]
            path = plan.raw[file.path].path
            other = file.rows is not None and found and found != file.rows
            counts = f" ({found:,} rows kept, {file.rows:,} in the recipe)" if other else ""
            if record.published is False and not record.sample:
                yield f"{path} is not the published file{counts}; it is used as it is"
            elif record.published is None and other:
                yield f"{path} has another number of rows than the recipe says{counts}"


def _is_real(artifact: Path) -> bool:
    try:
        return not Manifest.load(artifact).sample
    except ArtifactError:
        return False


def _rows(plan: Plan) -> dict[str, int]:
    splits = Manifest.load(plan.artifact).splits
    return {name: split.rows for name, split in splits.items()}
