"""Means and their noise, paired differences, and the correction for many tests. Pure functions of numbers.

How a paired difference combines its two sources of noise. Two methods are run with the same S seeds and scored on the
same V images. With d_s the difference of their AP at seed s, the estimate is the mean of d_s, and its variance is
    A + B,  A = var(d_s) / S                          noise of the training, from the seeds,
            B = var over resamples of the mean of d_s  noise of the test set: images are drawn anew with replacement,
                                                       the same draw for both methods and all seeds.
The interval is mean +- t sqrt(A + B), with the degrees of freedom of Welch and Satterthwaite, S - 1 for A and V - 1
for B; the p value is of the same t. A resampling of 3 seeds would see only 2/3 of their variance; t does not. Simulated
with noise of seeds, images and both (tests/test_stats.py), the 95 % interval holds the truth in 93 % of 2000 trials
with 2 seeds, 94 % with 3 and 95 % with 5. With one seed A is unknown: the interval is of B alone, there is no p value,
and no order can be told.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import t as student

from analysis.noise import Pooled
from analysis.spending import nominal_levels

LEVEL = 0.05  # of every interval and test
# Small levels (a table's share of 5 %, spent in looks) lie in the far tail of t, where unequal noise of the rows shows.
# Chosen together by simulation: with (1, 1) a table's false verdicts reach 8 %, with these 4.3 % at most.
SPENT, SHARE = 0.85, 0.625  # of the level; of the table's degrees of freedom


@dataclass(frozen=True)
class Mean:
    """Of n values; half: half-width of the 95 % t interval, None for n = 1."""

    value: float
    half: float | None
    n: int


@dataclass(frozen=True)
class Paired:
    """A difference of two methods over what they share."""

    value: float
    half: float | None  # of the 95 % interval, with one seed over its images alone; None where nothing tells
    p: float | None  # two-sided, uncorrected
    seeds: int
    images: int  # 0: the images' noise is not known

    @property
    def known(self) -> bool:
        return self.p is not None


def mean_of(values: list[float]) -> Mean | None:
    """None for no values."""
    n = len(values)
    if n == 0:
        return None
    half = None if n == 1 else quantile(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n)
    return Mean(float(np.mean(values)), half, n)


def quantile(freedom: float, level: float = LEVEL) -> float:
    """1 - level / 2 quantile of Student's t."""
    return float(student.ppf(1 - level / 2, freedom))


def paired(by_seed: np.ndarray, resampled: np.ndarray | None = None, images: int = 0) -> Paired:
    """by_seed (S,): differences; resampled (R,): their mean in each resample of `images` images, None: not known."""
    s, value = len(by_seed), float(np.mean(by_seed))
    b = 0.0 if resampled is None else float(np.nanvar(resampled, ddof=1))
    if s < 2:
        half = None if resampled is None else quantile(max(images - 1, 1)) * math.sqrt(b)
        return Paired(value, half, None, s, images)
    a = float(np.var(by_seed, ddof=1)) / s
    if a + b == 0:  # two identical methods, or a toy
        return Paired(value, 0.0, float(value == 0), s, images)
    freedom, error = freedom_of(a, b, s, images), math.sqrt(a + b)
    p = 2 * float(student.sf(abs(value) / error, freedom))
    return Paired(value, quantile(freedom) * error, p, s, images)


def freedom_of(a: float, b: float, seeds: int, images: int) -> float:
    """Degrees of freedom of A + B > 0, the variances of the seeds and of the images. Welch and Satterthwaite."""
    return (a + b) ** 2 / (a**2 / (seeds - 1) + b**2 / max(images - 1, 1))


@dataclass(frozen=True)
class Interval:
    """Of a difference, AP in percent; endless where nothing is known of its noise."""

    mean: float
    low: float
    high: float


def fixed_interval(differences: Sequence[float], pooled: Pooled, level: float = LEVEL) -> Interval:
    """Of a number of seeds that was fixed beforehand. differences: paired by seed; pooled: noise of the table.

    level: two-sided error rate, LEVEL / claims for the family of a table. One seed has the table's noise alone. The
    interval holds for these validation images: their noise is `paired`'s.
    """
    values = np.asarray(differences, float)
    seeds, mean = len(values), float(values.mean())
    variance, freedom = pooled.moderated(float(values.var(ddof=1)) if seeds > 1 else 0.0, seeds - 1)
    half = float(half_width(variance, seeds, freedom, level))
    return Interval(mean, mean - half, mean + half)


def sequential_interval(
    differences: Sequence[float], look: int, looks: Sequence[int], pooled: Pooled, level: float = LEVEL
) -> Interval:
    """Valid at all looks together: the chance that any of them misses the truth is at most `level`.

    look: 1 for the first; looks: seeds at each, fixed beforehand. Raises ValueError where `differences` are not that
    many. Rule: alpha spending, see spending.py.
    """
    if len(differences) != looks[look - 1]:
        raise ValueError(f"look {look} is at {looks[look - 1]} seeds, not at {len(differences)}")
    return fixed_interval(differences, sequential_noise(pooled), sequential_level(look, tuple(looks), level))


def sequential_noise(pooled: Pooled) -> Pooled:
    """As the quantiles of repeated looks take it: fewer of the table's degrees of freedom count."""
    return replace(pooled, most=SHARE * pooled.most)


def sequential_level(look: int, looks: tuple[int, ...], level: float = LEVEL) -> float:
    """Two-sided, of the interval at a look, 1 for the first."""
    return nominal_levels(looks, SPENT * level)[look - 1]


def half_width(variance: np.ndarray, seeds: np.ndarray, freedom: np.ndarray, level: float) -> np.ndarray:
    """Of a mean over seeds, by Student's t; endless for no degrees of freedom."""
    known = np.maximum(freedom, 1e-300)
    return np.where(
        np.asarray(freedom) > 0, student.isf(level / 2, known) * np.sqrt(np.divide(variance, seeds)), math.inf
    )


def holm(p: list[float | None]) -> list[float | None]:
    """Corrected p values, in the order given; None is no test and does not count. Holm 1979."""
    tests = sorted((value, i) for i, value in enumerate(p) if value is not None)
    corrected, largest = list(p), 0.0
    for rank, (value, i) in enumerate(tests):
        largest = max(largest, min(1.0, (len(tests) - rank) * value))
        corrected[i] = largest
    return corrected


def multiplicities(images: int, resamples: int, generator: np.random.Generator) -> np.ndarray:
    """(images, resamples) float32: how often each image is drawn, with replacement."""
    counts = generator.multinomial(images, np.full(images, 1 / images), size=resamples)
    return np.ascontiguousarray(counts.T, dtype=np.float32)
