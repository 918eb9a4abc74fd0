"""With `names`, rows and batches are dicts, in every way that a dataset can be read."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from building import build
from pairs_of_texts import build_two_texts
from torch.utils.data import ConcatDataset, DataLoader, Subset, default_collate

import shardmill
from shardmill.pipeline.sample.write_idx import encode_idx
from shardmill.recipe.load_recipe import parse_recipe

FORK: dict[str, Any] = {"num_workers": 2, "multiprocessing_context": "fork"}
IMAGES = {"x": "pixel_values", "y": "labels"}
BARE = """
name = "pictures"
kind = "image"
target = { classes = ["a", "b"] }
splits.train = { images.path = "images", labels.path = "labels" }
splits.bare = { images.path = "images", labelled = false }
"""
TEXTS = {"x": "input_ids", "y": "labels"}


def same(a: Any, b: Any) -> bool:
    return list(a) == list(b) and all(
        a[name].dtype == b[name].dtype and a[name].equal(b[name]) for name in a
    )


def named_and_plain(folder: Path, name: str, **options: Any) -> tuple[Any, Any]:
    names = TEXTS if name == "ag_news" else IMAGES
    return (
        shardmill.open(folder / name, "test", names=names, **options),
        shardmill.open(folder / name, "test", **options),
    )


def test_images_and_labels_get_their_names(sample_artifacts: Path) -> None:
    ds, plain = named_and_plain(sample_artifacts, "mnist")
    for index in (3, [5, 7]):
        x, y = plain[index]
        assert same(ds[index], {"pixel_values": x, "labels": y})
    for batch, (x, y) in zip(ds.loader(300), plain.loader(300), strict=True):
        assert same(batch, {"pixel_values": x, "labels": y})


def test_padded_texts_get_a_mask(sample_artifacts: Path) -> None:
    ds, plain = named_and_plain(sample_artifacts, "ag_news")
    x, y = plain[:9]
    counting = torch.arange(x.ids.shape[1])
    mask = torch.stack([(counting < length).long() for length in x.lengths])
    expected = {"input_ids": x.ids.long(), "attention_mask": mask, "labels": y}
    assert same(ds[:9], expected)
    ids, label = plain[4]
    row = {"input_ids": ids.long(), "attention_mask": torch.ones(len(ids)).long(), "labels": label}
    assert same(ds[4], row)
    padded = list(ds.__getitems__(range(9)))
    assert all(same(row, {n: v[i] for n, v in expected.items()}) for i, row in enumerate(padded))
    for rows in (padded, [ds[row] for row in range(9)]):
        assert same(default_collate(rows), expected)


def test_the_mask_can_have_another_name(sample_artifacts: Path) -> None:
    names = {"x.mask": "seen"}
    ds = shardmill.TextDataset(sample_artifacts / "ag_news", names=names)
    assert list(ds[:2]) == list(ds[0]) == ["x", "seen", "y"]


def test_other_layouts(sample_artifacts: Path) -> None:
    ds, plain = named_and_plain(sample_artifacts, "ag_news", layout="bag")
    x, y = plain[:9]
    expected = {"input_ids": x.ids, "offsets": x.offsets, "labels": y}
    assert same(ds[:9], expected)
    assert same(default_collate([ds[row] for row in range(9)]), expected)
    assert same(default_collate(list(ds.__getitems__(range(9)))), expected)
    assert same(ds.__getitems__([4])[0], {"input_ids": plain[4][0], "labels": plain[4][1]})
    nested, _ = named_and_plain(sample_artifacts, "ag_news", layout="jagged")
    assert nested[:3]["input_ids"].layout == torch.jagged
    assert same(ds[4], nested[4])


@pytest.mark.parametrize("name", ["mnist", "ag_news", "titanic"])
@pytest.mark.parametrize("workers", [{}, FORK])
def test_every_way_of_reading_gives_the_same(
    sample_artifacts: Path, name: str, workers: dict[str, Any]
) -> None:
    names = {"x": "input_ids"} if name == "ag_news" else {"x": "inputs"}
    ds: Any = shardmill.open(sample_artifacts / name, "train", names=names)
    ds = pickle.loads(pickle.dumps(ds))
    expected = [ds[rows] for rows in np.split(np.arange(len(ds)), range(64, len(ds), 64))]
    loaders = [
        ds.loader(64, **workers),
        ds.loader(64, collate_fn=default_collate, **workers),
        DataLoader(ds, 64, **workers),
        DataLoader(Subset(ds, range(len(ds))), 64, **workers),
        DataLoader(ConcatDataset([ds]), 64, **workers),
        shardmill.concat([ds, ds]).loader(64, **workers),
    ]
    for loader in loaders:
        batches = list(loader)[: len(expected) - 1]
        assert len(batches) == len(expected) - 1
        assert all(map(same, batches, expected))


def test_joined_datasets_are_named_as_their_members(sample_artifacts: Path) -> None:
    parts: list[Any] = [
        shardmill.open(sample_artifacts / "ag_news", split, names=TEXTS)
        for split in ("test", "train")
    ]
    both = shardmill.concat(parts)
    rows = [0, len(parts[0]), 1]
    assert same(both[rows], default_collate([both[row] for row in rows]))
    other = shardmill.open(sample_artifacts / "ag_news", "train")
    with pytest.raises(shardmill.AgreementError, match="names"):
        shardmill.concat([parts[0], other])


def test_a_split_without_target_takes_the_same_names(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(encode_idx(np.arange(12, dtype=np.uint8).reshape(3, 2, 2)))
    (tmp_path / "labels").write_bytes(encode_idx(np.array([0, 1, 0], np.uint8)))
    build(parse_recipe(BARE, where="test"), tmp_path, tmp_path / "out")
    ds = shardmill.open(tmp_path / "out" / "pictures", "bare", names=IMAGES)
    assert list(ds[0]) == list(ds[:3]) == ["pixel_values"]
    assert same(next(iter(DataLoader(ds, 3))), ds[:3])


def test_transforms_come_before_names(sample_artifacts: Path) -> None:
    def halves(x: Any) -> dict[str, Any]:
        return {"left": x[..., :14], "right": x[..., 14:]}

    ds: Any = shardmill.open(sample_artifacts / "mnist", names=IMAGES, transform=halves)
    assert list(ds[0]) == list(ds[:2]) == ["left", "right", "labels"]
    assert ds[:2]["right"].shape == (2, 1, 28, 14)
    clash = shardmill.open(
        sample_artifacts / "mnist", names=IMAGES, transform=lambda x: {"labels": x}
    )
    with pytest.raises(ValueError, match="two parts of a row are called 'labels'"):
        clash[:2]


@pytest.mark.parametrize(
    ("names", "error", "said"),
    [
        ({"xx": "a"}, ValueError, "no field 'xx' to name; did you mean x?"),
        ({"labels": "y"}, ValueError, "no field 'labels' to name; it has x, y"),
        ({"x": "y"}, ValueError, "two fields of .* are called 'y', x and y"),
        ({"x": 3}, TypeError, "the name of the field x is a text, not 3"),
        (["x"], TypeError, "names is a dict such as"),
    ],
)
def test_wrong_names_are_refused(
    sample_artifacts: Path, names: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said.replace("?", r"\?")):
        shardmill.open(sample_artifacts / "mnist", names=names)


def test_a_collator_of_ones_own_is_given_dicts(sample_artifacts: Path) -> None:
    def collate(rows: Any) -> Any:  # as the default collator of transformers does
        kept = [{name: row[name] for name in row if name != "unused"} for row in rows]
        return {name: torch.stack([row[name] for row in kept]) for name in kept[0]}

    for name in ("mnist", "ag_news"):
        ds, _ = named_and_plain(sample_artifacts, name)
        for loader in (DataLoader(ds, 64, collate_fn=collate), ds.loader(64, collate_fn=collate)):
            assert same(next(iter(loader)), ds[:64])


def test_several_texts_a_row_cannot_be_named(tmp_path: Path) -> None:
    artifact = build_two_texts(tmp_path)
    with pytest.raises(ValueError, match=r"has x\.one, x\.two beside other inputs; open it"):
        shardmill.open(artifact, names={"y": "labels"})
