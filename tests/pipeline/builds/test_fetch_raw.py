"""Mirrors are tried in turn, and only the published content is put in place."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shardmill.errors import FetchError, OutputError
from shardmill.pipeline.builds.fetch_raw import Fetched, fetch_raw
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.recipe.load_recipe import parse_recipe
from shardmill.recipe.splits import ArrayFile, Split

CONTENT = b"the published content\n"
CHECKSUM = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
SERVED = {
    "/good": CONTENT,
    "/good.gz": gzip.compress(CONTENT),
    "/other": b"another content\n",
    "/other.gz": gzip.compress(b"another content\n"),
    "/short.gz": gzip.compress(CONTENT)[:-4],
    "/empty": b"",
}


class Mirror(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        content = SERVED.get(self.path)
        if content is None and self.path != "/cut":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content or b"") or 1000 * (self.path == "/cut")))
        self.end_headers()
        self.wfile.write(content if content is not None else CONTENT)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture(scope="module")
def mirror() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def recipe(*urls: str, path: str = "toy/f", checksum: str | None = CHECKSUM) -> ImageRecipe:
    images = ArrayFile(path=path, urls=urls, checksum=checksum)
    train = Split(images=images, labelled=False)
    return ImageRecipe(name="toy", kind="image", splits={"train": train})


def fetch(raw: Path, *urls: str, path: str = "toy/f", checksum: str | None = CHECKSUM) -> Fetched:
    (fetched,) = fetch_raw(recipe(*urls, path=path, checksum=checksum), raw)
    return fetched


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "first", ["/good", "/missing", "/other", "/other.gz", "/short.gz", "/empty", "/cut"]
)
def test_the_second_mirror_stands_in_for_the_first(tmp_path: Path, mirror: str, first: str) -> None:
    fetched = fetch(tmp_path, mirror + first, mirror + "/good")
    assert fetched == Fetched(tmp_path / "toy/f", "fetched")
    assert files(tmp_path) == {"toy/f": CONTENT}


def test_a_mirror_that_does_not_answer(tmp_path: Path, mirror: str) -> None:
    assert fetch(tmp_path, "http://127.0.0.1:1/f", mirror + "/good").status == "fetched"


def test_gzip_is_checked_by_its_content_and_stays_gzip(tmp_path: Path, mirror: str) -> None:
    assert fetch(tmp_path, mirror + "/good.gz", path="toy/f.gz").status == "fetched"
    assert files(tmp_path) == {"toy/f.gz": SERVED["/good.gz"]}


def test_md5(tmp_path: Path, mirror: str) -> None:
    checksum = f"md5:{hashlib.md5(CONTENT).hexdigest()}"
    fetch(tmp_path, mirror + "/other", mirror + "/good", checksum=checksum)
    assert files(tmp_path) == {"toy/f": CONTENT}


def test_without_a_checksum_any_content_is_taken(tmp_path: Path, mirror: str) -> None:
    fetch(tmp_path, mirror + "/other", checksum=None)
    assert files(tmp_path) == {"toy/f": SERVED["/other"]}


@pytest.mark.parametrize("there", ["toy/f", "toy/f.gz"])
def test_a_file_that_is_there_is_left_alone(tmp_path: Path, mirror: str, there: str) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / there).write_bytes(b"mine")
    assert fetch(tmp_path, mirror + "/good") == Fetched(tmp_path / there, "differs")
    assert files(tmp_path) == {there: b"mine"}
    (tmp_path / there).write_bytes(SERVED["/good"])
    assert fetch(tmp_path, mirror + "/none") == Fetched(tmp_path / there, "already there")


@pytest.mark.parametrize("damaged", [b"", gzip.compress(b"mine")[:-9]])
def test_a_damaged_file_is_fetched_again(tmp_path: Path, mirror: str, damaged: bytes) -> None:
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/f").write_bytes(damaged)
    with pytest.raises(FetchError):
        fetch(tmp_path, mirror + "/other")
    assert files(tmp_path) == {"toy/f": damaged}
    assert fetch(tmp_path, mirror + "/good") == Fetched(tmp_path / "toy/f", "fetched")
    assert files(tmp_path) == {"toy/f": SERVED["/good"]}


def test_no_mirror_gives_the_file(tmp_path: Path, mirror: str) -> None:
    urls = [mirror + path for path in ("/missing", "/other", "/short.gz")]
    with pytest.raises(FetchError, match="toy/f: expected the published file from one of 3") as e:
        fetch(tmp_path, *urls)
    assert [url for url in urls if url not in e.value.found] == []
    assert "404" in e.value.found
    assert "not the published content" in e.value.found
    assert "cut short or damaged" in e.value.found
    assert list((tmp_path / "toy").iterdir()) == []


def test_files_without_an_address_are_not_asked_for(tmp_path: Path) -> None:
    assert list(fetch_raw(recipe(), tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_place_of_the_folder(tmp_path: Path, mirror: str) -> None:
    (tmp_path / "toy").write_bytes(b"mine")
    with pytest.raises(OutputError, match="toy/f: expected a folder that can be written"):
        fetch(tmp_path, mirror + "/good")
    assert files(tmp_path) == {"toy": b"mine"}


def test_progress(tmp_path: Path, mirror: str) -> None:
    seen: list[tuple[str, int, int]] = []
    asked = recipe(mirror + "/good")
    list(fetch_raw(asked, tmp_path, progress=lambda *step: seen.append(step)))
    size = (tmp_path / "toy/f").stat().st_size
    assert seen[0] == ("toy fetch f", 0, 0)  # the server was not asked yet
    assert seen[-1] == ("toy fetch f", size, size)
    assert all(0 <= done <= total for _, done, total in seen)
    seen.clear()
    list(fetch_raw(asked, tmp_path, progress=lambda *step: seen.append(step)))
    assert seen == []  # it is there already


def test_a_tokenizer_is_fetched_too(tmp_path: Path, mirror: str) -> None:
    words = parse_recipe(
        f"""
        name = "toy"
        kind = "text"
        text.columns = ["a"]
        text.join = ["a"]
        text.tokenizer_file.path = "toy/t.json"
        text.tokenizer_file.urls = ["{mirror}/other", "{mirror}/good.gz"]
        text.tokenizer_file.checksum = "{CHECKSUM}"
        splits.train.csv.path = "toy/a.csv"
        """,
        where="test",
    )
    path = tmp_path / "toy/t.json"
    assert list(fetch_raw(words, tmp_path)) == [Fetched(path, "fetched")]
    assert gzip.decompress(path.read_bytes()) == CONTENT
    assert list(fetch_raw(words, tmp_path)) == [Fetched(path, "already there")]
