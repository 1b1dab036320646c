"""Means, half-widths and draws of images. Pure functions of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

LEVEL = 0.05  # of every interval, and of a table's claims together


@dataclass(frozen=True)
class Mean:
    """Of n values, one a seed."""

    value: float
    half: float | None  # half-width of the 95 % t interval; None for n = 1, unless the images' noise is known
    n: int
    noise: str = "seeds"  # that `half` is of, or "images"


def mean_of(values: list[float]) -> Mean | None:
    """None for no values."""
    n = len(values)
    if n == 0:
        return None
    half = None if n == 1 else float(half_width(LEVEL, (np.var(values, ddof=1) / n, n - 1)))
    return Mean(float(np.mean(values)), half, n)


def half_width(level: float, *noises: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Of a mean with independent noises, each a variance of the mean with its degrees of freedom; endless for 0 of one.

    The square is the sum of t^2 variance. It covers the mean with at least 1 - level, whatever the noises' ratio
    (Banerjee 1960); Welch's degrees of freedom cover 90 % where the greater one has 1.
    """
    squares = []
    for variance, freedom in noises:
        known = np.maximum(freedom, 1e-300)
        squares.append(np.where(np.asarray(freedom) > 0, student.isf(level / 2, known) ** 2 * variance, math.inf))
    return np.sqrt(sum(squares))


def multiplicities(images: int, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """(images, resamples) float32: how often each image is drawn, with replacement."""
    counts = generator.multinomial(images, np.full(images, 1 / images), size=resamples)
    return np.ascontiguousarray(counts.T, dtype=np.float32)
