"""Large raw files are hashed and scanned by all workers, and the bytes of a build are the same."""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import image_files
import pytest
from parts_of_builds import ROWS, gzipped
from small_parts import RECIPE, SMALL, build, contents, remains

from shardmill.errors import BinaryFileError, ChangedFileError, CompressionError, InputError
from shardmill.pipeline.builds import read_content, read_job
from shardmill.pipeline.builds.engine import Engine
from shardmill.pipeline.builds.executor_engine import ExecutorEngine
from shardmill.pipeline.builds.process_engine import ProcessEngine
from shardmill.pipeline.builds.read_job import ReadJob, read_in_tasks
from shardmill.pipeline.stages import scan_files
from shardmill.raw import decompress, image_folder
from shardmill.raw.content_digest import BLOCK_BYTES
from shardmill.raw.raw_files import FoundFile, RawContent, find_raw, read_folder, read_raw
from shardmill.recipe.splits import ImageFolder, RawFile

# Every file is large, and chunks are of some grains.
LARGE = replace(SMALL, large_bytes=1, range_bytes=50_000, grain_bytes=1_500)


@contextmanager
def thread_engine() -> Any:
    with ThreadPoolExecutor(3) as threads, ExecutorEngine(threads, 3) as engine:
        yield engine


ENGINES: list[Callable[[], AbstractContextManager[Engine]]] = [
    partial(ProcessEngine, 1),
    partial(ProcessEngine, 2),
    thread_engine,
]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "train.csv").write_text("".join(ROWS), encoding="utf-8")
    return folder


UTF_16 = RECIPE.replace("header = false", 'header = false, encoding = "utf-16"')
JSON_LINES = RECIPE.replace("csv = { header = false }", "").replace("csv", "jsonl")
OBJECTS = "".join(f'{{"label": {1 + n % 2}, "title": "a", "body": "{n}"}}\n' for n in range(9000))
SPELLINGS = {
    "plain": (RECIPE, "train.csv", "".join(ROWS).encode()),
    "gzip": (RECIPE, "train.csv", gzipped("".join(ROWS))),
    "utf-16": (UTF_16, "train.csv", "".join(ROWS).encode("utf-16")),
    "json lines": (JSON_LINES, "train.jsonl", OBJECTS.encode()),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_same_bytes_by_any_workers(tmp_path: Path, spelling: str) -> None:
    recipe, name, content = SPELLINGS[spelling]
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / name).write_bytes(content)
    build(recipe, folder, tmp_path / "small", sizes=SMALL)
    expected = contents(tmp_path / "small")
    for workers, sizes in ((1, LARGE), (2, LARGE), (3, replace(LARGE, range_bytes=1))):
        out = tmp_path / f"{workers}"
        outcome = build(recipe, folder, out, workers=workers, sizes=sizes)
        assert ("scan" in outcome.seconds) == (workers > 1)
        assert contents(out) == expected


def test_compressed_files_are_read_side_by_side(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = f'{RECIPE}\n[splits.test]\ncsv.path = "test.csv"\n'
    for name in ("train.csv", "test.csv"):
        (raw / name).write_bytes(gzipped("".join(ROWS)))
    build(recipe, raw, tmp_path / "small", workers=2, sizes=SMALL)
    read: list[int] = []

    def in_tasks(jobs: list[ReadJob], *args: Any, **options: Any) -> Any:
        read.append(len(jobs))
        return read_in_tasks(jobs, *args, **options)

    monkeypatch.setattr(read_content, "read_in_tasks", in_tasks)
    build(recipe, raw, tmp_path / "large", workers=2, sizes=LARGE)
    assert read == [2]
    assert contents(tmp_path / "large") == contents(tmp_path / "small")


def test_the_same_bytes_by_threads(raw: Path, tmp_path: Path) -> None:
    build(RECIPE, raw, tmp_path / "small", sizes=SMALL)
    with thread_engine() as engine:
        outcome = build(RECIPE, raw, tmp_path / "threads", sizes=LARGE, engine=engine)
    assert "scan" in outcome.seconds
    assert contents(tmp_path / "threads") == contents(tmp_path / "small")


# How files are read by tasks.


def jobs_of(folder: Path, *files: RawFile) -> list[ReadJob]:
    found = [(file, find_raw(folder, file)) for file in files]
    return [ReadJob(there, file, None, None) for file, there in found if there is not None]


def read_all(jobs: list[ReadJob], engine: Engine) -> tuple[list[RawContent], list[int]]:
    told: list[int] = []
    read = read_in_tasks(jobs, engine, range_bytes=BLOCK_BYTES + 1, on_read=told.append)
    return list(read), told


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("algorithm", ["sha256", "md5", None])
def test_files_are_read_by_any_engine(
    tmp_path: Path, engine: Callable[[], AbstractContextManager[Engine]], algorithm: str | None
) -> None:
    content = b"0123456789" * 3_500_000
    (tmp_path / "large").write_bytes(content)
    (tmp_path / "small").write_bytes(b"a small file")
    digits = hashlib.new(algorithm, content).hexdigest() if algorithm else ""
    checksum = f"{algorithm}:{digits}" if algorithm else None
    jobs = jobs_of(tmp_path, RawFile(path="large", checksum=checksum), RawFile(path="small"))
    with engine() as running:
        (large, small), told = read_all(jobs, running)
    assert large == read_raw(tmp_path / "large", algorithm)
    assert large.checksum == checksum
    assert small == read_raw(tmp_path / "small")
    assert told[-1] == len(content) + len(b"a small file")
    assert len(told) == 3 + (algorithm is not None)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("images", [0, 1, 4, 23])
def test_folders_of_images_are_hashed_by_any_engine(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    engine: Callable[[], AbstractContextManager[Engine]],
    images: int,
) -> None:
    monkeypatch.setattr(image_folder, "_AT_A_TIME", 4)
    (tmp_path / "small").write_bytes(b"a small file")
    for number in range(images):
        (tmp_path / "images" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / "ab"[number % 2] / f"{number}.png").write_bytes(bytes(number))
    path = tmp_path / "images"
    folder = ImageFolder(path="images")
    jobs = [
        ReadJob(FoundFile(path, image_folder.list_images(path).stat), folder, None, None),
        *jobs_of(tmp_path, RawFile(path="small")),
    ]
    with engine() as running:
        (found, small), told = read_all(jobs, running)
    assert found == read_folder(path)
    assert small == read_raw(tmp_path / "small")
    assert len(told) == -(-images // 4) + 1


def test_a_build_of_a_large_folder_of_images(tmp_path: Path) -> None:
    image_files.write_images(tmp_path / "raw" / "train", image_files.noise(600, 9, 8))
    image_files.build(image_files.RECIPE, tmp_path / "raw", tmp_path / "small", sizes=SMALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_job, "read_folder", lambda _: pytest.fail("tasks read the folder"))
        options = {"workers": 2, "sizes": LARGE}
        image_files.build(image_files.RECIPE, tmp_path / "raw", tmp_path / "large", **options)
    assert contents(tmp_path / "large") == contents(tmp_path / "small")


def test_an_image_that_is_removed_while_others_are_hashed(tmp_path: Path) -> None:
    image_files.write_images(tmp_path / "train", image_files.noise(3, 2, 2))
    listed = image_folder.list_images(tmp_path / "train")
    job = ReadJob(FoundFile(listed.folder, listed.stat), ImageFolder(path="train"), None, None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_job, "list_images", lambda _: listed)
        (listed.folder / listed.images[1].path).unlink()
        with ProcessEngine(1) as engine, pytest.raises(InputError, match=r"0001\.png"):
            read_all([job], engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_files_that_cannot_be_read(
    tmp_path: Path, engine: Callable[[], AbstractContextManager[Engine]]
) -> None:
    (tmp_path / "f").write_bytes(b"\x1f\x8b" + bytes(20))
    with engine() as running, pytest.raises(CompressionError, match="a whole gzip file"):
        read_all(jobs_of(tmp_path, RawFile(path="f")), running)
    (tmp_path / "f").write_bytes(b"PAR1" + bytes(2 * BLOCK_BYTES))
    text = [replace(job, encoding="utf-8") for job in jobs_of(tmp_path, RawFile(path="f"))]
    with engine() as running, pytest.raises(BinaryFileError, match="Parquet"):
        read_all(text, running)


def test_a_copy_that_is_written_twice(raw: Path, tmp_path: Path) -> None:
    (raw / "packed").write_bytes(gzipped("".join(ROWS)))
    copies = tmp_path / "copies"
    copies.mkdir()
    (job,) = (replace(job, copies=copies) for job in jobs_of(raw, RawFile(path="packed")))
    first = job.read()
    assert job.read() == first
    assert list(copies.iterdir()) == [first.readable]
    assert first.readable.read_text(encoding="utf-8") == "".join(ROWS)


def test_a_file_that_becomes_shorter_while_it_is_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f"
    path.write_bytes(bytes(2 * BLOCK_BYTES))
    real = decompress.check_text

    def late(*args: Any) -> None:
        path.write_bytes(bytes(BLOCK_BYTES))
        real(*args)

    monkeypatch.setattr(read_job, "check_text", late)
    with ProcessEngine(2) as engine, pytest.raises(ChangedFileError, match="an earlier end"):
        read_all(jobs_of(tmp_path, RawFile(path="f")), engine)


@pytest.mark.parametrize("later", [ROWS[:3000], [*ROWS, ROWS[0]], ROWS[1:]])
def test_a_file_that_changes_after_it_was_scanned(
    raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, later: list[str]
) -> None:
    real = scan_files.scan_large_files

    def scan(*args: Any) -> Any:
        scanned = real(*args)
        (raw / "train.csv").write_text("".join(later), encoding="utf-8")
        return scanned

    monkeypatch.setattr(scan_files, "scan_large_files", scan)
    with pytest.raises(InputError, match=r"train\.csv"):
        build(RECIPE, raw, tmp_path / "out", workers=2, sizes=LARGE)
    assert remains(tmp_path) == []
