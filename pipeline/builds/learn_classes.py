"""Gives a recipe whose target says classes = "learn" the labels of its train split as classes."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shardmill.errors import ArtifactError, RecipeError
from shardmill.format.manifest import Manifest
from shardmill.format.read_checked import read_raw_records
from shardmill.pipeline.builds.engine import Engine, in_turn, nothing_done
from shardmill.pipeline.builds.read_content import known_digests
from shardmill.pipeline.builds.read_job import copy_in
from shardmill.raw.image_folder import list_images
from shardmill.raw.raw_files import RawContent, RawFiles
from shardmill.raw.work_sizes import DEFAULT_SIZES, WorkSizes
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.recipe import facts_sha256
from shardmill.recipe.tabular_recipe import TabularRecipe
from shardmill.recipe.targets import LEARN, ImageTarget

if TYPE_CHECKING:
    from shardmill.raw.row_source import RowSource

# More are hardly meant: the target is a number, or a text of its own in each row.
_MOST_CLASSES = 10_000
_CLASSES_PER_ROW = 0.5
_FEWEST_ROWS = 20

# In how many rows each label is, by column.
Labels = Mapping[str, Counter[str]]


def learn_classes(
    recipe: AnyRecipe,
    raw: RawFiles,
    artifact: Path,
    *,
    engine: Engine | None = None,
    sizes: WorkSizes = DEFAULT_SIZES,
) -> AnyRecipe:
    """Return a recipe that names all classes.

    The classes are the labels in all rows of the files of the train split, also of those that are
    held out of it. They are read once for each content of the files: a build that has nothing to do
    takes them from the manifest.

    Args:
        recipe: A recipe that names all its columns.
        raw: The raw files of the recipe.
        artifact: The folder of the artifact.
        engine: Where tasks read large files; None to read all files in this process.
        sizes: From which size on files are read as tasks, and how much of them a task reads.

    Raises:
        RecipeError: There are too many classes.
        InputError: The labels cannot be read.
    """
    names = _learnt(recipe)
    if not names:
        return recipe
    before = _learnt_before(recipe, raw, artifact, names)
    if before is not None:
        return before
    labels = _read_labels(recipe, raw, names, engine=engine, sizes=sizes)
    return _with(recipe, {name: _classes(recipe, name, labels[name]) for name in names})


def _learnt(recipe: AnyRecipe) -> list[str]:
    """Return the columns of the targets whose classes are learnt."""
    return [name for name, target in recipe.all_targets().items() if target.classes == LEARN]


def _learnt_before(
    recipe: AnyRecipe, raw: RawFiles, artifact: Path, names: list[str]
) -> AnyRecipe | None:
    """Return the recipe of the artifact, if it is this one and its files are the same."""
    try:
        manifest = Manifest.load(artifact)
        records = {record.path: record.digest for record in read_raw_records(artifact, manifest)}
    except ArtifactError:
        return None
    whole = manifest.recipe_sha256 == facts_sha256(manifest.recipe)
    if not whole or records != known_digests(recipe, raw, artifact):
        return None
    try:
        built = type(recipe).model_validate_json(json.dumps(manifest.recipe))
    except ValidationError:  # of another version of shardmill
        return None
    learnt = dict.fromkeys(names, LEARN)
    same = built.all_targets().keys() >= learnt.keys() and _with(built, learnt) == recipe
    return built if same else None


def _with(recipe: AnyRecipe, classes: Mapping[str, tuple[str, ...] | str]) -> AnyRecipe:
    """Return a recipe with other classes for some targets, by column."""
    facts = recipe.facts()
    targets = [facts["target"]] if "target" in facts else facts["targets"]
    for target, (name, of_recipe) in zip(targets, recipe.all_targets().items(), strict=True):
        if name in classes:
            target["classes"] = classes[name]
            if isinstance(of_recipe, ImageTarget):
                counted = classes[name] != LEARN and of_recipe.encoding == "index"
                target["first"] = int(classes[name][0]) if counted else None
    return type(recipe).model_validate_json(json.dumps(facts))


def _classes(recipe: AnyRecipe, name: str, labels: Counter[str]) -> tuple[str, ...]:
    target = recipe.all_targets()[name]
    others = {text: of for of, texts in target.spellings.items() for text in texts}
    found = {others.get(label, label) for label in labels}
    rows = sum(labels.values())
    path = f"{recipe.name}, target {name}"
    many = rows >= _FEWEST_ROWS and len(found) > _CLASSES_PER_ROW * rows
    if not found or len(found) > _MOST_CLASSES or many:
        raise RecipeError(
            path,
            expected=f"1 to {_MOST_CLASSES:,} classes to learn from the train split",
            found=f"{len(found):,} in {rows:,} rows",
            fix="leave classes out if the target is a number, or list them",
        )
    whole = all(re.fullmatch(r"-?[0-9]+", label) for label in found)
    if isinstance(target, ImageTarget):  # labels in arrays are counted
        numbers = sorted(map(int, found))
        return tuple(map(str, range(numbers[0], numbers[-1] + 1)))
    return tuple(sorted(found, key=lambda label: (int(label), label) if whole else (0, label)))


def _read_labels(
    recipe: AnyRecipe,
    raw: RawFiles,
    names: list[str],
    *,
    engine: Engine | None,
    sizes: WorkSizes,
) -> Labels:
    # Imported here, since a check that a build is up to date needs no Arrow.
    from shardmill.kinds.find_kind import find_kind
    from shardmill.raw.sources import bytes_of, split_source

    split = recipe.splits["train"]
    if split.folder is not None:
        (images,) = raw.of(split.folder)
        return {"label": list_images(images.path).classes()}
    labels: dict[str, Counter[str]] = {name: Counter() for name in names}
    with TemporaryDirectory(prefix="shardmill-") as folder:
        contents = {
            file.path: tuple(
                RawContent.unhashed(
                    found.path, copy_in(Path(folder), found.path), recipe.encoding(file)
                )
                for found in raw.of(file)
            )
            for file in ([split.labels] if split.labels is not None else split.files())
        }
        if split.labels is not None:
            (content,) = contents[split.labels.path]
            return {"label": _image_labels(recipe, content, split.labels.array)}
        columns = replace(find_kind(recipe).source_columns(recipe), inputs=(), targets=tuple(names))
        source = split_source(recipe, split, contents, columns)
        tasks = ((recipe, source, chunk) for chunk in source.chunks(sizes.chunk_bytes))
        is_large = bytes_of(source) >= sizes.large_bytes
        run = in_turn if engine is None or not is_large else engine.run
        for found in run(count_labels, tasks, nothing_done):
            for name in names:
                labels[name].update(found[name])
    return labels


def count_labels(recipe: AnyRecipe, source: "RowSource", chunk: Any) -> Labels:
    """Return the labels in a chunk of the train split, for each target whose classes are learnt."""
    from shardmill.kinds.cells import Cells
    from shardmill.kinds.read_targets import split_labels
    from shardmill.raw.spell_values import texts_of

    labels: dict[str, Counter[str]] = {name: Counter() for name in _learnt(recipe)}
    table, targets = source.read(chunk).table, recipe.all_targets()
    for name in labels:
        missing = recipe.missing_cells(name) if isinstance(recipe, TabularRecipe) else ()
        cells = Cells.of(texts_of(table.column(name)), missing=missing)
        for found in cells.texts.drop_null().value_counts().to_pylist():
            for label in split_labels(found["values"], targets[name]):
                labels[name][label] += found["counts"]
    return labels


def _image_labels(recipe: AnyRecipe, content: RawContent, array: str | None) -> Counter[str]:
    import numpy as np

    from shardmill.raw.array_source import check_label_shape
    from shardmill.raw.read_array import read_array_header, read_array_rows

    target = recipe.all_targets()["label"]
    assert isinstance(target, ImageTarget)  # noqa: S101  only recipes of images have labels
    header = read_array_header(content, array)
    check_label_shape(content.path, header.shape, target)
    if target.encoding != "index":
        return Counter(dict.fromkeys(map(str, range(header.shape[1])), 1))
    labels = read_array_rows(content.readable, header, 0, header.shape[0])
    labels = labels if target.column is None else labels[:, target.column]
    found, counts = np.unique(labels, return_counts=True)
    if not np.array_equal(found, whole := found.astype(np.int64)):
        raise RecipeError(
            f"{recipe.name}, target label",
            expected="labels that are whole numbers, to learn classes from",
            found=f"{found[found != whole][0]} in {content.path}",
            fix="leave classes out if the target is a number",
        )
    return Counter(dict(zip(map(str, whole.tolist()), counts.tolist(), strict=True)))
