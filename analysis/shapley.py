"""Shapley shares: a method's difference from the reference, shared among the parts that were swapped.

v(S) is the AP with the parts S of the method and the others of the reference. The share of part j is what it adds, in
the mean over all orders in which the k parts can be swapped one by one (Shapley 1953):
    sum over S without j of  |S|! (k - 1 - |S|)! / k!  (v(S + j) - v(S))
The shares sum to v(all) - v(none), whatever the parts do to each other; where they do nothing to each other, a share is
what the part adds alone. All is computed seed by seed, so that the runs of a seed are compared with each other.
A set S is a number, part j is in it where its bit j is set.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np

from analysis.runs import Run
from analysis.stats import Mean, mean_of
from experiments.records.table_schema import Attribution

Rows = dict[str, dict[int, Run]]  # row -> seed -> its finished run


@dataclass(frozen=True)
class PartShare:
    """What one part adds, AP in percent, over the seeds."""

    part: str
    mean: Mean  # Shapley's
    first: Mean  # swapped before all others
    last: Mean  # swapped after all others


@dataclass(frozen=True)
class Shares:
    of: Attribution
    whole: Mean | None  # the method less the reference, over the same seeds as the shares; None: no seed has all runs
    parts: tuple[PartShare, ...]  # none without such a seed
    missing: tuple[str, ...]  # rows without any run

    def share(self, name: str) -> PartShare | None:
        return next((share for share in self.parts if share.part == name), None)


def shares_of(attribution: Attribution, rows: Rows) -> Shares:
    """rows: of the one entry of the table."""
    by_row = [rows.get(name, {}) for name in attribution.rows]
    aps = [{s: ap for s, run in by_seed.items() if (ap := run.percent("AP")) is not None} for by_seed in by_row]
    seeds = sorted(set.intersection(*map(set, aps)))
    missing = tuple(name for name, by_seed in zip(attribution.rows, aps, strict=True) if not by_seed)
    if not seeds:
        return Shares(attribution, None, (), missing)
    v = np.array([[by_seed[s] for by_seed in aps] for s in seeds])  # (seeds, 2^k)
    shares = tuple(_share(name, v, j) for j, name in enumerate(attribution.parts))
    return Shares(attribution, _mean(v[:, -1] - v[:, 0]), shares, missing)


def shapley(v: np.ndarray, j: int) -> np.ndarray:
    """(..., 2^k) values of the sets -> (...) share of a part."""
    k, sets = v.shape[-1].bit_length() - 1, _without(v.shape[-1], j)
    sizes = [s.bit_count() for s in sets]
    weights = np.array([factorial(n) * factorial(k - 1 - n) / factorial(k) for n in sizes])
    return (v[..., [s | 1 << j for s in sets]] - v[..., sets]) @ weights


def _without(count: int, j: int) -> list[int]:
    """The sets, of `count`, that a part is not in."""
    return [s for s in range(count) if not s >> j & 1]


def _share(name: str, v: np.ndarray, j: int) -> PartShare:
    bit, everything = 1 << j, v.shape[-1] - 1
    first, last = v[:, bit] - v[:, 0], v[:, everything] - v[:, everything ^ bit]
    return PartShare(name, _mean(shapley(v, j)), _mean(first), _mean(last))


def _mean(values: np.ndarray) -> Mean:
    return mean_of(values.tolist())
