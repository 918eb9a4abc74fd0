"""Keeps what torch computes in one thread."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Have torch compute in the calling thread alone, until the block ends.

    Where other processes use every core, torch's threads wait for each other, each time for as long
    as the system lets another process run. That is up to 20 milliseconds, and the row numbers of a
    chunk are drawn in one. `torch.set_num_threads` would change other threads, too. So OpenMP is
    told itself: its number belongs to the calling thread (`nthreads-var`, OpenMP 5.0, section
    2.5.2). Where torch is built without OpenMP, nothing changes.

    Example:
        >>> with one_thread():
        ...     torch.get_num_threads()
        1
    """
    openmp = _openmp()
    threads = torch.get_num_threads()  # which also sets the number of a thread that is new to torch
    if openmp is None or threads == 1:
        yield
        return
    openmp.omp_set_num_threads(1)
    try:
        yield
    finally:
        openmp.omp_set_num_threads(threads)


@cache
def _openmp() -> Any:
    # A name is looked up in a library and in all that it is linked to, so this finds the OpenMP
    # that torch itself uses. There may be others in the process.
    try:
        library = ctypes.CDLL(torch._C.__file__)
        library.omp_set_num_threads.restype = None
    except (OSError, AttributeError):
        return None
    library.omp_set_num_threads.argtypes = [ctypes.c_int]
    return library
