"""Damages artifacts and model folders, and reads them: `make fuzz`.

A damaged folder is read, or refused with an error of shardmill. Anything else is a failure: another
exception, a process that crashes or takes minutes, gigabytes of memory.
"""

import argparse
import multiprocessing
import os
import random
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from damage_files import Files, damaged, fewest
from fuzz_bases import Base, build_bases
from read_damaged import read_artifact, read_model

from shardmill.errors import ShardmillError

CASE_S = 60.0
MEMORY_BYTES = 4 * 2**30  # of address space, beyond what is mapped before the first case
STEPS = (1, 1, 1, 2, 3)
TOLD_CASES = 50
FORK = multiprocessing.get_context("fork")


@dataclass
class Tally:
    """What came of the cases."""

    cases: int = 0
    read: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        refused = ", ".join(f"{name} {n:,}" for name, n in self.refused.most_common())
        return (
            f"{self.cases:,} damaged folders: {self.read:,} read without an error, "
            f"{len(self.failed):,} failed; refused: {refused}"
        )

    def add(self, other: "Tally") -> None:
        """Add what came of other cases."""
        self.cases += other.cases
        self.read += other.read
        self.refused += other.refused
        self.failed |= other.failed


class Case:
    """Damaged copies of the bases in a folder of one process."""

    def __init__(self, bases: list[Base], scratch: Path) -> None:
        self._bases = bases
        self._sound: list[Files] = [base.files() for base in bases]
        self._folders: list[Path] = []
        for number, base in enumerate(bases):
            self._folders.append(scratch / str(number) / base.folder.name)
            write_files(self._folders[-1], self._sound[number])

    def run(self, seed: str, tally: Tally) -> None:
        """Damage one of the bases and read it. A failure is told with as few steps as fail."""
        number, steps = draw_case(self._bases, seed)
        tally.cases += 1
        fault = self._fault(seed, number, steps, tally)
        if fault is None:
            return
        few = fewest(steps, lambda some: self._fault(seed, number, some, Tally()) is not None)
        _, done = damaged(seed, self._sound[number], few)
        fault = self._fault(seed, number, few, Tally()) or fault
        name = self._bases[number].folder.name
        tally.failed[seed] = "\n".join([f"FAILED {seed}: {name}", *done, fault])
        print(tally.failed[seed], flush=True)

    def _fault(self, seed: str, number: int, steps: list[int], tally: Tally) -> str | None:
        """Return what went wrong with one damaged folder; None if nothing did."""
        files, _ = damaged(seed, self._sound[number], steps)
        base, folder, sound = self._bases[number], self._folders[number], self._sound[number]
        changed = {name: files.get(name) for name in sound if files.get(name) != sound[name]}
        write_files(folder, changed)
        try:
            return read_folder(random.Random(seed), folder, base, tally)
        finally:
            write_files(folder, {name: sound[name] for name in changed})


def read_folder(draw: random.Random, folder: Path, base: Base, tally: Tally) -> str | None:
    """Read a folder in every way; return a wrong error, or None."""
    actions = (read_model if base.is_model else read_artifact)(draw, folder, base)
    start_s, refused = time.process_time(), set()
    for name, action in actions:
        try:
            action()
        except ShardmillError as error:
            refused.add(type(error).__name__)
        except BaseException as error:  # a library may raise what is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            return f"{name}: {traceback.format_exc()}"
    if time.process_time() - start_s > CASE_S / 4:
        return f"{time.process_time() - start_s:.0f} s of CPU time"
    tally.refused.update(refused)
    tally.read += not refused
    return None


def write_files(folder: Path, files: dict[str, bytes | None] | Files) -> None:
    """Write files below a folder, or remove those without content."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # what is mapped stays as it is
        if content is not None:
            path.write_bytes(content)


def work(bases: list[Base], seed: int, numbers: range, told: "Told") -> None:
    """Run cases in a process of its own."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, used + MEMORY_BYTES))
    case, tally = Case(bases, told.scratch), Tally()
    for number in numbers:
        told.number.value = number
        case.run(f"{seed}-{number}", tally)
        if tally.cases == TOLD_CASES or number == numbers[-1]:
            told.tallies.put(tally)
            tally = Tally()
    told.number.value = numbers.stop


class Told:
    """What a process tells: the case that it runs now, and what came of those before."""

    def __init__(self, scratch: Path) -> None:
        self.number = FORK.Value("q", -1)
        self.tallies: Any = FORK.SimpleQueue()
        self.scratch = scratch


class Worker:
    """A process that runs cases, and is started again after a case that ends it."""

    def __init__(self, bases: list[Base], seed: int, numbers: range, scratch: Path) -> None:
        self._bases, self._seed, self._numbers = bases, seed, numbers
        self._told = Told(scratch)
        self._start(numbers)

    def _start(self, numbers: range) -> None:
        self._since_s, self._last = time.monotonic(), -1
        arguments = (self._bases, self._seed, numbers, self._told)
        self._process = FORK.Process(target=work, args=arguments)
        self._process.start()

    def look(self, tally: Tally) -> bool:
        """Gather what came of cases, and say whether there are more to come."""
        while not self._told.tallies.empty():
            tally.add(self._told.tallies.get())
        number = self._told.number.value
        if number != self._last:
            self._since_s, self._last = time.monotonic(), number
        if self._process.is_alive():
            if time.monotonic() - self._since_s > CASE_S:
                self._process.kill()
            return True
        if self._process.exitcode == 0:
            return not self._told.tallies.empty()
        seed = f"{self._seed}-{number}"
        base, done = describe_case(self._bases, seed)
        ended = f"the process ended with {self._process.exitcode}"
        tally.failed[seed] = "\n".join([f"FAILED {seed}: {base}", *done, ended])
        print(tally.failed[seed], flush=True)
        left = self._numbers[self._numbers.index(number) + 1 :]
        if left:
            self._start(left)
        return bool(left)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def draw_case(bases: list[Base], seed: str) -> tuple[int, list[int]]:
    """Return which of the bases a case damages, and the steps of damage."""
    draw = random.Random(seed)
    return draw.randrange(len(bases)), list(range(draw.choice(STEPS)))


def describe_case(bases: list[Base], seed: str) -> tuple[str, list[str]]:
    """Return the name of the base of a case and what is done to it."""
    number, steps = draw_case(bases, seed)
    return bases[number].folder.name, damaged(seed, bases[number].files(), steps)[1]


def fuzz(seed: int, cases: range, *, workers: int, every_s: float = 30) -> Tally:
    """Run the cases of some numbers in worker processes."""
    total, told_s = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="shardmill-fuzz-", dir=fast_folder()) as folder:
        scratch = Path(folder)
        bases = build_bases(scratch / "bases")
        shares = [cases[worker::workers] for worker in range(workers)]
        running = [Worker(bases, seed, s, scratch / str(n)) for n, s in enumerate(shares) if s]
        try:
            left = running
            while left := [worker for worker in left if worker.look(total)]:
                time.sleep(0.05)
                if time.monotonic() > told_s + every_s:
                    told_s = time.monotonic()
                    print(total, flush=True)
        finally:
            for worker in running:
                worker.stop()
    return total


def fast_folder() -> str | None:
    """Return a folder in memory if there is one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the number of the first case")
    parser.add_argument("--seed", type=int, default=None, help="drawn if not given")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    cases = range(options.first, options.first + options.cases)
    tally = fuzz(seed, cases, workers=options.workers)
    print(tally)
    sys.exit(bool(tally.failed))


if __name__ == "__main__":
    main()
