"""Permutations of row numbers, each a function of a short key."""

import hashlib
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# Up to so many rows, a permutation is held in memory: 1 MiB of row numbers. A larger one is
# computed when it is needed, which is no slower.
TABLE_ROWS = 2**18

# Four rounds of a Feistel network over good functions are a pseudo-random permutation (Luby and
# Rackoff, 1988). A fifth makes up for functions that are only fair, and for halves of few bits:
# with four, the differences of rows 2**low_bits positions apart are not evenly distributed.
_ROUNDS = 5
_FACTORS = (np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE35))
_SHIFT = np.uint32(15)
_HALF = np.uint32(16)


def derived_key(seed: int, *path: int | str) -> int:
    """Return 63 bits that depend on `seed` and on every step of `path`."""
    text = "/".join(map(str, (seed, *path))).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1


def generator(seed: int, *path: int | str) -> torch.Generator:
    """Return a generator seeded with the derived key, of which torch uses 32 bits."""
    return torch.Generator().manual_seed(derived_key(seed, *path))


class Permutation:
    """A permutation of 0 ... n - 1 that is a function of `key` alone.

    Up to `TABLE_ROWS` it is drawn evenly from all permutations, and held. A larger one is a keyed
    bijection that takes no memory: a Feistel network over the bits of n - 1, applied again if it
    leads to n or past it (cycle walking; Black and Rogaway, "Ciphers with arbitrary finite
    domains", 2002).

    Raises:
        ValueError: There are more than 2**48 rows.
    """

    def __init__(self, n: int, *key: int | str) -> None:
        if n > 2**48:
            raise ValueError(f"{n:,} rows: permutations are of at most 2**48")
        self.n = n
        self._key = key

    @cached_property
    def _table(self) -> Tensor:
        source = generator(0, *self._key)
        return torch.randperm(self.n, generator=source, dtype=torch.int32, device="cpu")

    def at(self, positions: Tensor) -> Tensor:
        """Return where `positions` [b] int64 go, [b] int64."""
        if self.n <= TABLE_ROWS:
            return self._table.index_select(0, positions).long()
        return torch.from_numpy(self._walk(positions.numpy()))

    def between(self, start: int, stop: int) -> Tensor:
        """Return where the positions from `start` up to `stop` go, [stop - start] int64."""
        if self.n <= TABLE_ROWS:
            return self._table[start:stop].long()
        return torch.from_numpy(self._walk(np.arange(start, stop)))

    def _walk(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        # Numbers of four bytes take half the time of numbers of eight.
        rows = self._encrypt(positions.astype(np.uint32) if self.n <= 2**32 else positions)
        while len(outside := np.flatnonzero(rows >= self.n)):
            rows[outside] = self._encrypt(rows[outside])
        return rows.astype(np.int64, copy=False)

    @cached_property
    def _round_keys(self) -> list[np.uint32]:
        keys = (derived_key(0, *self._key, "round", index) for index in range(_ROUNDS))
        return [np.uint32(key & 0xFFFFFFFF) for key in keys]

    def _encrypt(self, positions: npt.NDArray[Any]) -> npt.NDArray[Any]:
        # A number is high * 2**low_bits + low, with high below the smallest bound that serves. Few
        # numbers are then n or above and have to walk on.
        bits = max((self.n - 1).bit_length(), 1)
        low_bits = max(bits // 2, bits - 16)
        bound = np.uint32(-(-self.n >> low_bits))
        high = (positions >> low_bits).astype(np.uint32, copy=False)
        low = (positions & ((1 << low_bits) - 1)).astype(np.uint32, copy=False)
        mixed, other = np.empty_like(low), np.empty_like(low)
        for index, key in enumerate(self._round_keys):
            if index % 2 == 0:  # add to high, modulo bound
                _mix(low, key, mixed, other)
                np.right_shift(mixed, _HALF, out=mixed)
                np.multiply(mixed, bound, out=mixed)  # both below 2**16
                np.right_shift(mixed, _HALF, out=mixed)
                np.add(high, mixed, out=high)
                np.subtract(high, bound, out=other)  # wraps round where high is below
                np.minimum(high, other, out=high)
            else:
                _mix(high, key, mixed, other)
                np.right_shift(mixed, np.uint32(32 - low_bits), out=mixed)
                np.bitwise_xor(low, mixed, out=low)
        rows = high.astype(positions.dtype, copy=False)
        rows <<= low_bits
        rows |= low
        return rows


def _mix(
    values: npt.NDArray[np.uint32],
    key: np.uint32,
    mixed: npt.NDArray[np.uint32],
    room: npt.NDArray[np.uint32],
) -> None:
    # Writes into `mixed`. The upper bits of a product depend on all bits of its factors, so two
    # products with a shift between them mix well (as in the finaliser of MurmurHash3, Appleby).
    np.add(values, key, out=mixed)
    np.multiply(mixed, _FACTORS[0], out=mixed)
    np.right_shift(mixed, _SHIFT, out=room)
    np.bitwise_xor(mixed, room, out=mixed)
    np.multiply(mixed, _FACTORS[1], out=mixed)
