"""The golden files: what version 1 of the format looks like, byte for byte.

`python tests/support/golden_build.py` writes them anew, which is right only together with a
*Format* heading in CHANGELOG.md.
"""

import gzip
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from shardmill.pipeline.builds.build_artifacts import BuildOptions, build_artifacts
from shardmill.pipeline.builds.find_sources import Sources
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

GOLDEN = Path(__file__).parent / "golden"

RECIPES = {
    "tabular": """
name = "tabular"
kind = "tabular"
target = { column = "kind", classes = ["oak", "elm"] }
splits.train.csv.path = "trees.csv"
splits.validation.hold_out = { split = "train", fraction = 0.25 }
[columns]
height = { dtype = "float64", missing = "mean" }
kind = { dtype = "str" }
leaf = { dtype = "str", map = { round = 0, long = 1 }, missing = "keep" }
""",
    "image": """
name = "image"
kind = "image"
target.classes = ["dark", "light"]
[splits.train]
images.path = "images"
labels.path = "labels"
""",
    "text": """
name = "text"
kind = "text"
csv.header = false
target = { column = "label", classes = ["no", "yes"], first = 1 }
splits.train.csv.path = "texts.csv"
[text]
columns = ["label", "title", "body"]
join = ["title", "body"]
clean = ["alphanumeric", "lowercase"]
""",
}


def write_raw(folder: Path) -> None:
    """Write the raw files of all three recipes."""
    rows = ["1.5,oak,round", ",elm,long", "2.25,elm,", "8,oak,long"] * 3
    (folder / "trees.csv").write_text("height,kind,leaf\n" + "\n".join(rows) + "\n")
    (folder / "images").write_bytes(encode_idx(np.arange(24, dtype=np.uint8).reshape(4, 2, 3)))
    (folder / "labels").write_bytes(encode_idx(np.array([0, 1, 1, 0], np.uint8)))
    texts = [
        '1,"Rain, again","It rains."',
        '2,Sun,"It\'s ""sunny"""',
        "2,,",
        "1,\u00c9t\u00e9,Rain",
    ]
    (folder / "texts.csv").write_text("\n".join(texts) + "\n", encoding="utf-8")


def build_golden(out: Path) -> dict[str, bytes]:
    """Build all three and return the content of what is golden, by file name."""
    raw = out / "raw"
    raw.mkdir()
    write_raw(raw)
    contents = {}
    for kind, text in RECIPES.items():
        recipe = parse_recipe(text, where=kind)
        artifact = build_artifacts(Sources((recipe,), raw), BuildOptions(out=out))[0].artifact
        contents[f"{kind}.manifest.json"] = stable_manifest(artifact / "manifest.json")
        contents[f"{kind}.README.md"] = stable_card(artifact / "README.md")
        for file in sorted(artifact.glob("shards-*/*")):
            content = file.read_bytes()
            if file.name == "tokenizer.json":
                content = stable_tokenizer(content)
            contents[f"{kind}.{file.name}.gz"] = content
    return contents


def stable_tokenizer(content: bytes) -> bytes:
    """Return a tokenizer.json without the letters of the Unicode version that Python has."""
    facts = json.loads(content)
    for step in facts["normalizer"]["normalizers"]:
        if "Regex" in step.get("pattern", ()):
            step["pattern"]["Regex"] = ""
    return json.dumps(facts, indent=1, ensure_ascii=False).encode()


def stable_card(path: Path) -> bytes:
    """Return a card without the keys of the stages and the version of shardmill."""
    text = re.sub("-[0-9a-f]{12}/", "-KEY/", path.read_text(encoding="utf-8"))
    return re.sub(r"written by shardmill \S+\n", "written by shardmill.\n", text).encode()


def stable_manifest(path: Path) -> bytes:
    """Return a manifest without what depends on the versions of shardmill, Arrow and Python.

    Arrow writes its version into Parquet files, so that their checksums and the keys of the stages
    depend on it; Python's Unicode version is in tokenizer.json and in the manifest.
    """
    manifest: dict[str, Any] = json.loads(path.read_bytes())
    manifest.update(writer="", clean_key="", shard_key="")
    manifest["card"].update(bytes=0, xxh3_128="")
    for split in manifest["splits"].values():
        for parquet in split["parquet"]:
            parquet.update(bytes=0, xxh3_128="")
    if manifest["vocabulary"]:
        manifest["vocabulary"]["tokenizer"].update(bytes=0, xxh3_128="")
        manifest["vocabulary"]["unicode"] = ""
    for record in files(manifest):
        record["path"] = re.sub("-[0-9a-f]{12}/", "-KEY/", record["path"])
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode()


def files(facts: Any) -> Iterator[dict[str, Any]]:
    """Yield every file record of a manifest."""
    if isinstance(facts, dict):
        if "xxh3_128" in facts:
            yield facts
        facts = list(facts.values())
    for inner in facts if isinstance(facts, list) else ():
        yield from files(inner)


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for name, content in build_golden(Path(scratch)).items():
            packed = gzip.compress(content, mtime=0) if name.endswith(".gz") else content
            (GOLDEN / name).write_bytes(packed)
