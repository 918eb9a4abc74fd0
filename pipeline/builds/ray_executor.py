"""Runs tasks on a Ray cluster that somebody has started."""

import os
import socket
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from typing import Any

from shardmill.errors import WorkerError
from shardmill.optional_library import optional_library
from shardmill.pipeline.builds.first_line import first_line

# What a task takes of a node. A chunk of a raw file, its rows and their encoding take about half.
_TASK = {"num_cpus": 1, "memory": 512 * 2**20}
# A head that does not answer for so many seconds is not there.
_REACH = 5.0
# How long a cancelled task may take to end.
_END = 30.0


class RayExecutor(Executor):
    """A `concurrent.futures.Executor` on a Ray cluster. Shut it down to leave the cluster.

    A task takes one core and 512 MiB of memory of a node. If its node dies, Ray runs it again on
    another, three times at most.

    Args:
        address: The address of the cluster, as `ray.init` takes it; None for the one of
            RAY_ADDRESS, or the one on this machine.

    Raises:
        MissingLibraryError: Ray is not installed.
        WorkerError: There is no such cluster.
    """

    def __init__(self, address: str | None = None) -> None:
        ray = optional_library("ray", where="--engine ray", extra="ray")
        address = address or os.environ.get("RAY_ADDRESS")
        try:
            _reach(address or "")
            ray.init(address or "auto", log_to_driver=False, logging_level="ERROR")
        except (OSError, RuntimeError, ValueError) as error:
            raise WorkerError(
                address or "RAY_ADDRESS, or this machine",
                expected="a Ray cluster",
                found=first_line(error),
                fix="start one with `ray start --head`, or name another with --ray-address",
            ) from error
        self._ray = ray
        self._call: Any = ray.remote(**_TASK)(_call)

    def processes(self) -> int:
        """Return how many tasks the nodes of the cluster run at the same time."""
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return sum(
            min(int(node.get("CPU", 0)), int(node.get("memory", 0) // _TASK["memory"]))
            for node in nodes
        )

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run a function on some node, and return its future."""
        return _Task(self._ray, self._call.remote(fn, args, kwargs))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002
        """Leave the cluster, which goes on running."""
        self._ray.shutdown()


def _reach(address: str) -> None:
    """Connect to the head of a cluster once, since Ray itself would try for minutes.

    Raises:
        OSError: Nothing answers at this address.
    """
    host, _, port = address.rpartition(":")
    if host and "/" not in host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_REACH).close()


def _call(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    return function(*args, **kwargs)


class _Task(Future[Any]):
    """A task of Ray. It forgets its reference as soon as the result is there.

    While references are held, Ray computes results anew that were lost with their node.
    """

    def __init__(self, ray: Any, reference: Any) -> None:
        super().__init__()
        self._ray = ray
        self._reference: Any = reference
        reference.future().add_done_callback(self._take)

    def _take(self, done: "Future[Any]") -> None:
        self._reference = None
        if not self.set_running_or_notify_cancel():
            return
        error = CancelledError() if done.cancelled() else done.exception()
        if error is None:
            self.set_result(done.result())
        else:
            # Ray wraps the error of a task, and has errors of its own for everything else.
            said = f"{type(error).__name__} of Ray: {first_line(error)}"
            self.set_exception(getattr(error, "cause", None) or BrokenExecutor(said))

    def cancel(self) -> bool:
        """End the task, also if it runs, and wait until it has ended."""
        reference = self._reference
        if reference is None or self.done():
            return False
        self._ray.cancel(reference, force=True)
        self._ray.wait([reference], timeout=_END)
        return super().cancel()
