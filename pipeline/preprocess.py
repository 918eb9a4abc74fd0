"""Builds an artifact: runs the stages that are needed, and switches readers to the result."""

import itertools
import json
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from shardmill.errors import InputError
from shardmill.kinds.row import RowFault
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
from shardmill.pipeline.clean_split import clean_split
from shardmill.pipeline.generation import Generation, new_generation, publish
from shardmill.pipeline.plan_build import CLEAN_NAME, Plan, clean_record
from shardmill.pipeline.run_tasks import run_tasks
from shardmill.pipeline.shard_split import even_shards, read_parquet, write_shard_of
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
        workers: processes at a time.
        progress: called at the start of a stage and after each of its tasks.
        notes: what the user should know, one line each.
        seconds: by stage.
    """

    workers: int = 1
    progress: Progress = no_progress
    notes: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, stage: str, function: Callable[..., Any], arguments: list[Any]) -> list[Any]:
        """Run the tasks of a stage and note how long they took."""
        started = time.perf_counter()
        done = 0
        self.progress(stage, done, len(arguments))

        def on_done() -> None:
            nonlocal done
            done += 1
            self.progress(stage, done, len(arguments))

        results = run_tasks(function, arguments, workers=self.workers, on_done=on_done)
        self.seconds[stage] = round(time.perf_counter() - started, 3)
        return results


def run_clean(plan: Plan, build: Build) -> None:
    """Clean the raw files of a plan into its clean generation.

    Raises:
        InputError: a raw file is not what the recipe says; nothing has changed then.
        OutputError: the artifact cannot be written.
    """
    with new_generation(plan.artifact, plan.clean_generation) as generation:
        sources = list(plan.recipe.source_splits())
        tasks = [(plan.recipe, name, plan.raw, generation) for name in sources]
        splits = {k: v for part in build.run("clean", clean_split, tasks) for k, v in part.items()}
        record = CleanRecord(clean_key=plan.clean_key, splits=splits)
        generation.write(CLEAN_NAME, to_json(record))


def run_shard(plan: Plan, build: Build) -> Manifest:
    """Encode the cleaned rows of a plan and switch readers to the result.

    Raises:
        InputError: the clean stage has not run, or its rows cannot be fitted.
        OutputError: the artifact cannot be written.
    """
    cleaned = clean_record(plan.artifact, plan.clean_key)
    if cleaned is None:
        raise InputError(
            plan.artifact,
            expected="cleaned rows of these raw files and this recipe",
            found="none",
            fix="run `shardmill clean` first, or `shardmill preprocess`, which runs both",
        )
    with new_generation(plan.artifact, plan.shard_generation) as generation:
        started = time.perf_counter()
        preprocessor = _fit(plan, cleaned)
        build.seconds["fit"] = round(time.perf_counter() - started, 3)
        vocabulary = _write_vocabulary(preprocessor, generation)
        splits = _write_shards(plan, cleaned, preprocessor, build, generation)
    manifest = _manifest(plan, preprocessor, vocabulary, splits)
    publish(plan.artifact, manifest, _build_json(plan, build))
    return manifest


def _fit(plan: Plan, cleaned: CleanRecord) -> Preprocessor:
    try:
        train = read_parquet(plan.artifact, cleaned.splits["train"].parquet)
        return Preprocessor.fit(plan.recipe, train)
    except RowFault as fault:
        raise fault.at("the train split") from None


def _write_vocabulary(
    preprocessor: Preprocessor, generation: Generation
) -> VocabularyRecord | None:
    vocab, recipe = preprocessor.fitted.vocab, preprocessor.recipe
    if vocab is None or not isinstance(recipe, TextRecipe):
        return None
    return VocabularyRecord(
        tokens=len(vocab),
        unknown=recipe.vocabulary.unknown,
        padding=recipe.vocabulary.padding,
        padding_id=vocab[recipe.vocabulary.padding],
        vocab=generation.write("vocab.txt", vocab_bytes(vocab)),
        tokenizer=generation.write("tokenizer.json", tokenizer_json(recipe, vocab)),
    )


def _write_shards(
    plan: Plan,
    cleaned: CleanRecord,
    preprocessor: Preprocessor,
    build: Build,
    generation: Generation,
) -> dict[str, SplitRecord]:
    # One number for all splits, so that a split without labels is cut like the others.
    rows_per_shard = _rows_per_shard(plan, preprocessor.fields(labelled=True), build)
    shards = {n: even_shards(n, split, rows_per_shard) for n, split in cleaned.splits.items()}
    tasks = [
        (preprocessor, plan.artifact / cleaned.splits[name].parquet[0].path, generation, shard)
        for name in shards
        for shard in shards[name]
    ]
    records: Iterator[ShardRecord] = iter(build.run("shard", write_shard_of, tasks))
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
        "raw": {path: content.to_dict() for path, content in plan.raw.items()},
        "seconds": build.seconds,
        "workers": build.workers,
    }
    return (json.dumps(facts, indent=2, sort_keys=True) + "\n").encode()
