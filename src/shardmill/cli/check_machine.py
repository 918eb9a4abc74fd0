"""Checks what shardmill needs of a machine, for `shardmill doctor`."""

import mmap
import os
import platform
import re
import shutil
import sys
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal

from shardmill.format.layout import ALIGNMENT
from shardmill.version import __version__

State = Literal["ok", "note", "broken"]
EXTRAS = ("train", "wandb", "tokenizers")
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked.

    Attributes:
        name: What was checked.
        found: What was found.
        state: Whether it is as it should be ("ok"), worth to know ("note"), or in the way
            ("broken").
        advice: What can be done; empty if nothing needs to be.
    """

    name: str
    found: str
    state: State = "ok"
    advice: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the facts for JSON."""
        return asdict(self)


def check_machine(folder: Path) -> Iterator[Check]:
    """Yield what was checked, in the order in which people ask.

    Args:
        folder: A folder in which artifacts are, or are to be.
    """
    yield Check("shardmill", f"{__version__}, in {Path(__file__).parent.parent}")
    yield Check("python", f"{platform.python_version()}, {sys.executable}")
    known = os.name == "posix"
    yield Check(
        "system",
        platform.platform(),
        "ok" if known else "broken",
        "" if known else "shardmill needs Linux; macOS is meant to work",
    )
    yield from check_libraries(_needed())
    for extra in EXTRAS:
        yield check_extra(extra, _needed(extra))
    yield from _check_folder(folder)
    yield _check_memory()
    yield Check(
        "page size",
        f"{mmap.PAGESIZE:,} bytes",
        "ok" if ALIGNMENT % mmap.PAGESIZE == 0 else "note",
        "" if ALIGNMENT % mmap.PAGESIZE == 0 else "pages are large: shards are read one by one",
    )
    yield _check_mapping(folder)
    faults = list(check_imports())
    yield from faults or _check_torch()
    yield _check_shared_memory()
    yield _check_texts()


def check_libraries(needed: dict[str, str]) -> Iterator[Check]:
    """Yield a check of each library that is always needed.

    Args:
        needed: The oldest version that will do, by the name of the library.
    """
    for name, oldest in needed.items():
        found = _version(name)
        if found is None:
            yield Check(name, "not installed", "broken", f"pip install '{name}>={oldest}'")
        elif _is_older(found, oldest):
            advice = f"pip install --upgrade '{name}>={oldest}'"
            yield Check(name, f"{found}, older than {oldest}", "broken", advice)
        else:
            yield Check(name, found)


def check_extra(extra: str, needed: dict[str, str]) -> Check:
    """Return whether the libraries of an extra are there, which nobody has to have."""
    found = {name: _version(name) for name in needed}
    there = ", ".join(f"{name} {v}" for name, v in found.items() if v is not None)
    lacking = [name for name, v in found.items() if v is None]
    old = [name for name, v in found.items() if v is not None and _is_older(v, needed[name])]
    if not lacking and not old:
        return Check(f"extra {extra}", there or "nothing is known of it")
    words = f"without {', '.join(lacking)}" if lacking else f"{', '.join(old)} too old"
    listed = f"{there}; {words}" if there else "not installed"
    return Check(f"extra {extra}", listed, "note", f"pip install 'shardmill[{extra}]'")


def _needed(extra: str = "") -> dict[str, str]:
    """Return the libraries that shardmill itself or an extra needs, and the oldest version."""
    try:
        lines = requires("shardmill") or []
    except PackageNotFoundError:  # a source tree that was not installed
        return {}
    needed = {}
    for line in lines:
        name, oldest, of = re.findall(
            r"""^([\w-]+)(?:[^;]*?>=([\d.]+))?(?:.*extra == ["'](\w+)["'])?""", line
        )[0]
        if of == extra:
            needed[name] = oldest or "0"
    return needed


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _is_older(found: str, oldest: str) -> bool:
    numbers = [[int(n) for n in re.findall(r"\d+", v.split("+")[0])[:3]] for v in (found, oldest)]
    return numbers[0] < numbers[1]


def _check_folder(folder: Path) -> Iterator[Check]:
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    low = free < _GIB
    advice = "a build needs room for the cleaned rows and the shards" if low else ""
    yield Check("disk", f"{free / _GIB:,.1f} GiB free in {there}", "note" if low else "ok", advice)
    if not os.access(there, os.W_OK):
        yield Check("folder", f"{there} cannot be written", "note", "choose another one with --out")


def _check_memory() -> Check:
    page = os.sysconf("SC_PAGE_SIZE")
    whole, free = (page * os.sysconf(f"SC_{name}") for name in ("PHYS_PAGES", "AVPHYS_PAGES"))
    found = f"{whole / _GIB:,.1f} GiB, {free / _GIB:,.1f} GiB of it unused"
    try:
        limit = int(Path("/sys/fs/cgroup/memory.max").read_text())
    except (OSError, ValueError):  # no limit is the word max
        return Check("memory", found)
    return Check("memory", f"{found}; this container may use {limit / _GIB:,.1f} GiB")


def _check_mapping(folder: Path) -> Check:
    """Map a small file as shards are mapped, in the folder if it is there and can be written."""
    from shardmill.datasets.gather.span import ShardPieces, can_map_spans, map_spans, open_checked

    where = folder if folder.is_dir() and os.access(folder, os.W_OK) else None
    content = os.urandom(ALIGNMENT)
    try:
        with tempfile.NamedTemporaryFile(dir=where, prefix=".shardmill-doctor-") as file:
            file.write(content)
            file.flush()
            if not can_map_spans():
                with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
                    found = mapped[:]
            else:
                pieces = ShardPieces(
                    partial(open_checked, file.name, ALIGNMENT), ((0, ALIGNMENT, 0),)
                )
                found = bytes(map_spans([ALIGNMENT], [pieces])[0])
        if found != content:
            raise OSError("a mapped file has other bytes than were written")
    except OSError as error:
        advice = "put artifacts on another disk: this one cannot map files"
        return Check("mapping", str(error), "broken", advice)
    return Check("mapping", f"works in {where or tempfile.gettempdir()}")


def check_imports(names: Sequence[str] = ("numpy", "pyarrow", "torch")) -> Iterator[Check]:
    """Yield a check for each library that is installed, but that cannot be imported."""
    for name in names:
        try:
            import_module(name)
        except Exception as error:  # whatever a broken installation raises
            found = f"cannot be imported: {error}"
            yield Check(f"import {name}", found, "broken", f"install {name} anew")


def _check_torch() -> Iterator[Check]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    set_ = [f"{name}={os.environ[name]}" for name in _THREADS if name in os.environ]
    said = f"; {', '.join(set_)}" if set_ else ""
    threads = torch.get_num_threads()
    many = cores is not None and threads > cores
    advice = "more threads than cores slow each other down: set OMP_NUM_THREADS" if many else ""
    state: State = "note" if many else "ok"
    yield Check("threads", f"{threads} of torch, {cores} cores{said}", state, advice)
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            facts = torch.cuda.get_device_properties(index)
            yield Check("gpu", f"{facts.name}, {facts.total_memory / _GIB:,.0f} GiB")
    elif torch.version.cuda is not None:
        advice = "look at nvidia-smi, or set CUDA_VISIBLE_DEVICES"
        yield Check("gpu", f"none is found by torch for CUDA {torch.version.cuda}", "note", advice)
    else:
        yield Check("gpu", "none: this torch is for the CPU")


_THREADS = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def _check_shared_memory() -> Check:
    """Return how much memory there is through which workers of a DataLoader send batches."""
    try:
        free = shutil.disk_usage("/dev/shm").free  # noqa: S108  only looked at
    except OSError:
        return Check("shared memory", "not known")
    low = free < _GIB // 2
    advice = "workers of a DataLoader may need more: docker run --shm-size=2g" if low else ""
    return Check("shared memory", f"{free / _GIB:,.1f} GiB free", "note" if low else "ok", advice)


def _check_texts() -> Check:
    encoding = sys.stdout.encoding or "none"
    where = os.environ.get("TERM", "unknown") if sys.stdout.isatty() else "no terminal"
    found = f"{encoding}, {where}, Unicode {unicodedata.unidata_version}"
    fine = encoding.lower().replace("-", "") == "utf8"
    advice = "" if fine else "export LC_ALL=C.UTF-8, so that all characters can be printed"
    return Check("texts", found, "ok" if fine else "note", advice)
