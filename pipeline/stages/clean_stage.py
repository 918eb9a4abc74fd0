"""The clean stage: raw files to Parquet, part by part."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from shardmill.errors import EmptyFileError, TooManyBadRowsError
from shardmill.format.manifest import CleanedSplit, CleanRecord
from shardmill.format.record import to_json
from shardmill.kinds.find_kind import target_fields
from shardmill.pipeline.builds.build_run import BuildRun
from shardmill.pipeline.builds.generation import Generation, new_generation
from shardmill.pipeline.builds.plan_build import CLEAN_NAME, Plan, check_unchanged
from shardmill.pipeline.stages.clean_job import CleanJob
from shardmill.pipeline.stages.clean_part import CleanedPart, clean_part
from shardmill.pipeline.stages.hold_out_last import last_rows, parts_to_share, share_part
from shardmill.pipeline.stages.joined_lines import JoinedLines
from shardmill.pipeline.stages.prepared_rows import PreparedSplit
from shardmill.pipeline.stages.split_parts import parts_of, source_to_clean
from shardmill.raw.row_source import NOT_SCANNED, RowSource
from shardmill.raw.sources import bytes_of
from shardmill.raw.untaken_rows import few_values
from shardmill.store.mounts import moved, removed

if TYPE_CHECKING:
    from shardmill.raw.cut_scanned import ScannedFile


def run_clean(
    plan: Plan, build: BuildRun, *, scratch: Path | None
) -> tuple[CleanRecord, dict[str, PreparedSplit]]:
    """Clean the raw files of a plan into its clean generation.

    Args:
        plan: What to build.
        build: The run that this is part of.
        scratch: A folder for prepared rows, if the shard stage follows at once.

    Returns:
        What was cleaned, and the prepared rows.

    Raises:
        InputError: A raw file is not what the recipe says. Nothing has changed then.
        OutputError: The artifact cannot be written.
    """
    with new_generation(plan.artifact, plan.clean_generation) as generation:
        parts: dict[str, list[CleanedPart]] = {name: [] for name in plan.recipe.splits}
        prepared = {name: PreparedSplit(plan.recipe) for name in plan.recipe.splits}
        for name in plan.recipe.source_splits():
            job = _clean_job(plan, build, name, generation=generation, scratch=scratch)
            size, sizes = bytes_of(job.source), build.sizes
            shares_last = bool(last_rows(plan.recipe, name, 0))  # then parts are written anew
            names = ", ".join(_own_splits(plan, name))
            scanned = _scan(job.source, build, f"scan {names}")
            tasks = ((job, part) for part in parts_of(job.source, sizes, scanned))
            cleaning = build.run(
                "clean",
                clean_part,
                tasks,
                sizes.part_count(size),
                label=f"clean {names}",
                pieces=max(-(-size // sizes.chunk_bytes), 1),
            )
            with closing(cleaning) as done:
                for part in done:
                    for split, cleaned in part.items():
                        parts[split].append(cleaned)
                    if not shares_last:
                        _take_prepared(prepared, parts)
            _hold_out_last(job, build, parts)
            _take_prepared(prepared, parts)
            _check_left_out(plan, name, parts, job.source.files()[0].path)
        check_unchanged(plan)
        record = CleanRecord(
            clean_key=plan.clean_key,
            splits={n: _cleaned_split(plan, n, parts[n]) for n in plan.recipe.splits},
        )
        generation.write(CLEAN_NAME, to_json(record))
    build.notes += _notes(plan.artifact, record)
    build.notes += _untaken(parts)
    build.notes += _joined(parts)
    return record, prepared


def _scan(source: RowSource, build: BuildRun, label: str) -> "Mapping[int, ScannedFile]":
    """Return what is known of the large files of a split, by their number.

    Nothing is scanned if the split is small, or if one process does everything: it cuts files as
    fast while it reads them in order.
    """
    if build.engine.processes < 2 or bytes_of(source) < build.sizes.large_bytes:
        return NOT_SCANNED
    from shardmill.pipeline.stages.scan_files import scan_large_files

    return scan_large_files(source, build, label)


def _take_prepared(
    prepared: Mapping[str, PreparedSplit], parts: Mapping[str, list[CleanedPart]]
) -> None:
    """Take what was prepared out of the newest parts. Their summaries are merged, not all held."""
    for split, cleaned in parts.items():
        first = next((n for n in range(len(cleaned), 0, -1) if cleaned[n - 1].prepared is None), 0)
        for index, part in enumerate(cleaned[first:], first):
            if part.parquet and part.prepared:
                prepared[split].add(part.prepared)
            cleaned[index] = replace(part, prepared=None)


def _hold_out_last(job: CleanJob, build: BuildRun, parts: dict[str, list[CleanedPart]]) -> None:
    """Hand the last rows of a split to the splits that hold them out, if there are any."""
    own = parts[job.split]
    rows = last_rows(job.recipe, job.split, sum(part.rows for part in own))
    shared = list(parts_to_share(own, rows, job.split))
    if not shared:
        return
    folder = job.generation.folder
    for part in shared:
        moved(part.file(folder), part.whole(folder))
    tasks = [(job, part) for part in shared]
    with closing(build.run("hold out", share_part, tasks, len(tasks))) as done:
        for part, written in zip(shared, done, strict=True):
            own[part.index] = written.pop(job.split)
            for split, cleaned in written.items():
                parts[split].append(cleaned)
    for part in shared:
        removed(part.whole(folder))


def _clean_job(
    plan: Plan, build: BuildRun, split: str, *, generation: Generation, scratch: Path | None
) -> CleanJob:
    return CleanJob(
        recipe=plan.recipe,
        split=split,
        source=source_to_clean(plan.recipe, split, plan.raw),
        generation=generation,
        scratch=scratch,
        raw_paths=plan.raw_paths(),
        sizes=build.sizes,
        ticks=build.ticks,
    )


def _own_splits(plan: Plan, name: str) -> list[str]:
    """Return a split with files of its own, and those that are held out of it."""
    return [name, *(n for n, s in plan.recipe.splits.items() if s.hold_out_of(name))]


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


def _notes(artifact: Path, record: CleanRecord) -> Iterator[str]:
    """Yield a line for each split from which rows were left out."""
    for name, split in record.splits.items():
        counts = {"left out as bad": split.rejected, "dropped": sum(split.dropped.values())}
        said = [f"{_rows(n)} of {name} {how}" for how, n in counts.items() if n]
        if said:
            files = split.left_out
            more = f" and {len(files) - 1:,} more" if len(files) > 1 else ""
            yield f"{' and '.join(said)}, see {artifact / files[0].path}{more}"


def _untaken(parts: Mapping[str, Sequence[CleanedPart]]) -> Iterator[str]:
    """Yield a line for each split whose files have rows that are in no split at all."""
    for name, cleaned in parts.items():
        counts: Counter[str] = Counter()
        for part in cleaned:
            counts.update(part.untaken)
            counts = few_values(counts)
        if counts:
            value, rows = min(counts.items(), key=lambda found: (-found[1], found[0]))
            most = "" if "" in counts else f", most often {value} ({_rows(rows)})"
            are = "is" if counts.total() == 1 else "are"
            of = f"of the files of {name} {are} in no split, since no where takes them"
            yield f"{_rows(counts.total())} {of}{most}"


def _joined(parts: Mapping[str, Sequence[CleanedPart]]) -> Iterator[str]:
    """Yield a line for each split in which quotes have most likely joined rows."""
    for name, cleaned in parts.items():
        found = JoinedLines.sum(part.joined for part in cleaned)
        if found is not None:
            hold = "holds" if found.rows == 1 else "hold"
            yield (
                f"{_rows(found.rows)} of {name} {hold} {found.lines:,} lines in quotes that would "
                f"each be a row, the first: {found.file}, line {found.line}; if quotes are text in "
                f'this file, set csv.quote = "" in the recipe'
            )


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _nothing_kept(parts: Sequence[CleanedPart]) -> str:
    reasons: Counter[str] = sum((Counter(part.dropped) for part in parts), Counter())
    bad, dropped = sum(part.bad for part in parts), sum(reasons.values())
    if not bad and not dropped:
        return "none"
    first = next((part.first_bad for part in parts if part.first_bad is not None), None)
    why = next(iter(reasons)) if first is None else f"{first.place}: {first.reason}"
    return f"{dropped + bad:,} rows, none to keep, the first: {why}"


def _check_left_out(
    plan: Plan, split: str, parts: Mapping[str, Sequence[CleanedPart]], file: Path
) -> None:
    """Refuse a split without rows, or with too many rows that are not what the recipe says."""
    own = _own_splits(plan, split)
    kept = sum(part.rows for name in own for part in parts[name])
    bad = sum(part.bad for part in parts[split])
    dropped = sum(sum(part.dropped.values()) for part in parts[split])
    allowed = plan.recipe.bad_rows_allowed()
    if bad > allowed * (kept + bad + dropped):
        first = next(part.first_bad for part in parts[split] if part.first_bad is not None)
        key = plan.recipe.rule_path("max_bad_rows")
        raise TooManyBadRowsError(
            first.place,
            expected=f"at most {allowed:.4g} of the rows of {split} to be bad ({key})",
            found=f"{bad:,} of {kept + bad + dropped:,}, the first: {first.reason}",
            fix=f"correct the files or the recipe, or raise {key}",
        )
    if kept == 0:
        raise EmptyFileError(
            file,
            expected=f"at least one row to keep for {split}",
            found=_nothing_kept(parts[split]),
            fix="correct the file or the recipe",
        )
    if split == "train" and not any(part.rows for part in parts[split]):
        raise EmptyFileError(
            file,
            expected="at least one row for train, which statistics come from",
            found=f"{kept:,} rows, all held out",
            fix="fetch or copy the file again, or hold out less",
        )
