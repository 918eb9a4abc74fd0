"""The process that measures: `python -m load.child TASK ANSWERS`, both JSON files.

It needs torch, numpy and the packages of its contenders, and nothing of shardmill's otherwise.
"""

import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import torch
from load.contender import Contender, Pass
from load.contenders import contender_named
from load.measure import run_pass
from load.memory import growth, resident
from load.rounds import run_rounds
from load.task import (
    FAILED,
    MEASURED,
    NOT_INSTALLED,
    Answer,
    Task,
    describe_error,
    task_from_json,
)
from load.write_format import write_format

_TESTS = Path(__file__).parents[2] / "tests" / "support"  # where the per-row Datasets are


def load_package(contender: Contender) -> Answer:
    """Import what a contender needs; the answer says whether that went well."""
    try:
        version = metadata.version(contender.package)
        for module in contender.imports:
            import_module(module)
    except (metadata.PackageNotFoundError, ModuleNotFoundError):
        return Answer(NOT_INSTALLED)
    except Exception as error:
        return Answer(FAILED, describe_error(error))
    return Answer(MEASURED, version=version)


def _write(task: Task, contender: Contender) -> dict[str, Any]:
    return {"written": write_format(contender, task.case)}


def _open_and_read(task: Task, contender: Contender) -> dict[str, Any]:
    """Open the dataset and read one shuffled epoch, in a process that has done neither."""
    case = task.case
    settings = Pass(shuffle=True, workers=0, seed=0)
    before = resident()
    started = time.perf_counter()
    dataset = contender.open(case, contender.place(case))
    facts: dict[str, Any] = {"open_ms": (time.perf_counter() - started) * 1e3}
    if task.mode == "cold":
        timing = run_pass(contender, dataset, case=case, settings=settings, seconds=task.seconds)
        return facts | {"rows_per_s": timing.rows_per_s, "first_batch_ms": timing.first_batch_ms}
    seen = [resident()]
    started = time.perf_counter()
    for batch in contender.load(dataset, case, settings):
        if len(seen) == 1:
            facts["first_batch_ms"] = (time.perf_counter() - started) * 1e3
        contender.labels(batch)
        seen.append(resident())
        if time.perf_counter() - started > task.seconds:
            break
    grown = growth(before, seen)
    return facts | {"memory_mib": None if grown is None else asdict(grown)}


def _answer_alone(task: Task, work: Callable[[Task, Contender], dict[str, Any]]) -> dict[str, Any]:
    contender = contender_named(task.contenders[0])
    answer = load_package(contender)
    if answer.status == MEASURED:
        try:
            answer = Answer(MEASURED, version=answer.version, facts=work(task, contender))
        except Exception as error:
            answer = Answer(FAILED, describe_error(error), answer.version)
    return {contender.name: asdict(answer)}


def main(task_path: str, answers_path: str) -> None:
    """Do the task and write the answers."""
    warnings.simplefilter("ignore")
    sys.path.append(str(_TESTS))
    task = task_from_json(Path(task_path).read_text())
    if task.mode == "rounds":
        answers = {name: asdict(answer) for name, answer in run_rounds(task, load_package).items()}
    else:
        answers = _answer_alone(task, _write if task.mode == "write" else _open_and_read)
    facts = {
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "numpy": metadata.version("numpy"),
        "answers": answers,
    }
    Path(answers_path).write_text(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
