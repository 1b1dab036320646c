"""How learned priors follow a known truth: slope and correlation over classes and seeds, and the band of no truth.

The values are y[s, k, a] of seed s, class k, axis a; t[k, a] is the truth, the same for all seeds. The model
    y[s, k, a] = c[s, a] + (b + v[s]) t[k, a] + u[k, a] + e[s, k, a]
has an intercept for every seed and axis: a shift common to all classes moves neither slope nor correlation. With S
seeds and n values a seed, the slope b is the least-squares slope of the means over the seeds, and its variance has
    B  of the classes: residual variance of the means / sum t^2, which holds u and what the seeds leave of e,
    A  of the seeds: variance of their slopes / S, less C, the part of it that is e, which B has already.
The interval is b +- sqrt(t^2 B + t^2 max(A - C, 0)), each t with its own degrees of freedom (stats.half_width): it is
meant for other classes and other seeds. One seed has B alone. The correlation r is that of the means, for a truth that
is fixed and not drawn; v scales all classes alike and is no part of it. With d = b / sqrt(B) and f degrees of freedom
of B, d +- 1.96 sqrt(1 + d^2 / (2 f)) bound its noncentrality (Hedges 1981), and d / sqrt(d^2 + n) of these bound r.
Simulated coverage: tests/analysis/test_prior_fits.py.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis.stats import LEVEL, half_width

NORMAL = 1.959964  # 97.5 % quantile
NULL = 0.01  # a truth below it, in boxes, is none; those of symmetric shapes are 0


@dataclass(frozen=True)
class Estimate:
    """A value and its 95 % interval; endless where nothing is known of its noise."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Fit:
    """Of one quantity against its truth."""

    slope: Estimate  # per unit of the truth
    correlation: Estimate  # of the means over the seeds
    seeds: int
    values: int  # n: classes times axes


@dataclass(frozen=True)
class NullBand:
    """Where a class without an effect lies; `low` to `high` holds one more of them in 95 %."""

    spread: float  # standard deviation over the classes of their means over the seeds
    low: float
    high: float
    classes: int


def fit(values: np.ndarray, truth: np.ndarray) -> Fit | None:
    """values (S, K, A), truth (K, A); None where the truth does not vary or fewer than K = 3 classes tell of it."""
    seeds, classes, axes = values.shape
    y, t = values - values.mean(1, keepdims=True), truth - truth.mean(0)
    size, freedom = float((t**2).sum()), classes * axes - axes - 1
    if size < 1e-12 or freedom < 1:
        return None
    slopes, means = (y * t).sum((1, 2)) / size, y.mean(0)  # (S,), (K, A)
    slope = float(slopes.mean())
    of_classes = float(((means - slope * t) ** 2).sum()) / freedom / size  # B
    of_seeds = _of_seeds(y - means - (slopes - slope)[:, None, None] * t, slopes, size, freedom)
    if of_classes + of_seeds == 0:  # a toy
        return Fit(_exactly(slope), _exactly(float(np.sign(slope))), seeds, classes * axes)
    half = float(half_width(LEVEL, (of_seeds, max(seeds - 1, 1)), (of_classes, freedom)))
    r = float((means * t).sum()) / math.sqrt(float((means**2).sum()) * size) if means.any() else 0.0
    correlation = _correlation(r, freedom, classes * axes)
    return Fit(Estimate(slope, slope - half, slope + half), correlation, seeds, classes * axes)


def _exactly(value: float) -> Estimate:
    return Estimate(value, value, value)


def _of_seeds(rest: np.ndarray, slopes: np.ndarray, size: float, freedom: int) -> float:
    """max(A - C, 0). rest (S, K, A): what neither the classes nor the slopes of the seeds explain."""
    seeds = len(slopes)
    if seeds < 2:
        return 0.0
    noise = float((rest**2).sum()) / ((seeds - 1) * freedom)
    return max(float(slopes.var(ddof=1)) - noise / size, 0.0) / seeds


def _correlation(r: float, freedom: int, n: int) -> Estimate:
    d = r * math.sqrt(freedom / max(1 - r**2, 1e-12))
    half = NORMAL * math.sqrt(1 + d**2 / (2 * freedom))
    low, high = (x / math.sqrt(x**2 + n) for x in (d - half, d + half))
    return Estimate(r, low, max(high, r))


def null_band(values: np.ndarray, truth: np.ndarray) -> NullBand:
    """values (S, K) and truth (K,) of one axis: of the classes whose truth is none."""
    means = (values - values.mean(1, keepdims=True)).mean(0)[np.abs(truth) < NULL] + values.mean()
    n = len(means)
    if n < 2:
        return NullBand(math.nan, -math.inf, math.inf, n)
    spread, center = float(means.std(ddof=1)), float(means.mean())
    half = float(half_width(LEVEL, (spread**2 * (1 + 1 / n), n - 1)))
    return NullBand(spread, center - half, center + half, n)


def beyond(values: np.ndarray, truth: np.ndarray, band: NullBand) -> tuple[int, int]:
    """Classes with a truth that lie outside the band on the side of it, and how many have one; no band, none.

    values (S, K), truth (K,).
    """
    means, off = values.mean(0), (np.abs(truth) >= NULL) & (band.classes > 1)
    right = np.where(truth > 0, means > band.high, means < band.low)
    return int((right & off).sum()), int(off.sum())
