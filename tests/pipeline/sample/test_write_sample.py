"""The sample files have the true raw formats, come from the seed alone, and can be learnt."""

import csv
import gzip
import hashlib
import io
import json
import re
import struct
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from shardmill.errors import OutputError
from shardmill.pipeline.sample.sample_ag_news import ag_news_csv
from shardmill.pipeline.sample.sample_mnist import draw_digits
from shardmill.pipeline.sample.sample_titanic import titanic_csv
from shardmill.pipeline.sample.write_idx import compress_gzip, encode_idx
from shardmill.pipeline.sample.write_sample import write_sample

NAMES = ("titanic", "mnist", "ag_news")
PATHS = (
    "titanic/train.csv",
    "mnist/train-images-idx3-ubyte.gz",
    "mnist/train-labels-idx1-ubyte.gz",
    "mnist/t10k-images-idx3-ubyte.gz",
    "mnist/t10k-labels-idx1-ubyte.gz",
    "ag_news/train.csv",
    "ag_news/test.csv",
)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample") / "raw"
    assert write_sample(folder, NAMES, seed=7) == [folder / path for path in PATHS]
    return folder


def read_content(path: Path) -> bytes:
    data = path.read_bytes()
    return gzip.decompress(data) if path.suffix == ".gz" else data


def read_csv(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))


def read_digits(folder: Path, part: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    images = read_content(folder / f"mnist/{part}-images-idx3-ubyte.gz")
    labels = read_content(folder / f"mnist/{part}-labels-idx1-ubyte.gz")
    magic, rows, height, width = struct.unpack(">4I", images[:16])
    assert (magic, height, width) == (0x00000803, 28, 28)
    assert struct.unpack(">2I", labels[:8]) == (0x00000801, rows)
    pixels = np.frombuffer(images, np.uint8, offset=16).reshape(rows, height, width)
    return pixels, np.frombuffer(labels, np.uint8, offset=8)


def read_listing(folder: Path) -> dict[str, Any]:
    listing: dict[str, Any] = json.loads((folder / "sample.json").read_bytes())
    return listing


def test_nothing_else_is_written(sample: Path) -> None:
    found = {path.relative_to(sample).as_posix() for path in sample.rglob("*") if path.is_file()}
    assert found == {*PATHS, "sample.json"}


def test_listing_has_digest_of_each_content(sample: Path) -> None:
    digests = {path: hashlib.sha256(read_content(sample / path)).hexdigest() for path in PATHS}
    assert read_listing(sample) == {"files": digests, "seed": 7}
    text = (sample / "sample.json").read_text()
    assert text == json.dumps(read_listing(sample), indent=2, sort_keys=True) + "\n"


def test_same_seed_gives_same_bytes_and_another_seed_others(sample: Path, tmp_path: Path) -> None:
    write_sample(tmp_path / "same", NAMES, seed=7)
    write_sample(tmp_path / "other", NAMES, seed=8)
    for path in PATHS:
        assert (tmp_path / "same" / path).read_bytes() == (sample / path).read_bytes(), path
        assert read_content(tmp_path / "other" / path) != read_content(sample / path), path


@pytest.mark.parametrize("generate", [titanic_csv, ag_news_csv])
def test_more_rows_are_asked_for_by_number(generate: Any) -> None:
    header = 1 if generate is titanic_csv else 0
    for rows in (0, 1, 10):
        assert generate(rows, seed=0).count(b"\n") == rows + header


def test_titanic_looks_like_the_published_file(sample: Path) -> None:
    header, *rows = read_csv(sample / "titanic/train.csv")
    names = "PassengerId,Survived,Pclass,Name,Sex,Age,SibSp,Parch,Ticket,Fare,Cabin,Embarked"
    assert ",".join(header) == names
    assert len(rows) == 1_000
    columns = dict(zip(header, zip(*rows, strict=True), strict=True))
    assert columns["PassengerId"] == tuple(str(n) for n in range(1, 1_001))
    assert set(columns["Survived"]) == {"0", "1"}
    assert set(columns["Pclass"]) == {"1", "2", "3"}
    assert set(columns["Sex"]) == {"male", "female"}
    assert set(columns["Embarked"]) == {"S", "C", "Q", ""}
    assert all(re.fullmatch(r"[\w']+, (Mr|Mrs|Miss|Master|Dr)\. .+", n) for n in columns["Name"])
    assert all(0 < float(age) <= 81 for age in columns["Age"] if age)
    assert all(re.fullmatch(r"\d+(\.\d{1,4})?", fare) for fare in columns["Fare"])
    missing = {name: values.count("") / 1_000 for name, values in columns.items()}
    assert 0.15 < missing.pop("Age") < 0.25
    assert 0.72 < missing.pop("Cabin") < 0.82
    assert 0 < missing.pop("Embarked") < 0.01
    assert set(missing.values()) == {0.0}


def test_titanic_can_be_learnt_but_not_perfectly(sample: Path) -> None:
    rows = list(csv.DictReader(io.StringIO((sample / "titanic/train.csv").read_text())))
    x = np.array([[row["Sex"] == "female", row["Pclass"] != "3", 1] for row in rows], float)
    y = np.array([row["Survived"] == "1" for row in rows], float)
    weights = np.linalg.lstsq(x[:700], y[:700], rcond=None)[0]
    accuracy = ((x[700:] @ weights > 0.5) == y[700:]).mean()
    assert max(y.mean(), 1 - y.mean()) + 0.05 < accuracy < 0.95


def test_digits_are_balanced_shuffled_white_on_black_and_centred(sample: Path) -> None:
    for part, rows in (("train", 4_000), ("t10k", 1_000)):
        images, labels = read_digits(sample, part)
        assert images.shape == (rows, 28, 28)
        assert np.bincount(labels).tolist() == [rows // 10] * 10
        assert len(set(labels[:50].tolist())) == 10
        assert images.max() == 255
        assert 0.10 < (images > 0).mean() < 0.30
        assert images[:, [0, -1], :].mean() < 1
        centre = images.mean(axis=0).sum(axis=0) @ np.arange(28) / images.mean(axis=0).sum()
        assert abs(centre - 13.5) < 0.5


def test_nearest_centroid_reads_the_test_digits(sample: Path) -> None:
    images, labels = read_digits(sample, "train")
    test_images, test_labels = read_digits(sample, "t10k")
    x, test_x = images.reshape(-1, 784) / 255, test_images.reshape(-1, 784) / 255
    centroids = np.stack([x[labels == digit].mean(axis=0) for digit in range(10)])
    distances = (centroids**2).sum(axis=1) - 2 * test_x @ centroids.T
    assert 0.8 < (distances.argmin(axis=1) == test_labels).mean() < 1


def test_draw_digits_refuses_what_is_no_digit() -> None:
    assert draw_digits(np.zeros(0, np.uint8), seed=0).shape == (0, 28, 28)
    with pytest.raises(ValueError, match="labels from 0 to 9, found 10"):
        draw_digits(np.array([3, 10], np.uint8), seed=0)


def test_ag_news_looks_like_the_published_files(sample: Path) -> None:
    for path, rows in (("ag_news/train.csv", 4_000), ("ag_news/test.csv", 1_000)):
        raw = (sample / path).read_text(encoding="utf-8")
        assert all(re.fullmatch(r'"[1-4]","([^"]|"")+","([^"]|"")+"', s) for s in raw.splitlines())
        cells = read_csv(sample / path)
        assert Counter(label for label, _, _ in cells) == dict.fromkeys("1234", rows // 4)
        for trace in ("(Reuters) - ", " (AP)", " #39;", " quot;", "&lt;b&gt;", r"\$", '""', "é"):
            assert trace in raw, trace


def test_ag_news_repeats_no_row(sample: Path) -> None:
    rows = read_csv(sample / "ag_news/train.csv") + read_csv(sample / "ag_news/test.csv")
    assert len({(title, text) for _, title, text in rows}) == len(rows)


def split_words(row: Sequence[str]) -> list[str]:
    return re.findall(r"\w+", f"{row[1]} {row[2]}".lower())


def test_naive_bayes_tells_the_news_apart_but_not_perfectly(sample: Path) -> None:
    counts: dict[str, Counter[str]] = {label: Counter() for label in "1234"}
    for row in read_csv(sample / "ag_news/train.csv"):
        counts[row[0]].update(split_words(row))
    words = {word: i for i, word in enumerate(set[str]().union(*counts.values()))}
    table = np.array([[counts[label][word] + 1 for word in words] for label in "1234"])
    scores = np.log(table / table.sum(axis=1, keepdims=True))  # [4, words]
    right = 0
    rows = read_csv(sample / "ag_news/test.csv")
    for row in rows:
        known = [words[word] for word in split_words(row) if word in words]
        right += "1234"[scores[:, known].sum(axis=1).argmax()] == row[0]
    assert 0.75 < right / len(rows) < 1


@pytest.mark.parametrize(
    ("dtype", "code"),
    [("u1", 0x08), ("i1", 0x09), ("i2", 0x0B), ("i4", 0x0C), ("f4", 0x0D), ("f8", 0x0E)],
)
@pytest.mark.parametrize("order", "<>")
def test_encode_idx_writes_any_order_big_endian(dtype: str, code: int, order: str) -> None:
    array = np.arange(24).astype(f"{order}{dtype}").reshape(2, 3, 4).swapaxes(0, 2)
    content = encode_idx(array)
    assert content[:16] == struct.pack(">HBB3I", 0, code, 3, 4, 3, 2)
    np.testing.assert_array_equal(np.frombuffer(content[16:], f">{dtype}"), array.ravel())


def test_encode_idx_names_what_it_cannot_write() -> None:
    for dtype in (np.uint16, np.int64, np.float16, np.bool_, np.complex64):
        with pytest.raises(ValueError, match=f"float64, found {np.dtype(dtype)}; convert"):
            encode_idx(np.zeros(2, dtype))
    with pytest.raises(ValueError, match="a rank of 1 to 255, found 0"):
        encode_idx(np.array(5, np.uint8))


def test_compress_gzip_keeps_no_time() -> None:
    packed = compress_gzip(b"digits")
    assert gzip.decompress(packed) == b"digits"
    assert packed[3:8] == bytes(5)  # RFC 1952: no flags, hence no name, and time 0


def test_unknown_name_or_seed_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="among titanic, mnist, ag_news, found cifar, imdb"):
        write_sample(tmp_path, ["titanic", "cifar", "imdb"])
    with pytest.raises(ValueError, match="a seed of 0 or more, found -1"):
        write_sample(tmp_path, ["titanic"], seed=-1)
    assert not list(tmp_path.iterdir())


def test_listing_keeps_the_other_files_and_the_latest_digests(tmp_path: Path) -> None:
    write_sample(tmp_path, ["ag_news"])
    (path,) = write_sample(tmp_path, ["titanic"], seed=1)
    (path,) = write_sample(tmp_path, ["titanic"], seed=2)
    files = read_listing(tmp_path)["files"]
    assert sorted(files) == ["ag_news/test.csv", "ag_news/train.csv", "titanic/train.csv"]
    assert files["titanic/train.csv"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_damaged_listing_is_written_anew(tmp_path: Path) -> None:
    write_sample(tmp_path, ["titanic"])
    (tmp_path / "sample.json").write_text("[]")
    write_sample(tmp_path, ["titanic"])
    assert sorted(read_listing(tmp_path)["files"]) == ["titanic/train.csv"]


@pytest.mark.parametrize("name", ["titanic/train.csv", "mnist/t10k-labels-idx1-ubyte.gz"])
def test_files_that_may_be_real_are_never_replaced(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text("real")
    with pytest.raises(OutputError, match="may be real data"):
        write_sample(tmp_path, ["titanic", "mnist"])
    assert path.read_text() == "real"
    assert not (tmp_path / "sample.json").exists()
