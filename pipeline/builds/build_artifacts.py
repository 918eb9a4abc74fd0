"""Builds any number of artifacts, one after the other."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from shardmill.errors import ShardmillError
from shardmill.format.artifact_lock import locked
from shardmill.format.manifest import Manifest
from shardmill.pipeline.builds.build_run import BuildRun, Progress, Watch, no_progress
from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.builds.expand_columns import expand_columns
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.builds.generation import has_remains, new_scratch, remove_remains
from shardmill.pipeline.builds.import_stages import import_stages
from shardmill.pipeline.builds.learn_classes import learn_classes
from shardmill.pipeline.builds.named_by_urls import named_by_urls
from shardmill.pipeline.builds.outcome import Outcome
from shardmill.pipeline.builds.plan_build import Plan, plan_build
from shardmill.pipeline.builds.present_recipe import present_recipe
from shardmill.pipeline.builds.process_engine import ProcessEngine
from shardmill.pipeline.builds.read_content import (
    Reading,
    is_known,
    keep_known,
    unread_files,
)
from shardmill.pipeline.builds.ticks import Ticks
from shardmill.pipeline.builds.wanted import Wanted
from shardmill.pipeline.builds.warn_unpublished import unpublished_notes
from shardmill.pipeline.builds.worthwhile_workers import worthwhile_workers
from shardmill.pipeline.stages.borrow_vocab import lender, lenders_first
from shardmill.raw.raw_files import RawFiles
from shardmill.raw.work_sizes import DEFAULT_SIZES, WorkSizes
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.startup import imported_meanwhile
from shardmill.urls import PathOrUrl, is_url


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """How to build; the options of `shardmill preprocess`.

    Attributes:
        out: The folder of the artifacts, or its URL.
        workers: How many processes work at the same time; None for as many as the size of the raw
            files makes worthwhile.
        rows_per_shard: How many rows a shard has, before it is rounded up to page borders; None for
            the default of the format.
        force: Whether to build even if nothing has changed.
        dry_run: Whether to say only what would be done.
        stages: The stages to run, `clean` or `shard` or both.
        progress: What to call at the start of a stage, after each of its tasks, and at its end.
        watch: What to call at the start of a stage that can be asked at any time how much of it is
            done; see `Watch`.
        sizes: The sizes of the pieces that tasks work on. Another size of parts gives other bytes.
        engine: Where the tasks run: any executor, which runs `workers` of them at the same time,
            or 1; None for a pool of local processes. Its workers need the same folders at the same
            paths, unless there is `scratch`. The caller shuts it down.
        cache: The folder in which artifacts for a URL are built; None for the user's cache.
        scratch: A URL for what tasks write for other tasks, if the workers of `engine` share no
            disk; empty if they do. Raw files must be at a URL, or on a disk that they share.

    Raises:
        ValueError: There is `scratch` without an engine.
    """

    out: PathOrUrl
    workers: int | None = None
    rows_per_shard: int | None = None
    force: bool = False
    dry_run: bool = False
    stages: tuple[str, ...] = ("clean", "shard")
    progress: Progress = no_progress
    watch: Watch | None = None
    sizes: WorkSizes = DEFAULT_SIZES
    engine: Executor | Engine | None = None
    cache: Path | None = None
    scratch: str = ""

    def __post_init__(self) -> None:
        if self.scratch and self.engine is None:
            raise ValueError("scratch is for an engine on several machines")


def build_artifacts(
    sources: Sources,
    options: BuildOptions,
    *,
    on_done: Callable[[Outcome], None] = lambda _: None,
) -> list[Outcome]:
    """Build what is not up to date and return what was done.

    If one artifact fails, the others are still built. They are built in the given order, except
    that an artifact comes before those that take its vocabulary.

    Args:
        sources: What to build.
        options: How to build.
        on_done: A function to call with each outcome.

    Raises:
        ShardmillError: The first failure. The other failures are its notes. What was readable
            before a failed build is readable still.
    """
    if not sources.raw_url:
        return _build_all(sources, options, on_done)
    urls = {sources.raw: sources.raw_url}
    with named_by_urls(urls):
        outcomes = _build_all(sources, options, lambda done: on_done(done.named_by_urls(urls)))
    return [outcome.named_by_urls(urls) for outcome in outcomes]


def _build_all(
    sources: Sources, options: BuildOptions, on_done: Callable[[Outcome], None]
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    failures: list[ShardmillError] = []
    if options.engine is not None:  # the folders of workers may be others than those of here
        sources = replace(sources, raw=sources.raw.absolute(), found={})
        out = options.out if is_url(options.out) else Path(options.out).absolute()
        options = replace(options, out=out)
    with _engine(sources, options) as engine:
        for recipe in lenders_first(sources.recipes):
            try:
                raw = sources.raw_files(recipe)
                awaited = _awaited(recipe, raw, options, outcomes)
                outcomes.append(awaited or _build(recipe, raw, options, engine))
            except ShardmillError as error:
                failures.append(error)
            else:
                on_done(outcomes[-1])
    if failures:
        for other in failures[1:]:
            failures[0].add_note(str(other))
        raise failures[0]
    return outcomes


def _engine(sources: Sources, options: BuildOptions) -> AbstractContextManager[Engine]:
    given = options.engine
    if given is None:
        return ProcessEngine(options.workers or worthwhile_workers(sources))
    if not isinstance(given, Executor):
        return nullcontext(given)
    from shardmill.pipeline.builds.executor_engine import ExecutorEngine  # few builds need it

    return ExecutorEngine(given, options.workers or 1)


def _awaited(
    recipe: AnyRecipe, raw: RawFiles, options: BuildOptions, outcomes: Sequence[Outcome]
) -> Outcome | None:
    """Return what a dry run can say of a recipe whose vocabulary would be built before it."""
    to_build = {outcome.name: outcome for outcome in outcomes if outcome.status == "to build"}
    name = lender(recipe)
    if not options.dry_run or name not in to_build:
        return None
    present_recipe(recipe, raw)
    reasons = {"shard": f"{name}, whose vocabulary it takes, is to be built"}
    lender_of_it = to_build[name]
    artifact = lender_of_it.artifact.with_name(recipe.name)
    url = lender_of_it.url and f"{lender_of_it.url.removesuffix(name)}{recipe.name}"
    return Outcome(recipe.name, artifact, "to build", reasons, lender_of_it.sample, url=url)


def _build(recipe: AnyRecipe, raw: RawFiles, options: BuildOptions, engine: Engine) -> Outcome:
    if not is_url(options.out):
        wanted = Wanted(Path(options.out) / recipe.name, options.rows_per_shard, options.force)
        with _mounted(engine, wanted, options, raw) as on:
            return _build_in(recipe, raw, options, on, wanted=wanted)
    # Few builds need it.
    from shardmill.pipeline.builds.artifact_at_url import ArtifactAtUrl

    out = str(options.out)
    remote = ArtifactAtUrl(out, recipe.name, options.cache)
    wanted = Wanted(remote.folder, options.rows_per_shard, options.force, remote)
    urls = {remote.folder.parent: out}
    with (
        named_by_urls(urls),
        remote.opened(lender(recipe)),
        _mounted(engine, wanted, options, raw) as on,
    ):
        outcome = _build_in(recipe, raw, options, on, wanted=wanted)
    return replace(outcome.named_by_urls(urls), url=remote.url)


def _mounted(
    engine: Engine, wanted: Wanted, options: BuildOptions, raw: RawFiles
) -> AbstractContextManager[Engine]:
    if not options.scratch:
        return nullcontext(engine)
    from shardmill.pipeline.builds.mounted_engine import mounted_engine

    out = "" if wanted.remote is None else wanted.remote.url
    return mounted_engine(engine, options.scratch, wanted.artifact, out=out, raw=raw)


def _build_in(
    recipe: AnyRecipe, raw: RawFiles, options: BuildOptions, engine: Engine, *, wanted: Wanted
) -> Outcome:
    artifact, remote = wanted.artifact, wanted.remote
    recipe = expand_columns(present_recipe(recipe, raw), raw)
    recipe = learn_classes(recipe, raw, artifact, engine=engine, sizes=options.sizes)
    plan = partial(plan_build, recipe, raw=raw, wanted=wanted)
    build = _build_run(recipe.name, options, engine)
    if options.dry_run or is_known(recipe, raw, artifact):
        planned = plan()
        if options.dry_run or (not _needed(planned, options) and not has_remains(artifact)):
            return _outcome(planned, build, options, planned.before)
    with locked(artifact):
        remove_remains(artifact)
        try:
            copies = new_scratch(artifact, "raw")
            build.ticks = Ticks(copies / "ticks") if options.watch is not None else None
            reading = Reading(copies, partial(build.progress, "read"), engine, options.sizes)
            if reading.is_parallel(unread_files(recipe, raw, artifact)):
                _start_early(recipe, engine)
            # This import takes some tenths of a second, as long as seeing that there is nothing to
            # do. So it is made only here, while raw files are hashed.
            with imported_meanwhile(partial(import_stages, recipe)):
                planned = plan(reading=reading)
            manifest = planned.before
            if not _needed(planned, options):
                keep_known(artifact, planned.raw)
            elif not _is_kept(planned, options):
                from shardmill.pipeline.builds.run_stages import run_stages

                needed = _needed(planned, options)
                manifest = run_stages(planned, build, needed=needed, copies=copies)
            if remote is not None:
                remote.publish(build.progress, force=options.force)
            return _outcome(planned, build, options, manifest)
        finally:
            remove_remains(artifact)


def _start_early(recipe: AnyRecipe, engine: Engine) -> None:
    """Start workers that are to hash, with what they need later, and before there are threads."""
    import_stages(recipe)
    engine.start()


def _build_run(name: str, options: BuildOptions, engine: Engine) -> BuildRun:
    watch = options.watch
    return BuildRun(
        engine,
        sizes=options.sizes,
        progress=lambda label, done, total: options.progress(f"{name} {label}", done, total),
        watch=watch and (lambda label, ask, total: watch(f"{name} {label}", ask, total)),
    )


def _needed(plan: Plan, options: BuildOptions) -> dict[str, str]:
    """Return the reason for each stage that must run."""
    reasons = {"clean": plan.clean_reason, "shard": plan.shard_reason}
    return {stage: why for stage, why in reasons.items() if why and stage in options.stages}


def _is_kept(plan: Plan, options: BuildOptions) -> bool:
    """Say whether real data stays because only sample data would replace it."""
    sample = any(record.sample for record in plan.records)
    is_real = plan.before is not None and not plan.before.sample
    return sample and is_real and not options.force and bool(_needed(plan, options))


def _outcome(
    plan: Plan, build: BuildRun, options: BuildOptions, manifest: Manifest | None
) -> Outcome:
    """Return what was done; `manifest` is what readers see now, if there is anything."""
    name, needed = plan.recipe.name, _needed(plan, options)
    splits = {} if manifest is None else manifest.splits
    found = {name: splits[name].rows for name in plan.recipe.splits if name in splits}
    if _is_kept(plan, options):
        note = "made from real files; sample data replaces it only with --force"
        return Outcome(name, plan.artifact, "kept", {}, False, found, notes=(note,))
    status = "to build" if options.dry_run else "built"
    rows = found if "shard" in options.stages and not options.dry_run else {}
    return Outcome(
        name=name,
        artifact=plan.artifact,
        status=status if needed else "up to date",
        reasons=needed,
        sample=any(record.sample for record in plan.records),
        rows=rows,
        seconds=build.seconds,
        notes=(*unpublished_notes(plan, rows), *build.notes),
    )
