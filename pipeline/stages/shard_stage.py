"""The shard stage: cleaned rows to shards, and readers switched to them."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from shardmill.ended_threads import EndedThreads
from shardmill.format.layout import Field, aligned_rows, default_rows_per_shard
from shardmill.format.manifest import (
    CleanedSplit,
    CleanRecord,
    FileRecord,
    Manifest,
    RawList,
    SplitRecord,
    VocabularyRecord,
)
from shardmill.format.record import to_json
from shardmill.kinds.find_kind import find_kind
from shardmill.kinds.row import Fitted, RowFault
from shardmill.kinds.train_rows import TrainRows
from shardmill.pipeline.builds.build_run import BuildRun
from shardmill.pipeline.builds.generation import (
    CARD_NAME,
    Generation,
    new_generation,
    publish,
    record_of,
)
from shardmill.pipeline.builds.plan_build import Plan
from shardmill.pipeline.stages.dataset_card import dataset_card
from shardmill.pipeline.stages.known_tokens import KnownTokens
from shardmill.pipeline.stages.look_at_rows import CleanedFiles
from shardmill.pipeline.stages.merge_tokens import merge_tokens
from shardmill.pipeline.stages.notes_of import notes_of
from shardmill.pipeline.stages.prepared_rows import (
    PreparedSplit,
    RowsToEncode,
    prepare_parquet,
    token_tables,
)
from shardmill.pipeline.stages.shard_split import TICK_ROWS, even_shards, write_shard_of
from shardmill.pipeline.stages.shard_tables import take_shards
from shardmill.pipeline.stages.specials_in_texts import specials_in_texts
from shardmill.recipe.any_recipe import AnyRecipe, text_part
from shardmill.serve.preprocessor import Preprocessor
from shardmill.version import __version__

RAW_NAME = "raw.json"


def run_shard(
    plan: Plan,
    build: BuildRun,
    *,
    cleaned: CleanRecord,
    prepared_splits: Mapping[str, PreparedSplit] | None,
    folder: Path,
    fitted: Fitted | None,
) -> Manifest:
    """Encode the cleaned rows of a plan and switch readers to the result.

    Args:
        plan: What to build.
        build: The run that this is part of.
        cleaned: What the clean stage has left.
        prepared_splits: The prepared rows; None to make them of the Parquet files.
        folder: The folder for prepared rows.
        fitted: What is fitted already; None to learn it from the train rows.

    Returns:
        The manifest that readers see now.

    Raises:
        InputError: The rows cannot be fitted or encoded.
        OutputError: The artifact cannot be written.
    """
    with new_generation(plan.artifact, plan.shard_generation) as generation:
        if prepared_splits is None:
            prepared_splits = _prepare(plan, cleaned, build, folder)
        build.progress("fit", 0, 0)
        with build.timed("fit"):
            tokens = _token_files(plan, build, prepared_splits)
            if fitted is None:
                summary, split = prepared_splits["train"].summary(), cleaned.splits["train"]
                fitted = _fit(plan, build, split, summary=summary, tokens=tokens["train"])
            build.notes += specials_in_texts(plan.recipe, fitted, tokens)
            preprocessor = Preprocessor(plan.recipe, fitted)
            known = KnownTokens.write(fitted, folder)
        build.progress("fit", 1, 1)
        with EndedThreads(1) as beside:
            vocabulary = beside.submit(_vocabulary, preprocessor, generation)
            splits = _write_shards(
                plan,
                preprocessor,
                build=build,
                generation=generation,
                cleaned=cleaned,
                prepared={
                    name: _rows_to_encode(plan, prepared_splits[name], split)
                    for name, split in cleaned.splits.items()
                },
                known=known,
            )
        raw = generation.write(RAW_NAME, to_json(RawList(files=plan.records)))
        manifest = _manifest(
            plan,
            preprocessor,
            raw=raw,
            vocabulary=vocabulary.result(),
            splits=splits,
        )
    build.notes += notes_of(manifest, plan)
    card = dataset_card(manifest)
    manifest = manifest.model_copy(update={"card": record_of(CARD_NAME, card)})
    publish(plan.artifact, manifest, build=build.to_json(plan.raw), card=card)
    return manifest


def _prepare(
    plan: Plan, cleaned: CleanRecord, build: BuildRun, folder: Path
) -> dict[str, PreparedSplit]:
    splits = [(name, file) for name, split in cleaned.splits.items() for file in split.parquet]
    tasks = [(plan.recipe, name, plan.artifact, file, folder) for name, file in splits]
    prepared_splits = {name: PreparedSplit(plan.recipe) for name in cleaned.splits}
    with closing(build.run("prepare", prepare_parquet, tasks, len(tasks))) as done:
        for (name, _), prepared_file in zip(splits, done, strict=True):
            prepared_splits[name].add(prepared_file)
    return prepared_splits


def _token_files(
    plan: Plan, build: BuildRun, prepared_splits: Mapping[str, PreparedSplit]
) -> dict[str, list[Path]]:
    """Return the files of tokens by split, only a few for each if the tokens are words."""
    files = {name: prepared.token_files() for name, prepared in prepared_splits.items()}
    part = text_part(plan.recipe)
    if part is None or not part.text.has_words:
        return files  # a tokenizer is learnt from the first rows, as they are
    return {name: merge_tokens(build.engine, several) for name, several in files.items()}


def _fit(
    plan: Plan, build: BuildRun, split: CleanedSplit, *, summary: Any, tokens: Sequence[Path]
) -> Fitted:
    paths = [plan.artifact / record.path for record in split.parquet]
    scan = CleanedFiles(build.engine, paths, split.rows)
    try:
        rows = TrainRows(summary, token_tables(tokens), scan)
        fitted: Fitted = find_kind(plan.recipe).fit(plan.recipe, rows)
        return fitted
    except RowFault as fault:
        raise fault.at("the train split") from None


def _rows_to_encode(plan: Plan, prepared: PreparedSplit, split: CleanedSplit) -> list[RowsToEncode]:
    return [
        RowsToEncode(file.rows or plan.artifact / record.path, file.tokens, record.rows)
        for file, record in zip(prepared.files, split.parquet, strict=True)
    ]


def _vocabulary(preprocessor: Preprocessor, generation: Generation) -> VocabularyRecord | None:
    part, fitted = text_part(preprocessor.recipe), preprocessor.fitted
    if part is None or fitted.vocab is None:
        return None
    # Most rows have no texts, and what writes their vocabularies takes long to import.
    from shardmill.pipeline.stages.write_vocabulary import write_vocabulary

    return write_vocabulary(part, fitted, fitted.vocab, generation)


def _write_shards(
    plan: Plan,
    preprocessor: Preprocessor,
    *,
    build: BuildRun,
    generation: Generation,
    cleaned: CleanRecord,
    prepared: Mapping[str, Sequence[RowsToEncode]],
    known: KnownTokens | None,
) -> dict[str, SplitRecord]:
    # All splits have the same number of rows in a shard, also a split without labels.
    most = max(split.rows for split in cleaned.splits.values())
    rows_per_shard = _rows_per_shard(plan, preprocessor.fields(labelled=True), most, build=build)
    # What was fitted travels with each task. The vocabulary is in a file.
    light = Preprocessor(plan.recipe, replace(preprocessor.fitted, vocab=None))
    tasks = (
        (light, generation, shard, build.ticks)
        for name, split in cleaned.splits.items()
        for shard in even_shards(
            name,
            prepared[name],
            rows_per_shard=rows_per_shard,
            labelled=split.labelled,
            known=known,
        )
    )
    rows = {name: sum(file.rows for file in files) for name, files in prepared.items()}
    counts = {name: -(-n // rows_per_shard) for name, n in rows.items()}
    sharding = build.run(
        "shard",
        write_shard_of,
        tasks,
        sum(counts.values()),
        label=f"shard {', '.join(counts)}",
        pieces=sum(_ticks(n, rows_per_shard) for n in rows.values()),
    )
    splits = {}
    with closing(sharding) as done:
        for name, split in cleaned.splits.items():
            fields = preprocessor.fields(labelled=split.labelled)
            splits[name] = SplitRecord(
                **_cleaned_facts(split),
                rows_per_shard=rows_per_shard,
                fields=fields,
                shards=take_shards(name, done, counts[name], fields=fields, generation=generation),
            )
    return splits


def _ticks(rows: int, rows_per_shard: int) -> int:
    """Return how often the tasks of a split count rows."""
    whole, rest = divmod(rows, rows_per_shard)
    return whole * (rows_per_shard // TICK_ROWS) + rest // TICK_ROWS


def _cleaned_facts(split: CleanedSplit) -> dict[str, Any]:
    return {name: getattr(split, name) for name in CleanedSplit.model_fields}


def _rows_per_shard(plan: Plan, fields: tuple[Field, ...], most: int, *, build: BuildRun) -> int:
    if plan.rows_per_shard is None:
        return default_rows_per_shard(fields, most)
    rows = aligned_rows(fields, plan.rows_per_shard)
    if rows != plan.rows_per_shard:
        build.notes.append(
            f"{plan.rows_per_shard:,} rows per shard rounded up to {rows:,}, so that every field "
            f"of a shard ends at a page border"
        )
    return rows


def _classes(recipe: AnyRecipe) -> tuple[str, ...] | None:
    return (recipe.target.names() or None) if recipe.target is not None else None


def _manifest(
    plan: Plan,
    preprocessor: Preprocessor,
    *,
    raw: FileRecord,
    vocabulary: VocabularyRecord | None,
    splits: dict[str, SplitRecord],
) -> Manifest:
    recipe, fitted = plan.recipe, preprocessor.fitted
    return Manifest(
        writer=f"shardmill {__version__}",
        name=recipe.name,
        kind=recipe.kind,
        sample=any(record.sample for record in plan.records),
        recipe=recipe.facts(),
        recipe_sha256=recipe.sha256(),
        clean_key=plan.clean_key,
        shard_key=plan.shard_key,
        requested_rows_per_shard=plan.rows_per_shard,
        raw=raw,
        classes=_classes(recipe),
        features=fitted.features,
        statistics=dict(fitted.statistics),
        vocabulary=vocabulary,
        splits=splits,
    )
