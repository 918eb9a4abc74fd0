"""Builds from S3 to S3 on machines of a Ray cluster that share no disk."""

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from ray_machines import HEAD, WORKERS, add, build, command, contents, kill, kill_in

# Small shards, so that a cache can hold some of them.
SMALL = ("--rows-per-shard", "8192")
READ = """
import hashlib, sys
import shardmill

place, cache, size = sys.argv[1:]
more = {"cache": cache, "cache_bytes": int(size)} if "://" in place else {}
rows = shardmill.open(place, **more)
digest = hashlib.sha256()
for start in range(0, len(rows), 1000):
    for tensor in rows[start : start + 1000]:
        digest.update(tensor.numpy().tobytes())
print(len(rows), digest.hexdigest())
"""


@contextlib.contextmanager
def object_storage() -> Iterator[None]:
    """Run a server of S3 with an empty bucket, which the environment names."""
    server = [sys.executable, "-m", "moto.server", "-H", HEAD, "-p", "5077"]
    with subprocess.Popen(server, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        endpoint = f"http://{HEAD}:5077"
        while True:
            with contextlib.suppress(OSError):
                request = urllib.request.Request(f"{endpoint}/bucket", method="PUT")
                urllib.request.urlopen(request).close()
                break
            time.sleep(0.1)
        os.environ.update(
            AWS_ENDPOINT_URL=endpoint,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_REGION="us-east-1",
            AWS_ALLOW_HTTP="true",
        )
        try:
            yield
        finally:
            process.terminate()


def build_at_urls(folder: Path, raw: Path) -> None:
    """Build from S3 to S3 on machines that share no disk, of which some are killed."""
    from shardmill.store.open_store import open_store

    for address in WORKERS:
        kill(address)
    cache, texts = folder / "cache", folder / "texts"
    cache.mkdir()
    three = ["titanic", "mnist", "ag_news"]
    build(three, raw, folder / "local", *SMALL)
    expected = {name: contents(folder / "local" / name) for name in three}
    build([texts / "texts.toml"], texts, folder / "local-texts", *SMALL)
    expected |= {"texts": contents(folder / "local-texts" / "texts")}
    with object_storage():
        for address in WORKERS:
            add(address, cache)
        store = open_store("s3://bucket/raw")
        for root in (raw, texts):
            for path in root.rglob("*.csv*") if root == texts else root.rglob("*"):
                if path.is_file():
                    store.put(path.relative_to(root).as_posix(), path)
        names = [*three, str(texts / "texts.toml")]
        places = ["--scratch", "s3://bucket/scratch", "--cache", str(cache), *SMALL]
        there = command(names, "s3://bucket/raw", "s3://bucket/out", "--engine", "ray", *places)
        begun = time.monotonic()
        subprocess.run(there, check=True, stdout=subprocess.DEVNULL)
        print(f"from S3 to S3, no disk shared: {time.monotonic() - begun:.1f} s", flush=True)
        check_pulled(folder, expected)
        staged = next((cache / "builds").iterdir())
        forced = [*there, "--force"]
        for stage in ("clean", "shards"):
            kill_in(stage, WORKERS[0], forced, staged, seconds=2, alone=cache)
            check_pulled(folder, expected)
        assert not list(open_store("s3://bucket/scratch").list()), "drafts are left"
        print("from S3 to S3: identical after each, no drafts left", flush=True)
        read_by_two(folder)


def read_by_two(folder: Path) -> None:
    """Read an artifact by two processes at once, with a cache that holds half of a split."""
    shards = (folder / "local" / "mnist").rglob("train-*.safetensors")
    half = sum(path.stat().st_size for path in shards) // 2
    local, url = str(folder / "local" / "mnist"), "s3://bucket/out/mnist"
    reading = [
        subprocess.Popen(
            [sys.executable, "-c", READ, place, str(folder / "shared"), str(half)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for place in (local, url, url)
    ]
    found = [process.communicate()[0] for process in reading]
    assert found[0].strip()
    assert len(set(found)) == 1, found
    held = sum(path.stat().st_size for path in (folder / "shared").rglob("train-*.safetensors"))
    assert held <= half
    print(f"read by two, {held:,} of {half:,} bytes held: {found[1].strip()}", flush=True)


def check_pulled(folder: Path, expected: dict[str, dict[str, bytes]]) -> None:
    """Compare artifacts in S3 with those that were built here."""
    from shardmill.store.pull_artifact import pull_artifact

    shutil.rmtree(folder / "pulled", ignore_errors=True)
    for name, files in expected.items():
        pulled = contents(pull_artifact(f"s3://bucket/out/{name}", folder / "pulled"))
        read = {path: content for path, content in files.items() if "/clean.json" not in path}
        assert pulled == read, name
