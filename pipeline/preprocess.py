"""Builds an artifact: runs the stages that are needed, and switches readers to the result."""

import itertools
import json
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shardmill.errors import EmptyFileError, InputError
from shardmill.find_kind import find_kind, target_fields
from shardmill.kinds.row import Fitted, RowFault
from shardmill.layout import Field, aligned_rows, default_rows_per_shard
from shardmill.load_vocab import vocab_bytes
from shardmill.manifest import (
    CleanedSplit,
    CleanRecord,
    Manifest,
    ShardRecord,
    SplitRecord,
    VocabularyRecord,
    to_json,
)
from shardmill.pipeline.clean_part import CleanedPart, CleanJob, clean_part
from shardmill.pipeline.cut_parts import cut_parts, part_count
from shardmill.pipeline.draft_rows import Drafted, DraftFile, draft_parquet
from shardmill.pipeline.generation import Generation, new_generation, publish
from shardmill.pipeline.plan_build import CLEAN_NAME, Plan, check_unchanged
from shardmill.pipeline.raw_source import raw_source
from shardmill.pipeline.run_tasks import Workers
from shardmill.pipeline.shard_split import even_shards, write_shard_of
from shardmill.pipeline.write_tokenizer import tokenizer_json
from shardmill.preprocessor import Preprocessor
from shardmill.text_recipe import TextRecipe
from shardmill.version import __version__

Progress = Callable[[str, int, int], None]  # stage, tasks done, tasks in all


def no_progress(stage: str, done: int, total: int) -> None:
    """Show nothing."""


@dataclass(slots=True)
class Build:
    """One run: how it goes about things, and what it took.

    Attributes:
        workers: the processes that do it.
        progress: called at the start of a stage and after each of its tasks.
        notes: what the user should know, one line each.
        seconds: by stage.
    """

    workers: Workers
    progress: Progress = no_progress
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time that something takes to a stage's."""
        started = time.perf_counter()
        yield
        took = self.seconds.get(stage, 0) + time.perf_counter() - started
        self.seconds[stage] = round(took, 3)

    def run(
        self,
        stage: str,
        function: Callable[..., Any],
        arguments: Iterable[tuple[Any, ...]],
        total: int,
    ) -> list[Any]:
        """Run the tasks of a stage, about `total` of them, and note how long they took."""
        done = 0
        self.progress(stage, done, total)

        def on_done() -> None:
            nonlocal done
            done += 1
            self.progress(stage, done, max(total, done))

        with self.timed(stage):
            return self.workers.run(function, arguments, on_done)


Drafts = Mapping[str, Sequence[DraftFile]]  # by split, one for each Parquet file


def run_clean(plan: Plan, build: Build, *, drafts: Path | None) -> tuple[CleanRecord, Drafts]:
    """Clean the raw files of a plan into its clean generation.

    Args:
        plan: what to build.
        build: how.
        drafts: a folder for what the shard stage needs, if it follows at once.

    Returns:
        What was cleaned, and its drafts.

    Raises:
        InputError: a raw file is not what the recipe says; nothing has changed then.
        OutputError: the artifact cannot be written.
    """
    with new_generation(plan.artifact, plan.clean_generation) as generation:
        parts: dict[str, list[CleanedPart]] = {name: [] for name in plan.recipe.splits}
        for name in plan.recipe.source_splits():
            job = _clean_job(plan, name, generation, drafts)
            # Of what is read, not of the raw files: neither compression nor encoding moves a cut.
            size = sum(file.readable.stat().st_size for file in job.source.files())
            cut = cut_parts(job.source.chunks(), total_bytes=size)
            tasks = ((job, part) for part in cut)
            done = build.run("clean", clean_part, tasks, part_count(size))
            for part in done:
                for split, cleaned in part.items():
                    parts[split].append(cleaned)
            _check_left_out(plan, name, parts, job.source.files()[0].path)
        check_unchanged(plan)
        record = CleanRecord(
            clean_key=plan.clean_key,
            splits={n: _cleaned_split(plan, n, parts[n]) for n in plan.recipe.splits},
        )
        generation.write(CLEAN_NAME, to_json(record))
    kept = {n: [p.draft for p in ps if p.parquet and p.draft] for n, ps in parts.items()}
    return record, kept


def _clean_job(plan: Plan, split: str, generation: Generation, drafts: Path | None) -> CleanJob:
    source = raw_source(plan.recipe, plan.recipe.splits[split], plan.raw)
    return CleanJob(plan.recipe, split, source, generation, drafts)


def _cleaned_split(plan: Plan, name: str, parts: Sequence[CleanedPart]) -> CleanedSplit:
    split = plan.recipe.splits[name]
    if split.hold_out is not None:
        split = plan.recipe.splits[split.hold_out.split]
    dropped: Counter[str] = sum((Counter(part.dropped) for part in parts), Counter())
    return CleanedSplit(
        rows=sum(part.rows for part in parts),
        labelled=split.labelled and bool(target_fields(plan.recipe)),
        parquet=tuple(part.parquet for part in parts if part.parquet),
        dropped=dict(dropped),
        rejected=sum(part.bad for part in parts),
        left_out=tuple(part.left_out for part in parts if part.left_out),
    )


def _check_left_out(
    plan: Plan, split: str, parts: Mapping[str, Sequence[CleanedPart]], file: Path
) -> None:
    """Fail if there are no rows, or too many that are not what the recipe says."""
    own = [split, *(n for n, s in plan.recipe.splits.items() if s.hold_out_of(split))]
    kept = sum(part.rows for name in own for part in parts[name])
    bad = sum(part.bad for part in parts[split])
    dropped = sum(sum(part.dropped.values()) for part in parts[split])
    allowed = plan.recipe.bad_rows_allowed()
    if bad > allowed * (kept + bad + dropped):
        first = next(part.first_bad for part in parts[split] if part.bad)
        raise InputError(
            first.partition(": ")[0],
            expected=f"at most {allowed:.4g} of the rows of {split} to be bad (csv.max_bad_rows)",
            found=f"{bad:,} of {kept + bad + dropped:,}, the first: {first.partition(': ')[2]}",
            fix="correct the files or the recipe, or raise csv.max_bad_rows",
        )
    if kept == 0:
        raise EmptyFileError(
            file,
            expected="at least one row to keep",
            found=f"{dropped + bad:,} rows, none to keep",
            fix="fetch or copy the file again, or correct the recipe",
        )
    if split == "train" and not any(part.rows for part in parts[split]):
        raise EmptyFileError(
            file,
            expected="at least one row for train, which statistics come from",
            found=f"{kept:,} rows, all held out",
            fix="fetch or copy the file again, or hold out less",
        )


def run_shard(
    plan: Plan,
    build: Build,
    *,
    cleaned: CleanRecord,
    drafts: Drafts | None,
    folder: Path,
    given: Fitted | None,
) -> Manifest:
    """Encode the cleaned rows of a plan and switch readers to the result.

    Args:
        plan: what to build.
        build: how.
        cleaned: what the clean stage has left.
        drafts: of these rows; None to make them of the Parquet files.
        folder: for drafts.
        given: what is fitted already; None to learn it from the train rows.

    Raises:
        InputError: the rows cannot be fitted.
        OutputError: the artifact cannot be written.
    """
    with new_generation(plan.artifact, plan.shard_generation) as generation:
        if drafts is None:
            drafts = _draft(plan, cleaned, build, folder)
        with build.timed("fit"):
            fitted = _fit(plan, drafts["train"]) if given is None else given
            preprocessor = Preprocessor(plan.recipe, fitted)
            drafted = {n: _drafted(plan, preprocessor, cleaned, drafts, n) for n in cleaned.splits}
        with ThreadPoolExecutor(1) as beside:
            vocabulary = beside.submit(_write_vocabulary, preprocessor, generation)
            splits = _write_shards(plan, cleaned, preprocessor, build, generation, drafted)
        manifest = _manifest(plan, preprocessor, vocabulary.result(), splits)
    publish(plan.artifact, manifest, _build_json(plan, build))
    return manifest


def _draft(plan: Plan, cleaned: CleanRecord, build: Build, folder: Path) -> Drafts:
    splits = [(name, file) for name, split in cleaned.splits.items() for file in split.parquet]
    tasks = [(plan.recipe, plan.artifact / file.path, folder) for _, file in splits]
    drafts: dict[str, list[DraftFile]] = {name: [] for name in cleaned.splits}
    for (name, _), draft in zip(
        splits, build.run("draft", draft_parquet, tasks, len(tasks)), strict=True
    ):
        drafts[name].append(draft)
    return drafts


def _fit(plan: Plan, drafts: Sequence[DraftFile]) -> Fitted:
    summaries = (summary for draft in drafts for summary in draft.summaries)
    try:
        fitted: Fitted = find_kind(plan.recipe).fit(plan.recipe, summaries)
        return fitted
    except RowFault as fault:
        raise fault.at("the train split") from None


def _drafted(
    plan: Plan, preprocessor: Preprocessor, cleaned: CleanRecord, drafts: Drafts, split: str
) -> list[Drafted]:
    files, records = drafts[split], cleaned.splits[split].parquet
    summaries = [summary for draft in files for summary in draft.summaries]
    keys = iter(find_kind(plan.recipe).keys(preprocessor.fitted, summaries))
    drafted = []
    for draft, record in zip(files, records, strict=True):
        own = tuple(itertools.islice(keys, len(draft.summaries)))
        if draft.path is None:
            drafted.append(Drafted(plan.artifact / record.path, (), record.rows))
        else:
            drafted.append(Drafted(draft.path, own, record.rows))
    return drafted


def _write_vocabulary(
    preprocessor: Preprocessor, generation: Generation
) -> VocabularyRecord | None:
    fitted, recipe = preprocessor.fitted, preprocessor.recipe
    if fitted.vocab is None or not isinstance(recipe, TextRecipe):
        return None
    vocab = None
    if fitted.tokenizer is None:
        vocab = generation.write("vocab.txt", vocab_bytes(fitted.vocab))
        tokenizer = tokenizer_json(recipe, fitted.vocab, unknown=fitted.unknown)
    else:
        tokenizer = fitted.tokenizer.encode()
    return VocabularyRecord(
        tokens=len(fitted.vocab),
        unknown=fitted.unknown,
        padding=fitted.padding,
        padding_id=fitted.padding_id(),
        vocab=vocab,
        tokenizer=generation.write("tokenizer.json", tokenizer),
    )


def _write_shards(
    plan: Plan,
    cleaned: CleanRecord,
    preprocessor: Preprocessor,
    build: Build,
    generation: Generation,
    drafted: Mapping[str, Sequence[Drafted]],
) -> dict[str, SplitRecord]:
    # One number for all splits, so that a split without labels is cut like the others.
    rows_per_shard = _rows_per_shard(plan, preprocessor.fields(labelled=True), build)
    shards = {
        name: even_shards(name, drafted[name], rows_per_shard, labelled=split.labelled)
        for name, split in cleaned.splits.items()
    }
    # What has been fitted goes with each task; the vocabulary is in the keys already.
    light = Preprocessor(plan.recipe, replace(preprocessor.fitted, vocab=None))
    tasks = [(light, generation, shard) for name in shards for shard in shards[name]]
    records: Iterator[ShardRecord] = iter(build.run("shard", write_shard_of, tasks, len(tasks)))
    return {
        name: SplitRecord(
            **_cleaned_facts(split),
            rows_per_shard=rows_per_shard,
            fields=preprocessor.fields(labelled=split.labelled),
            shards=tuple(itertools.islice(records, len(shards[name]))),
        )
        for name, split in cleaned.splits.items()
    }


def _cleaned_facts(split: CleanedSplit) -> dict[str, Any]:
    return {name: getattr(split, name) for name in CleanedSplit.model_fields}


def _rows_per_shard(plan: Plan, fields: tuple[Field, ...], build: Build) -> int:
    if plan.rows_per_shard is None:
        return default_rows_per_shard(fields)
    rows = aligned_rows(fields, plan.rows_per_shard)
    if rows != plan.rows_per_shard:
        build.notes.append(
            f"{plan.rows_per_shard:,} rows per shard rounded up to {rows:,}, so that every field "
            f"of a shard ends at a page border"
        )
    return rows


def _manifest(
    plan: Plan,
    preprocessor: Preprocessor,
    vocabulary: VocabularyRecord | None,
    splits: dict[str, SplitRecord],
) -> Manifest:
    recipe, fitted = plan.recipe, preprocessor.fitted
    return Manifest(
        writer=f"shardmill {__version__}",
        name=recipe.name,
        kind=recipe.kind,
        sample=any(record.sample for record in plan.records),
        recipe=recipe.model_dump(mode="json"),
        recipe_sha256=recipe.sha256(),
        clean_key=plan.clean_key,
        shard_key=plan.shard_key,
        requested_rows_per_shard=plan.rows_per_shard,
        raw=plan.records,
        classes=recipe.target.classes if recipe.target is not None else None,
        features=fitted.features,
        statistics=dict(fitted.statistics),
        vocabulary=vocabulary,
        splits=splits,
    )


def _build_json(plan: Plan, build: Build) -> bytes:
    """Return what may differ between equal builds: when, where, how long."""
    facts = {
        "built_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.platform(),
        "python": platform.python_version(),
        "raw": {str(c.path): c.to_dict() for contents in plan.raw.values() for c in contents},
        "seconds": build.seconds,
        "workers": build.workers.processes,
    }
    return (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()
