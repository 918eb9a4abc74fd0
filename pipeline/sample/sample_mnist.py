"""Draws digits that look handwritten, in the form of MNIST, for when the real files are missing.

A digit is a few pen strokes: smooth curves (Catmull and Rom, "A class of local interpolating
splines", 1974) through a few control points. Each image bends, turns, shears and scales them in
its own way, and inks the pixels by their distance to the pen's path. As in MNIST
(http://yann.lecun.com/exdb/mnist/) the digit is white on black, fits a box of 20 x 20 pixels and
has its centre of mass in the middle of the image.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.float32]

_SIDE = 28  # pixels
_BOX = 20.0  # pixels
_SAMPLES = 80  # points along the pen's path: at most 0.8 pixels apart, less than the pen is wide
_CHUNK = 128  # images drawn at once; their distances (128 x 28 x 28 x 4 bytes) stay in the cache

# The ways to write a digit, in the order of a hand: "x,y" in hundredths of the unit square, y
# downwards. A repeated point is a corner, "|" lifts the pen.
_GLYPHS = (
    (0, "55,4 32,12 20,35 20,62 32,88 52,96 70,86 80,62 80,36 70,12 52,4 42,8"),
    (0, "60,8 40,8 24,28 22,60 34,90 54,94 72,74 78,44 70,16 58,6"),
    (1, "52,4 50,50 48,96"),
    (1, "48,5 51,40 52,95"),
    (1, "30,26 44,16 54,4 54,4 53,50 52,96"),
    (1, "30,24 44,16 52,4 52,4 51,50 50,94 | 28,95 50,94 74,94"),
    (2, "18,28 30,9 52,4 74,14 77,34 62,56 40,76 18,93 18,93 50,92 86,92"),
    (2, "16,14 44,6 70,6 80,20 64,44 36,74 16,92 16,92 44,86 70,88 88,84"),
    (2, "20,26 34,8 58,5 75,20 70,44 52,68 34,86 20,90 14,82 24,74 40,80 60,92 74,94 88,86"),
    (3, "20,16 38,5 62,7 74,22 64,38 42,46 42,46 66,52 80,70 68,90 44,97 18,86"),
    (3, "20,8 50,7 78,7 78,7 62,26 45,42 45,42 70,50 80,70 66,90 42,96 16,86"),
    (4, "26,6 22,28 20,52 20,52 50,54 86,50 | 70,6 66,50 62,96"),
    (4, "62,5 40,34 14,64 14,64 50,64 88,62 | 63,5 63,50 62,96"),
    (4, "24,8 24,34 32,48 50,50 70,42 | 74,6 72,42 66,96"),
    (5, "30,8 27,24 24,42 24,42 50,37 74,48 79,70 62,92 38,96 16,86 | 30,8 54,8 82,5"),
    (5, "80,6 56,7 34,8 34,8 30,24 26,44 26,44 54,42 74,58 72,80 52,95 20,90"),
    (6, "66,5 42,22 26,50 24,76 40,95 64,92 76,74 64,56 44,56 26,72"),
    (6, "44,4 34,28 26,56 28,82 46,96 68,88 74,70 58,58 38,64 28,80"),
    (7, "16,10 50,9 82,8 82,8 64,46 46,96"),
    (7, "16,10 50,9 82,8 82,8 64,46 48,96 | 40,52 60,50 80,48"),
    (7, "16,24 16,10 16,10 50,10 80,10 80,10 62,42 54,68 52,96"),
    (8, "74,20 56,5 34,8 28,26 46,45 66,60 74,80 54,96 32,90 28,70 44,52 66,36 74,18"),
    (8, "50,48 30,38 30,16 50,5 70,16 70,36 50,48 26,62 24,84 50,96 76,84 72,60 50,48"),
    (9, "74,22 56,5 34,12 24,32 40,48 62,42 74,22 74,22 72,60 66,96"),
    (9, "72,24 54,6 32,14 26,36 44,50 66,40 72,22 72,22 72,60 62,86 42,96 22,88"),
)


@dataclass(frozen=True, slots=True)
class _Alphabet:
    """The glyphs as arrays: g glyphs, s samples, c control points at most, zeros behind them."""

    digits: npt.NDArray[np.int64]  # [g], ascending
    controls: _Floats  # [g, c, 2], x and y in the unit square
    basis: _Floats  # [g, s, c]; the samples of glyph g are basis[g] @ controls[g]


def draw_digits(labels: npt.NDArray[np.uint8], *, seed: int) -> npt.NDArray[np.uint8]:
    """Draw one image for each label: uint8 [n] -> uint8 [n, 28, 28], 0 black and 255 white.

    The same labels and seed give the same images. Memory beyond the result is a few megabytes.

    Raises:
        ValueError: A label is not a digit.
    """
    if labels.size and labels.max() > 9:
        raise ValueError(f"draw_digits: expected labels from 0 to 9, found {labels.max()}")
    rng = np.random.default_rng(seed)
    alphabet = _read_alphabet()
    images = np.empty((len(labels), _SIDE, _SIDE), np.uint8)
    for start in range(0, len(labels), _CHUNK):
        rows = slice(start, start + _CHUNK)
        radius = np.clip(rng.normal(1.25, 0.3, size=len(labels[rows])), 0.7, 2.0)
        path = _draw_paths(rng, alphabet, labels[rows])
        path = _fit_box(rng, path, radius.astype(np.float32))
        images[rows] = _ink(rng, path, radius.astype(np.float32))
    return images


def _draw_paths(
    rng: np.random.Generator, alphabet: _Alphabet, labels: npt.NDArray[np.uint8]
) -> _Floats:
    """Return the pen's path for each label in the unit square around zero, float32 [n, s, 2]."""
    n = len(labels)
    first = np.searchsorted(alphabet.digits, labels, side="left")
    end = np.searchsorted(alphabet.digits, labels, side="right")
    glyph = rng.integers(first, end)
    points = _bend(rng, alphabet.controls[glyph] - np.float32(0.5))  # [n, c, 2]
    # Not through BLAS, whose sums differ between machines and numbers of threads.
    path = np.einsum("nsc,ncd->nsd", alphabet.basis[glyph], points)

    turn, lean = rng.normal(0, 0.13, size=n), rng.normal(0.14, 0.22, size=n)
    width = np.exp(rng.normal(0.0, 0.18, size=n))
    # [[cos, -sin], [sin, cos]] @ [[width, -lean], [0, 1]]; y points down, so -lean is rightwards.
    matrix = np.empty((n, 2, 2), np.float32)
    matrix[:, 0, 0] = np.cos(turn) * width
    matrix[:, 0, 1] = -np.cos(turn) * lean - np.sin(turn)
    matrix[:, 1, 0] = np.sin(turn) * width
    matrix[:, 1, 1] = -np.sin(turn) * lean + np.cos(turn)
    drawn: _Floats = np.einsum("nde,nse->nsd", matrix, path)
    return drawn


def _bend(rng: np.random.Generator, points: _Floats) -> _Floats:
    """Move points [n, c, 2] by a smooth random field, so that strokes that met still meet."""
    n, waves = len(points), 3
    frequency = rng.normal(0, 4.0, size=(n, waves, 2)).astype(np.float32)
    phase = rng.uniform(0, 2 * np.pi, size=(n, 1, waves)).astype(np.float32)
    strength = rng.normal(0, 0.045, size=(n, waves, 2)).astype(np.float32)
    angle = np.einsum("ncd,nwd->ncw", points, frequency) + phase  # [n, c, waves]
    moved: _Floats = points + np.einsum("ncw,nwd->ncd", np.sin(angle), strength)
    return moved


def _fit_box(rng: np.random.Generator, path: _Floats, radius: _Floats) -> _Floats:
    """Scale paths [n, s, 2] to MNIST's box and put their centres of mass into the middle."""
    n = len(path)
    span = np.ptp(path, axis=1).max(axis=1)  # [n]
    box = _BOX * rng.uniform(0.9, 1.03, size=n).astype(np.float32) - 2 * radius
    middle = (_SIDE - 1) / 2 + rng.normal(0, 0.5, size=(n, 1, 2)).astype(np.float32)
    centred = path - path.mean(axis=1, keepdims=True)
    fitted: _Floats = centred * (box / span)[:, None, None] + middle
    return fitted


def _ink(rng: np.random.Generator, path: _Floats, radius: _Floats) -> npt.NDArray[np.uint8]:
    """Draw paths [n, s, 2], in pixels, with pens of `radius` [n]: uint8 [n, 28, 28]."""
    pixels = np.arange(_SIDE, dtype=np.float32)
    across = (pixels - path[:, :, :1]) ** 2  # [n, s, 28], squared distances in x
    down = (pixels - path[:, :, 1:]) ** 2  # [n, s, 28], and in y
    nearest = np.full((len(path), _SIDE, _SIDE), np.inf, np.float32)
    for s in range(path.shape[1]):
        np.minimum(nearest, down[:, s, :, None] + across[:, s, None, :], out=nearest)
    # Full ink inside the pen, none outside, linear over a border of 1.2 pixels.
    ink = np.clip((radius[:, None, None] - np.sqrt(nearest)) / 1.2 + 0.5, 0, 1)
    strength = rng.uniform(0.9, 1.4, size=(len(path), 1, 1)).astype(np.float32)
    grain = 1 + np.float32(0.06) * rng.standard_normal(ink.shape, dtype=np.float32)
    grey: _Floats = np.clip(255 * ink * strength * grain, 0, 255)
    return grey.round().astype(np.uint8)


def _read_alphabet() -> _Alphabet:
    glyphs = [
        [np.array([p.split(",") for p in s.split()], np.float64) / 100 for s in strokes.split("|")]
        for _, strokes in _GLYPHS
    ]
    most = max(sum(map(len, strokes)) for strokes in glyphs)
    controls = np.zeros((len(glyphs), most, 2), np.float32)
    basis = np.zeros((len(glyphs), _SAMPLES, most), np.float32)
    for glyph, strokes in enumerate(glyphs):
        points = np.concatenate(strokes)
        controls[glyph, : len(points)] = points
        basis[glyph, :, : len(points)] = _spread_samples(strokes)
    return _Alphabet(np.array([digit for digit, _ in _GLYPHS]), controls, basis)


def _spread_samples(strokes: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    """Weights [s, c] of the c control points in samples at equal steps along all strokes."""
    most = sum(map(len, strokes))
    weights, lengths, at = [], [], 0
    for points in strokes:
        fine = np.zeros((32 * len(points), most))
        fine[:, at : at + len(points)] = _spline_weights(len(points), len(fine))
        at += len(points)
        steps = np.diff(fine @ np.concatenate(strokes), axis=0, prepend=np.nan)  # [32 c, 2]
        weights.append(fine)
        # Moving to the next stroke has no length: the pen is up.
        lengths.append(np.nan_to_num(np.hypot(steps[:, 0], steps[:, 1])))
    length = np.concatenate(lengths).cumsum()
    chosen = np.searchsorted(length, np.linspace(0, length[-1], _SAMPLES))
    return np.concatenate(weights)[np.minimum(chosen, len(length) - 1)]


def _spline_weights(points: int, samples: int) -> npt.NDArray[np.float64]:
    """Weights [samples, points] of a uniform Catmull-Rom spline whose end points count twice."""
    t = np.linspace(0, points - 1, samples)
    left = np.minimum(t.astype(np.int64), points - 2)
    u = t - left
    cubic = np.stack(
        [
            -u + 2 * u**2 - u**3,
            2 - 5 * u**2 + 3 * u**3,
            u + 4 * u**2 - 3 * u**3,
            -(u**2) + u**3,
        ],
        axis=1,
    )  # [samples, 4], for the points left - 1 to left + 2
    weights = np.zeros((samples, points))
    for k in range(4):
        neighbour = np.clip(left + k - 1, 0, points - 1)
        np.add.at(weights, (np.arange(samples), neighbour), cubic[:, k] / 2)
    return weights
