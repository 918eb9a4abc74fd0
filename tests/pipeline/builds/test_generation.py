"""Readers see a whole generation or none; what they have mapped stays as it was."""

import mmap
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import xxhash

from shardmill.errors import LockedError, OutputError
from shardmill.format.artifact_lock import locked
from shardmill.format.layout import Field
from shardmill.format.manifest import FileRecord, Manifest, ParquetRecord, ShardRecord, SplitRecord
from shardmill.pipeline.builds.generation import (
    generation_name,
    has_remains,
    new_generation,
    publish,
    remove_remains,
)

CLEAN, SHARDS, OLD = (
    f"{name}-{'0' * 11}{n}" for name, n in [("clean", 1), ("shards", 2), ("shards", 3)]
)


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def write(artifact: Path, name: str, files: dict[str, bytes]) -> list[FileRecord]:
    with new_generation(artifact, name) as generation:
        return [generation.write(file, content) for file, content in files.items()]


def manifest() -> Manifest:
    digest = "0" * 32
    split = SplitRecord(
        rows=1,
        labelled=False,
        parquet=(ParquetRecord(path=f"{CLEAN}/p", bytes=1, xxh3_128=digest, rows=1),),
        rows_per_shard=1,
        fields=(Field.input("uint8"),),
        shards=(ShardRecord(path=f"{SHARDS}/s", bytes=1, xxh3_128=digest, rows=1),),
    )
    return Manifest(
        writer="test",
        name="toy",
        kind="image",
        sample=False,
        recipe={},
        recipe_sha256="0" * 64,
        clean_key="0" * 64,
        shard_key="0" * 64,
        requested_rows_per_shard=None,
        raw=FileRecord(path=f"{SHARDS}/raw.json", bytes=1, xxh3_128="0" * 32),
        classes=None,
        features=(),
        statistics={},
        vocabulary=None,
        splits={"train": split},
    )


def test_generation_name() -> None:
    assert generation_name("clean", "0123456789abcdef") == "clean-0123456789ab"


def test_a_generation_is_put_in_place_whole(tmp_path: Path) -> None:
    with new_generation(tmp_path, CLEAN) as generation:
        generation.write("a", b"1")
        assert not (tmp_path / CLEAN).exists()
        (record,) = [generation.write("b", b"22")]
    assert names(tmp_path) == {CLEAN}
    assert names(tmp_path / CLEAN) == {"a", "b"}
    digest = xxhash.xxh3_128(b"22").hexdigest()
    assert record == FileRecord(path=f"{CLEAN}/b", bytes=2, xxh3_128=digest)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_of_a_generation_that_failed(
    tmp_path: Path, error: type[BaseException]
) -> None:
    with pytest.raises(error), new_generation(tmp_path, CLEAN) as generation:
        generation.write("a", b"1")
        raise error
    assert names(tmp_path) == set()


def test_a_failed_generation_leaves_the_one_of_its_name_alone(tmp_path: Path) -> None:
    write(tmp_path, CLEAN, {"a": b"1"})
    with pytest.raises(ValueError, match="half"), new_generation(tmp_path, CLEAN) as generation:
        generation.write("a", b"2")
        raise ValueError("half")
    assert (tmp_path / CLEAN / "a").read_bytes() == b"1"


def test_leftovers_of_a_killed_build_are_no_part_of_the_next(tmp_path: Path) -> None:
    left = tmp_path / f".building-{CLEAN}"
    left.mkdir()
    (left / "half").write_bytes(b"1")
    write(tmp_path, CLEAN, {"a": b"1"})
    assert names(tmp_path) == {CLEAN}
    assert names(tmp_path / CLEAN) == {"a"}


def test_a_reader_keeps_the_bytes_that_it_has_mapped(tmp_path: Path) -> None:
    write(tmp_path, CLEAN, {"a": b"before"})
    with (tmp_path / CLEAN / "a").open("rb") as file:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    write(tmp_path, CLEAN, {"a": b"after!"})
    assert (tmp_path / CLEAN / "a").read_bytes() == b"after!"
    assert mapped[:] == b"before"
    mapped.close()
    assert names(tmp_path) == {CLEAN}


def test_publish_switches_the_manifest_and_removes_stale_generations_alone(tmp_path: Path) -> None:
    for name in (CLEAN, SHARDS, OLD):
        write(tmp_path, name, {"a": b"1"})
    (tmp_path / f".building-{OLD}").mkdir()
    assert has_remains(tmp_path)
    remove_remains(tmp_path)
    assert not has_remains(tmp_path)
    kept = ["notes.txt", ".building-mine", "shards-mine", "shards-0123456789ab.bak"]
    for name in kept[:1]:
        (tmp_path / name).write_bytes(b"mine")
    for name in kept[1:]:
        (tmp_path / name).mkdir()
    publish(tmp_path, manifest(), build=b"{}", card=b"# card")
    own = {"manifest.json", "build.json", "README.md"}
    assert names(tmp_path) == {CLEAN, SHARDS, *own, *kept}
    assert Manifest.load(tmp_path) == manifest()
    assert (tmp_path / "build.json").read_bytes() == b"{}"


def test_publish_again_keeps_the_manifest_that_a_reader_has_open(tmp_path: Path) -> None:
    publish(tmp_path, manifest(), build=b"{}", card=b"# card")
    with (tmp_path / "manifest.json").open("rb") as file:
        later = manifest().model_copy(update={"writer": "later"})
        publish(tmp_path, later, build=b"{}", card=b"")
        assert file.read() == manifest().to_json()
    assert Manifest.load(tmp_path).writer == "later"


HOLDER = """
import sys
from pathlib import Path
from shardmill.format.artifact_lock import locked
with locked(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_the_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    artifact = tmp_path / "out" / "toy"
    command = [sys.executable, "-c", HOLDER, str(artifact)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"locked\n"
        message = "toy: expected no other build, found one that is running"
        with pytest.raises(LockedError, match=message), locked(artifact):
            pass
        holder.send_signal(signal.SIGKILL)
    with locked(artifact):
        assert artifact.is_dir()


def test_the_lock_is_freed_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), locked(tmp_path):
        raise ValueError("inside")
    with locked(tmp_path):
        pass


@pytest.mark.parametrize("artifact", ["file", "file/below"])
def test_an_output_path_that_is_a_file(tmp_path: Path, artifact: str) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    message = f"{artifact}: expected a folder that can be written"
    with pytest.raises(OutputError, match=message), locked(tmp_path / artifact):
        pass
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_a_file_in_the_place_of_a_generation(tmp_path: Path) -> None:
    (tmp_path / CLEAN).write_bytes(b"mine")
    with pytest.raises(OutputError, match="expected a folder that can be written"):
        write(tmp_path, CLEAN, {"a": b"1"})
    assert names(tmp_path) == {CLEAN}


def test_a_folder_in_the_place_of_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(OutputError, match="expected a folder that can be written"):
        publish(tmp_path, manifest(), build=b"{}", card=b"# card")
