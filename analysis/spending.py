"""The error rate that each look may spend, so that all looks together stay at the level.

Group-sequential alpha spending (Lan and DeMets 1983), two-sided, linear in the share of seeds: after n of N seeds
level * n / N is spent. Linear, as early looks are worth more here than in a trial: a seed costs the same at any time,
and the degrees of freedom that a t quantile lacks at the first look leave O'Brien and Fleming's rule no power there.
The levels follow from the joint distribution of the means, which are a random walk in the number of seeds; as quantiles
of t instead of the normal they keep the level approximately, see the simulation in tests/analysis/test_rule.py.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.integrate import trapezoid
from scipy.optimize import brentq
from scipy.stats import norm

POINTS = 401  # of the walk's density; 1601 change a level by less than 1e-6
WIDEST = 8.0  # standard deviations, beyond which nothing is


@cache
def nominal_levels(looks: tuple[int, ...], level: float) -> tuple[float, ...]:
    """Two-sided level of the interval at each look, at rising numbers of seeds."""
    levels, density, grid, before = [], None, None, 0
    for seeds in looks:
        goal, steps = level * (seeds - before) / looks[-1], seeds - before
        if density is None:
            bound = norm.isf(goal / 2) * np.sqrt(seeds)
        else:
            bound = brentq(_missing, 0.0, WIDEST * np.sqrt(seeds), args=(density, grid, steps, goal))
        levels.append(float(2 * norm.sf(bound / np.sqrt(seeds))))
        density, grid = _walked(density, grid, steps, bound)
        before = seeds
    return tuple(levels)


def _missing(bound: float, density: np.ndarray, grid: np.ndarray, steps: int, goal: float) -> float:
    """Probability, less `goal`, that the walk, within all bounds so far, is outside of +-bound after `steps` more."""
    scale = np.sqrt(steps)
    outside = norm.sf((bound - grid) / scale) + norm.sf((bound + grid) / scale)
    return float(trapezoid(density * outside, grid)) - goal


def _walked(
    density: np.ndarray | None, grid: np.ndarray | None, steps: int, bound: float
) -> tuple[np.ndarray, np.ndarray]:
    """The density within +-bound after `steps` more."""
    after, scale = np.linspace(-bound, bound, POINTS), np.sqrt(steps)
    if density is None:
        return norm.pdf(after / scale) / scale, after
    kernel = norm.pdf((after[:, None] - grid) / scale) / scale
    return trapezoid(kernel * density, grid, axis=1), after
