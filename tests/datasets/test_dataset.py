"""What a dataset says of itself, and what it refuses."""

import gc
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from building import build
from cut_artifacts import IMAGE, ROWS, equal

import shardmill
from shardmill.datasets.gather import mapped_split
from shardmill.errors import (
    DamagedFileError,
    KindError,
    ManifestError,
    MissingArtifactError,
    UnknownSplitError,
)
from shardmill.format.near_artifacts import MANIFEST_NAME
from shardmill.recipe.load_recipe import parse_recipe


def test_repr_says_what_it_is(sample_artifacts: Path) -> None:
    assert repr(shardmill.open(sample_artifacts / "titanic")) == (
        "TabularDataset(titanic/train: 799 rows, x float32 [7], y int64 [], 2 classes, sample data)"
    )


def test_names_for_the_shipped_recipes(sample_artifacts: Path) -> None:
    titanic = shardmill.TitanicDataset(sample_artifacts / "titanic")
    assert titanic.encoder == {"Dead": 0, "Survived": 1}
    assert titanic.decoder == {0: "Dead", 1: "Survived"}
    assert titanic.categories["Sex"] == {"male": 0, "female": 1}
    assert shardmill.MNISTDataset(sample_artifacts / "mnist").classes == tuple("0123456789")
    news = shardmill.AGNewsDataset(sample_artifacts / "ag_news", "test")
    assert news.vocab(["<unk>", "<pad>", "a-token-that-is-not-there"]) == [0, 1, 0]


def test_dropped_features(sample_artifacts: Path) -> None:
    path = sample_artifacts / "titanic"
    everything = shardmill.TitanicDataset(path)
    some = shardmill.TitanicDataset(path, drop_features=["Age", "Fare"])
    assert some.features == ("Pclass", "Sex", "SibSp", "Parch", "Embarked")
    kept = [everything.features.index(name) for name in some.features]
    assert torch.equal(some[:][0], everything[:][0][:, kept])
    assert torch.equal(some[3][0], everything[3][0][kept])
    with pytest.raises(ValueError, match="no feature 'Far' to drop; did you mean Fare"):
        shardmill.TitanicDataset(path, drop_features=["Far"])
    with pytest.raises(ValueError, match=r"no feature of .* is left"):
        shardmill.TitanicDataset(path, drop_features=everything.features)


def test_what_cannot_be_opened(cut_folder: Path, tmp_path: Path) -> None:
    path = cut_folder / "one" / "texts"
    with pytest.raises(UnknownSplitError, match=r"one of train, found 'trian'; did you mean train"):
        shardmill.open(path, "trian")
    with pytest.raises(KindError, match="expected an artifact of kind image, found kind text"):
        shardmill.ImageDataset(path)
    with pytest.raises(MissingArtifactError, match="build it with `shardmill preprocess`"):
        shardmill.open(tmp_path / "none")
    with pytest.raises(ValueError, match="layout is one of padded, bag, jagged, not 'bags'"):
        shardmill.open(path, layout="bags")  # type: ignore[call-overload]


def damaged_copy(cut_folder: Path, to: Path) -> tuple[Path, Path]:
    copy = to / "pictures"
    shutil.copytree(cut_folder / "many" / "pictures", copy)
    return copy, next(copy.glob("*/train-00001.safetensors"))


@pytest.mark.parametrize("spans", [True, False])
def test_files_of_another_size_are_refused_before_they_are_mapped(
    cut_folder: Path, tmp_path: Path, spans: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_split, "can_map_spans", lambda: spans)
    copy, shard = damaged_copy(cut_folder, tmp_path)
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    rows = 0 if spans else slice(None)  # a shard in a slot is looked at when it is needed
    with pytest.raises(DamagedFileError, match=r"train-00001\.safetensors: expected a shard of"):
        shardmill.open(copy)[rows]
    shard.unlink()
    with pytest.raises(DamagedFileError, match="No such file"):
        shardmill.open(copy)[rows]


def test_a_manifest_that_promises_more_rows_than_the_file_has(
    cut_folder: Path, tmp_path: Path
) -> None:
    copy, _ = damaged_copy(cut_folder, tmp_path)
    manifest = copy / MANIFEST_NAME
    text = manifest.read_text()
    rows = shardmill.Manifest.load(copy).splits["train"].shards[-1].rows
    text = text.replace(f'"rows": {rows},', f'"rows": {rows + 1},').replace(
        f'"rows": {ROWS},', f'"rows": {ROWS + 1},'
    )
    manifest.write_text(text)
    with pytest.raises(ManifestError, match=rf"bytes for {rows + 1:,} rows"):
        shardmill.open(copy)[0]


def test_maps_outlive_a_rebuild(cut_folder: Path, cut_raw: Path, tmp_path: Path) -> None:
    recipe = parse_recipe(IMAGE, where="test")
    path = build(recipe, cut_raw, tmp_path, rows_per_shard=ROWS)
    ds = shardmill.open(path)
    before = ds[:100]
    build(recipe, cut_raw, tmp_path, rows_per_shard=1)
    assert equal(ds[:100], before)
    assert equal(shardmill.open(path)[:100], before)


def test_targets_and_rows_may_become_numbers(cut_folder: Path) -> None:
    path = cut_folder / "one" / "pictures"
    ds = shardmill.open(path, target_transform=int, transform=lambda x: x.sum(), per_row=True)
    x, y = ds[:4]
    assert x.shape == y.shape == (4,)
    assert y.tolist() == [0, 1, 2, 0]


def spans_mapped() -> int:
    """Shards that this process has mapped."""
    return Path("/proc/self/maps").read_text().count(".safetensors")


def test_spans_are_unmapped_with_their_last_view(cut_folder: Path) -> None:
    gc.collect()  # what tests before this one left
    before = spans_mapped()
    ds = shardmill.open(cut_folder / "many" / "pictures")
    kept = ds[:10]
    assert spans_mapped() > before
    del ds
    gc.collect()
    assert spans_mapped() == before
    assert len(kept[0]) == 10


def test_reading_while_python_exits(cut_folder: Path) -> None:
    code = (
        "import atexit\natexit.register(lambda: print('label', int(ds[1][1])))\n"
        f"import shardmill\nds = shardmill.open({str(cut_folder / 'one' / 'pictures')!r})\nds[0]"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "label 1\n"
