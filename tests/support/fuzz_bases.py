"""Small artifacts of all kinds and models that were trained on them, for `fuzz_artifacts`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bikes
import golden_build
import numpy as np
import pytest
from own_tokenizers import train_tokenizer
from pairs_of_texts import PAIRS, pair_rows, write_lines
from wines import WINES, wine_rows, write_wines

import shardmill
from shardmill import ShardDataset
from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.pipeline.stages import shard_tables
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.training.models.build_model import build_model
from shardmill.training.saved.save_model import Description, save_model
from shardmill.training.settings.model_options import (
    ImageCnnOptions,
    ModelOptions,
    TabularMlpOptions,
    TextBagOptions,
    TextTransformerOptions,
)
from shardmill.training.settings.settings import BASELINES

OF_BUILDS = ("build.json", "clean.json")  # no reader needs them
SHARD_ROWS = 2_048  # the fewest rows that a shard of labels of 8 bytes can have
MANY_IMAGES = """
name = "images"
kind = "image"
target.classes = ["a", "b", "c"]
splits.train = { images.path = "many", labels.path = "classes" }
splits.bare = { images.path = "many", labelled = false }
"""
MANY_TEXTS = """
name = "texts"
kind = "text"
csv.header = false
text = { columns = ["label", "text"], join = ["text"], tokenizer = "whitespace" }
target = { column = "label", classes = ["no", "yes"] }
splits.train.csv.path = "many.csv"
splits.validation.hold_out = { split = "train", fraction = 0.01 }
"""
OWN_TOKENIZER = """
name = "own"
kind = "text"
csv.header = false
text = { columns = ["text"], join = ["text"], tokenizer_file.path = "tokenizer.json" }
splits.train.csv.path = "bare.txt"
"""

LEARNT = """
name = "learnt"
kind = "text"
text = { columns = ["text", "tags"], join = ["text"], tokenizer = "bpe" }
vocabulary.max_tokens = 9
target = { column = "tags", classes = "learn", separator = ";" }
splits.train.csv.path = "films.csv"
"""
PRICES = """
name = "prices"
kind = "image"
target = {}
splits.train = { images.path = "many", labels.path = "classes" }
"""

MODELS: dict[str, ModelOptions] = {
    "tabular-mlp": TabularMlpOptions(width=4),
    "image-cnn": ImageCnnOptions(width=2, depth=1),
    "text-bag": TextBagOptions(width=4, buckets=64),
    "pairs-bag": TextBagOptions(width=4, buckets=64),
    "wines-mlp": TabularMlpOptions(width=4),
    "text-transformer": TextTransformerOptions(width=4, heads=2, depth=1, max_tokens=8),
}


@dataclass(frozen=True, slots=True)
class Base:
    """A folder whose copies are damaged.

    Attributes:
        folder: An artifact or a model folder.
        kind: The kind of its rows.
        is_model: Whether it is a model folder.
        sources: The recipe and the raw files, if builds of the damaged artifact are tried.
    """

    folder: Path
    kind: str
    is_model: bool
    sources: Sources | None = None

    def files(self) -> dict[str, bytes]:
        """Return the content of every file by its path in the folder."""
        paths = [path for path in sorted(self.folder.rglob("*")) if path.is_file()]
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in paths
            if path.name != ".lock" and (self.sources or path.name not in OF_BUILDS)
        }


def build_bases(folder: Path) -> list[Base]:
    """Build the artifacts and save a model for each architecture."""
    raw, out = folder / "raw", folder / "out"
    raw.mkdir(parents=True)
    golden_build.write_raw(raw)
    bikes.write_raw(raw, 40)
    (raw / "many").write_bytes(encode_idx(np.arange(5_000 * 4, dtype=np.uint8).reshape(-1, 2, 2)))
    (raw / "classes").write_bytes(encode_idx(np.arange(5_000, dtype=np.uint8) % 3))
    texts = [f"{'w' * (n % 5)} {' '.join('abc'[: n % 4])}" for n in range(5_000)]
    lines = [f"{['no', 'yes'][n % 2]},{text}" for n, text in enumerate(texts)]
    (raw / "many.csv").write_text("\n".join(lines) + "\n")
    (raw / "bare.txt").write_text("a b\nb b a\n\na\n")
    (raw / "films.csv").write_text("text,tags\na b,x; y\nb b a,\na,y\n")
    write_lines(pair_rows(30), raw / "pairs.csv")
    write_wines(wine_rows(30), raw / "wines.csv")
    train_tokenizer("WordLevel").save(str(raw / "tokenizer.json"))
    recipes = [*golden_build.RECIPES.values(), bikes.BIKES, MANY_IMAGES, MANY_TEXTS]
    recipes += [OWN_TOKENIZER, LEARNT, PRICES, PAIRS, WINES]
    bases = []
    for text in recipes:
        recipe = parse_recipe(text, where="fuzz")
        rows = SHARD_ROWS if text in (MANY_IMAGES, MANY_TEXTS) else None
        how = BuildOptions(out=out, rows_per_shard=rows)
        with pytest.MonkeyPatch.context() as patch:
            if text == MANY_IMAGES:  # whose shards are in a table
                patch.setattr(shard_tables, "MOST_LISTED_SHARDS", 1)
            (outcome,) = build_artifacts(Sources((recipe,), raw), how)
        few = text in golden_build.RECIPES.values()
        sources = Sources((recipe,), raw) if few else None
        bases.append(Base(outcome.artifact, recipe.kind, is_model=False, sources=sources))
    by_name = {base.folder.name: base for base in bases}
    for name, architecture in MODELS.items():
        base = by_name[name.split("-")[0]]
        has_texts = base.kind == "text" or base.folder.name == "wines"
        options: dict[str, Any] = {"layout": "bag"} if has_texts else {}
        dataset: ShardDataset = shardmill.open(base.folder, **options)
        model, training = folder / "models" / name, Description(BASELINES[base.kind], {"loss": 0.5})
        save_model(model, build_model(dataset, architecture), dataset, training)
        bases.append(Base(model, base.kind, is_model=True))
    return bases
