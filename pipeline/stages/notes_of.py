"""What a user should know of a build that succeeded, since it may not be what they meant."""

from collections.abc import Iterator, Sequence

from shardmill.format.manifest import Manifest
from shardmill.pipeline.builds.plan_build import Plan
from shardmill.pipeline.stages.shared_rows import shared_rows
from shardmill.recipe.splits import RawFile
from shardmill.recipe.tabular_column import MISSING, UNKNOWN

# The share of unknown values may be so much larger than in train, whose own is what the recipe
# wants. A larger one most likely means that texts have no spaces, that values are spelt in another
# way, or that the rows are from elsewhere.
_UNKNOWN_SHARE = 0.1

# So many categories tell a model which row it sees, and nothing that holds for other rows.
_CATEGORIES_PER_ROW = 0.5
_FEWEST_ROWS = 20
_CHANNELS = frozenset({1, 3, 4})
_OTHER_NAMES = ("val", "valid", "dev", "validation")


def notes_of(manifest: Manifest, plan: Plan) -> Iterator[str]:
    """Yield a line for each thing that a user should know.

    Args:
        manifest: What was built.
        plan: What it was built from.
    """
    yield from _names(manifest)
    rows = manifest.splits["train"].rows
    for name, facts in manifest.statistics.items():
        categories = len(set(facts.categories or ()) - {UNKNOWN, MISSING})
        if rows >= _FEWEST_ROWS and categories >= _CATEGORIES_PER_ROW * rows:
            yield f"{name}: {categories:,} categories in {rows:,} rows of train, hardly any twice"
    same_files = _shared_files(plan)
    yield from same_files.values()
    yield from shared_rows(
        manifest, plan, {split for other, split in same_files if other == "train"}
    )
    yield from _channels_last(manifest)
    own = manifest.splits["train"].unknown()
    for split, record in manifest.splits.items():
        if not record.rows:
            yield f"{split} has no rows"
        for name, (count, total) in record.unknown().items():
            if count / max(total, 1) > _UNKNOWN_SHARE + own[name][0] / max(own[name][1], 1):
                of, known = f"values of {name}", "the categories"
                if name in record.texts():
                    of = "tokens" if name == "text" else f"tokens of {name}"
                    known = "the vocabulary"
                yield (
                    f"{count:,} of {total:,} {of} in {split} are not in {known} of train "
                    f"({count / total:.0%})"
                )


def _shared_files(plan: Plan) -> dict[tuple[str, str], str]:
    """Return a line for each pair of splits that have the same rows, since raw files are equal."""
    recipe, paths = plan.recipe, plan.raw_paths()
    seen: dict[str, dict[tuple[str, str], tuple[RawFile, str]]] = {}
    shared: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for name, split in recipe.source_splits().items():
        for file in split.input_files():
            for content in plan.raw[file.path]:
                path = paths[content.path]
                equal = seen.setdefault(content.digest, {})
                for (other, _), (again, place) in equal.items():
                    if content.bytes and recipe.share_rows(name, file, other, again):
                        shared.setdefault((other, name), []).append((place, path))
                        break
                equal.setdefault((name, file.path), (file, path))
    return {pair: _same_content(*pair, files) for pair, files in shared.items()}


def _same_content(other: str, name: str, files: Sequence[tuple[str, str]]) -> str:
    place, path = files[0]
    more = f", and so have {len(files) - 1:,} more" if len(files) > 1 else ""
    if path == place:
        return f"{path} is in {other} and in {name}"
    return f"{place} in {other} and {path} in {name} have the same content{more}"


def _channels_last(manifest: Manifest) -> Iterator[str]:
    shape = manifest.splits["train"].fields[0].shape
    if manifest.kind == "image" and len(shape) == 3 and shape[0] not in _CHANNELS >= {shape[2]}:
        said = " x ".join(map(str, shape))
        yield f'images are {said}, channels first; if their channels are last, set layout = "hwc"'


def _names(manifest: Manifest) -> Iterator[str]:
    for name in manifest.splits:
        if name.lower() in _OTHER_NAMES and name != "validation":
            beside = "validation" in manifest.splits
            which = f"nothing uses {name} beside it" if beside else f"this one is called {name}"
            yield f"training watches the split validation, and {which}"
