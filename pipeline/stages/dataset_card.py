"""Writes what Hugging Face `datasets` needs to open an artifact: the card, and the class names.

`load_dataset(folder)` reads the YAML at the head of README.md, which names the files of each split
(https://huggingface.co/docs/hub/datasets-manual-configuration). Without it, rows that were left out
would be taken for rows of the split. The names of classes stand in the Parquet files.
"""

import html
import json
import re
from collections.abc import Iterator, Mapping

import pyarrow as pa

from shardmill.format.manifest import Manifest, SplitRecord
from shardmill.kinds.find_kind import find_kind
from shardmill.raw.image_table import IMAGE_FILES, file_header
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.names import listed

_MARKS = re.compile(r"([\\`*_\[\]#|~])")


def feature_metadata(recipe: AnyRecipe, schema: pa.Schema) -> dict[str, str]:
    """Return the metadata of Parquet files by which `datasets` knows classes and images.

    Args:
        recipe: The recipe.
        schema: The columns of the cleaned rows.

    Example:
        >>> from shardmill.recipe.load_recipe import load_recipe
        >>> feature_metadata(load_recipe("titanic"), pa.schema([]))["huggingface"]
        '{"info":{"features":{"Survived":{"_type":"ClassLabel","names":["Dead","Survived"]}}}}'
    """
    columns = find_kind(recipe).target_columns(recipe)
    features: dict[str, dict[str, object]] = {
        field.name: {"_type": "Image"} for field in schema if field.type == IMAGE_FILES
    }
    features |= {
        column: {"_type": "ClassLabel", "names": target.names()}
        for column, target in zip(columns, recipe.all_targets().values(), strict=True)
        if target.role == "class"
    }
    if not features:
        return {}
    facts = {"info": {"features": features}}
    return {"huggingface": json.dumps(facts, separators=(",", ":"), ensure_ascii=False)}


def dataset_card(manifest: Manifest) -> bytes:
    """Return the content of README.md. Of the manifest, its own record is not used."""
    lines = ["---", *_configs(manifest), "---", "", *_text(manifest)]
    return ("\n".join(lines) + "\n").encode()


def _configs(manifest: Manifest) -> Iterator[str]:
    # A text of JSON is one of YAML, so nothing in a name can be taken for YAML. All splits of a
    # config have the same columns.
    yield "configs:"
    usual = manifest.splits["train"].labelled
    names = {usual: "default", not usual: "unlabelled" if usual else "labelled"}
    for labelled, config in names.items():
        splits = {n: s for n, s in _in_order(manifest) if s.labelled == labelled and s.parquet}
        if splits:
            yield f"- config_name: {_quoted(config)}"
            yield "  data_files:"
        for name, split in _renamed(splits).items():
            yield f"  - split: {_quoted(name)}"
            yield "    path:"
            yield from (f"    - {_quoted(file.path)}" for file in split.parquet)
    yield f"pretty_name: {_quoted(manifest.name)}"


def _in_order(manifest: Manifest) -> list[tuple[str, SplitRecord]]:
    # A build whose stages run one by one has the splits in another order.
    return sorted(manifest.splits.items(), key=lambda split: (split[0] != "train", split[0]))


def _renamed(splits: Mapping[str, SplitRecord]) -> dict[str, SplitRecord]:
    """Return splits by names that `datasets` takes: it knows no hyphens."""
    renamed: dict[str, SplitRecord] = {}
    for own, split in splits.items():
        name = own.replace("-", "_")
        while name in renamed or (name != own and name in splits):
            name += "_"
        renamed[name] = split
    return renamed


def _text(manifest: Manifest) -> Iterator[str]:
    yield f"# {_plain(manifest.name)}"
    yield ""
    description = _plain(str(manifest.recipe.get("description", "")))
    if description:
        yield from (description, "")
    if manifest.sample:
        yield from ("**These rows were generated as a sample. They are not real data.**", "")
    yield f"Cleaned rows, written by {_plain(manifest.writer)}."
    yield "Hugging Face `datasets` opens them with `load_dataset` and the path of this folder."
    yield from ("", "| split | rows | target |", "|---|---:|---|")
    for name, split in _in_order(manifest):
        yield f"| {_plain(name)} | {split.rows:,} | {'yes' if split.labelled else 'no'} |"
    if manifest.classes:
        yield from ("", f"Classes: {_plain(listed(manifest.classes))}.")
    if manifest.kind == "image":
        yield from ("", *_image(manifest))


def _image(manifest: Manifest) -> Iterator[str]:
    (field,) = (field for field in manifest.splits["train"].fields if not field.is_target)
    if not field.shape:
        return
    if file_header(field.dtype, field.shape) is not None:
        yield "The column `image` holds image files, which are not compressed."
        return
    shape = ", ".join(map(str, field.shape))
    yield "The column `image` holds the elements of each array as bytes:"
    yield from ("", "```python")
    yield f'numpy.frombuffer(row["image"], "{field.dtype}").reshape({shape})'
    yield "```"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _plain(text: str) -> str:
    """Return a text in one line, in which Markdown and HTML find no marks of theirs."""
    return _MARKS.sub(r"\\\1", html.escape(" ".join(text.split()), quote=False))
