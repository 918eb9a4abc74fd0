"""Raw files and artifacts that several tests share."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from building import build

from shardmill.pipeline.sample.write_sample import SAMPLE_DATASETS, write_sample

Builder = Callable[..., Path]
COMPARED = pytest.StashKey[Counter[str]]()


def pytest_configure() -> None:
    # The models of tests are small. With a thread for each core, they take three times as long
    # while the cores have other work.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Shells let what they start in the background ignore interrupts, which tests send.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def sample_raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated raw files of all three shipped recipes."""
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder, SAMPLE_DATASETS, seed=0)
    return folder


@pytest.fixture(scope="session")
def real_raw() -> Path:
    """The folder of real raw files that SHARDMILL_RAW names."""
    folder = os.environ.get("SHARDMILL_RAW")
    if folder is None:
        pytest.skip("SHARDMILL_RAW is not set: it names a folder of real raw files")
    return Path(folder)


@pytest.fixture(scope="session")
def sample_artifacts(sample_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifacts of the sample data."""
    from shardmill.recipe.load_recipe import load_recipe

    out = tmp_path_factory.mktemp("artifacts")
    for name in SAMPLE_DATASETS:
        build(load_recipe(name), sample_raw, out)
    return out


@pytest.fixture(scope="session")
def model_folders(sample_artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model for each artifact of the sample data, with weights that were never trained."""
    from saved_models import save

    out = tmp_path_factory.mktemp("models")
    for name in SAMPLE_DATASETS:
        save(sample_artifacts / name, out / name)
    return out


@pytest.fixture(scope="session")
def compared(pytestconfig: pytest.Config) -> Counter[str]:
    """How much was held against another library, by what it was: shown when all tests have run."""
    return pytestconfig.stash.setdefault(COMPARED, Counter())


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for what, number in sorted(config.stash.get(COMPARED, Counter()).items()):
        terminalreporter.write_line(f"compared: {number:,} {what}")
