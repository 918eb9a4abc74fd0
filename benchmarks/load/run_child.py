"""Runs tasks in processes of their own."""

import json
import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from load.contender import MOSAICML, Contender
from load.page_cache import drop_pages
from load.task import FAILED, NOT_INSTALLED, Answer, Task

_BENCHMARKS = Path(__file__).parents[1]
_FOLDERS = re.compile(r"/(?:[\w.+@-]+/)+")


@dataclass(frozen=True, slots=True)
class Interpreters:
    """Which Python runs what: that of the command, and one with mosaicml streaming, if any."""

    main: str
    mosaicml: str | None

    def of(self, environment: str) -> str | None:
        """Return the interpreter of a contender's environment."""
        return self.mosaicml if environment == MOSAICML else self.main


def run_child(
    task: Task, python: str | None, *, timeout_s: float
) -> tuple[dict[str, Answer], dict[str, Any]]:
    """Return the answers of a child process by contender, and the facts about the process.

    A process that dies or takes longer than `timeout_s` is a failure of all its contenders; folders
    are taken out of messages.
    """
    if python is None:
        return dict.fromkeys(task.contenders, Answer(NOT_INSTALLED)), {}
    with tempfile.TemporaryDirectory() as folder:
        task_path, answers_path = Path(folder, "task.json"), Path(folder, "answers.json")
        task_path.write_text(task.to_json())
        command = [python, "-m", "load.child", str(task_path), str(answers_path)]
        error = _run(command, scratch=folder, timeout_s=timeout_s)
        if not answers_path.exists():
            return dict.fromkeys(task.contenders, Answer(FAILED, without_folders(error))), {}
        facts = json.loads(answers_path.read_text())
    answers = {name: Answer(**answer) for name, answer in facts.pop("answers").items()}
    return {name: _tidy(answer) for name, answer in answers.items()}, facts


def run_cold(
    task: Task, contender: Contender, python: str | None, *, timeout_s: float
) -> tuple[dict[str, Answer], dict[str, Any]]:
    """Run a task after the contender's files have left the page cache, where that can be."""
    if not drop_pages(contender.place(task.case)):
        answer = Answer(FAILED, "this system cannot drop files from its page cache")
        return {contender.name: answer}, {}
    return run_child(task, python, timeout_s=timeout_s)


def _run(command: list[str], *, scratch: str, timeout_s: float) -> str:
    # Returns the last line of what a process that failed said. It starts in the folder of `load`,
    # which so is found, and nothing of the folder above, where a `datasets` is that is not
    # Hugging Face's. No library is to ask the network for anything.
    # One thread computes unless OMP_NUM_THREADS is set: on a shared machine, the cost of handing
    # small tasks to a second thread would be what is measured.
    environment = (
        {"OMP_NUM_THREADS": "1"}
        | os.environ
        | {
            "HF_HUB_OFFLINE": "1",
            "HF_HOME": scratch,
            "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
            "LITDATA_DISABLE_VERSION_CHECK": "1",
            "DATA_OPTIMIZER_CACHE_FOLDER": f"{scratch}/litdata",
            "DATA_OPTIMIZER_DATA_CACHE_FOLDER": f"{scratch}/litdata-data",
        }
    )
    try:
        done = subprocess.run(  # noqa: S603  our own module
            command,
            cwd=_BENCHMARKS,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )
    except subprocess.TimeoutExpired:
        return f"stopped after {timeout_s:,.0f} s"
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return f"exit code {done.returncode}: {last}"[:300]


def _tidy(answer: Answer) -> Answer:
    return Answer(answer.status, without_folders(answer.error), answer.version, answer.facts)


def without_folders(text: str) -> str:
    """Return a message that says nothing of where things are on this machine."""
    return _FOLDERS.sub("", text)
