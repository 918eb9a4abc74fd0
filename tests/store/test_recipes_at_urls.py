"""A recipe at a URL is the recipe, wherever one is taken."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from commands import RECIPE, done, run
from object_servers import HOST, Faults, range_server, serving

import shardmill
from shardmill import CredentialsError, RecipeError, UnsupportedStorageError
from shardmill.format.manifest import Manifest
from shardmill.recipe import load_recipe as loading
from shardmill.recipe.load_recipe import load_recipe, recipe_text
from shardmill.store.open_store import open_store


@pytest.fixture(params=["folder", "s3", "http"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a recipe called toy."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "toy.toml").write_text(RECIPE)
    if request.param == "s3":
        where = str(request.getfixturevalue("s3"))
        open_store(where).put("toy.toml", RECIPE.encode())
        yield f"{where}/toy.toml"
    elif request.param == "http":
        with range_server(tmp_path / "there", Faults()) as endpoint:
            yield f"{endpoint}/toy.toml"
    else:
        yield (tmp_path / "there" / "toy.toml").as_uri()


def test_a_recipe_at_a_url_is_read(url: str) -> None:
    assert load_recipe(url).name == "toy"
    assert recipe_text(url) == (RECIPE, url)
    assert done("recipe", "show", url).output == RECIPE
    assert done("recipe", "validate", url).output == f"{url}: valid, the tabular recipe of toy\n"


def test_builds_from_a_recipe_at_a_url(url: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "train.csv").write_text("size,kept\n1.5,0\n2.5,1\n")
    done("preprocess", url, "--raw", tmp_path / "raw", "--out", tmp_path / "out")
    own = tmp_path / "toy.toml"
    own.write_text(RECIPE)
    done("preprocess", own, "--raw", tmp_path / "raw", "--out", tmp_path / "same")
    keys = {Manifest.load(tmp_path / out / "toy").shard_key for out in ("out", "same")}
    assert len(keys) == 1
    rows = [{"size": 1.5, "kept": "0"}, {"size": 2.5, "kept": "1"}]
    built = shardmill.build(rows, recipe=url, out=tmp_path / "rows")
    assert len(shardmill.open(built)) == 2


def test_a_vocabulary_is_taken_from_the_artifacts_here(
    sample_raw: Path, sample_artifacts: Path, tmp_path: Path
) -> None:
    text = recipe_text("ag_news")[0].replace('name = "ag_news"', 'name = "other"')
    head, _, rest = text.partition("[vocabulary]")
    following = rest.partition("\n[")[2]
    recipe = tmp_path / "there" / "other.toml"
    recipe.parent.mkdir()
    recipe.write_text(f'{head}[vocabulary]\nfrom = "ag_news"\n\n[{following}')
    out = tmp_path / "out"
    shutil.copytree(sample_artifacts / "ag_news", out / "ag_news")
    done("preprocess", recipe.as_uri(), "--raw", sample_raw, "--out", out)
    ours, theirs = (shardmill.TextDataset(out / name).vocab for name in ("other", "ag_news"))
    assert ours == theirs


def test_what_is_no_recipe_at_a_url(url: str) -> None:
    folder = url.rpartition("/")[0]
    with pytest.raises(RecipeError, match=r"none\.toml: expected a readable TOML file, found none"):
        load_recipe(f"{folder}/none.toml")
    with pytest.raises(RecipeError, match=r"or a path or URL that ends in \.toml, found neither"):
        load_recipe(f"{folder}/toy")
    assert run("recipe", "validate", f"{folder}/none.toml").exit_code == 3
    assert run("recipe", "show", f"{folder}/none.toml").exit_code == 3


def test_a_recipe_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "latin.toml").write_bytes(b"name = '\xe9'")
    for where in (tmp_path / "latin.toml").as_uri(), str(tmp_path / "latin.toml"):
        with pytest.raises(RecipeError, match=r"can't decode byte 0xe9.*; save it as UTF-8"):
            load_recipe(where)


def test_a_lost_slash_is_told() -> None:
    with pytest.raises(RecipeError, match=r"with two slashes: s3://bucket/mine\.toml"):
        load_recipe("s3:/bucket/mine.toml")


@pytest.mark.parametrize("name", ["url", "path"])
def test_a_recipe_has_a_limit(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE)
    where = path.as_uri() if name == "url" else str(path)
    monkeypatch.setattr(loading, "_MOST_BYTES", len(RECIPE))
    assert load_recipe(where).name == "toy"
    monkeypatch.setattr(loading, "_MOST_BYTES", len(RECIPE) - 1)
    with pytest.raises(RecipeError, match=rf"a recipe, of at most {len(RECIPE) - 1} bytes, found"):
        load_recipe(where)


def test_an_answer_that_does_not_end_is_not_read_on() -> None:
    with endless_server() as endpoint, pytest.raises(RecipeError, match="at most 16,777,216 bytes"):
        load_recipe(f"{endpoint}/toy.toml")


def test_refusals_of_storage_have_its_exit_code(
    s3: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert run("recipe", "show", f"{s3}-none/toy.toml").exit_code == 3
    assert run("recipe", "show", "nowhere://bucket/toy.toml").exit_code == 8
    with pytest.raises(UnsupportedStorageError):
        load_recipe("nowhere://bucket/toy.toml")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    # Without keys, obstore asks the server of credentials inside a cloud.
    with endless_server(code=403) as endpoint:
        monkeypatch.setenv("AWS_METADATA_ENDPOINT", endpoint)
        with pytest.raises(CredentialsError, match="AWS_ACCESS_KEY_ID"):
            load_recipe(f"{s3}/toy.toml")
        arguments = ["preprocess", f"{s3}/toy.toml", "--raw", tmp_path]
        assert run(*arguments).exit_code == 8


@contextmanager
def endless_server(code: int = 200) -> Iterator[str]:
    """Serve an object that never ends, or refuse; yields the endpoint."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(10**15 if code == 200 else 0))
            self.send_header("Last-Modified", "Thu, 26 Nov 2026 20:00:00 GMT")
            self.end_headers()
            try:
                while code == 200:
                    self.wfile.write(b"#" * 2**20)
            except OSError:
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    with serving(server) as endpoint:
        yield endpoint
