"""The verdicts of a table's claims, look after look: one family, Holm over the claims, alpha spending over the looks.

At each look a claim that is still open gets the interval at LEVEL / (claims still open); a verdict frees its share for
the others, at once. A verdict stays. Arrays are (tables, claims), so that a simulation judges thousands of tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.noise import COUNTED, fitted, moderated
from analysis.stats import LEVEL, SHARE, half_width, sequential_level

OPEN, CONFIRMED, CONTRADICTED, EQUIVALENT = range(4)
WORDS = ("inconclusive", "confirmed", "contradicted", "equivalent")


@dataclass(frozen=True, eq=False)
class Estimates:
    """Of claims at a look, (tables, claims) each; AP in percent. freedom 0: of no noise that is known."""

    mean: np.ndarray
    variance: np.ndarray  # of one seed, moderated
    freedom: np.ndarray
    seeds: np.ndarray

    def half(self, level: float) -> np.ndarray:
        return half_width(self.variance, self.seeds, self.freedom, level)


@dataclass(frozen=True, eq=False)
class Margins:
    """What a verdict is measured with, (claims,) each."""

    margin: np.ndarray  # AP, percent
    minor: np.ndarray  # whether the claim is of a minor difference


def estimates(means: np.ndarray, variances: np.ndarray, seeds: np.ndarray, independent: int) -> Estimates:
    """From the claims' own means and variances over seeds (claims,); claims of one seed have no own variance.

    independent: of the claims, as many as do not follow from others.
    """
    freedom = np.maximum(seeds - 1.0, 0.0)
    several = freedom > 0
    if not several.any():
        return Estimates(means, np.zeros_like(means), np.zeros_like(means), seeds)
    prior, worth = (x[..., None] for x in fitted(variances[..., several], freedom[several]))
    most = SHARE * COUNTED * min(1.0, independent / len(seeds)) * freedom.sum()
    own = np.where(several, variances, 0.0)
    variance, total = moderated(own, freedom, prior, worth, most)
    return Estimates(means, variance, np.broadcast_to(total, means.shape), np.maximum(seeds, 1))


def verdicts(low: np.ndarray, high: np.ndarray, of: Margins) -> np.ndarray:
    """OPEN, CONFIRMED, CONTRADICTED or EQUIVALENT, by where the interval lies."""
    inside, beyond = (low >= -of.margin) & (high <= of.margin), (low > of.margin) | (high < -of.margin)
    minor = np.select([inside, beyond], [CONFIRMED, CONTRADICTED], OPEN)
    plain = np.select([low > 0, high < 0, inside], [CONFIRMED, CONTRADICTED, EQUIVALENT], OPEN)
    return np.where(of.minor, minor, plain)


def judged(now: Estimates, ready: np.ndarray, before: np.ndarray, of: Margins, look: int, looks: tuple[int, ...]):
    """Verdicts after a look, and the half-widths that gave them, (tables, claims).

    ready: (claims,) which have the seeds of the look; before: verdicts of the looks so far.
    """
    codes, halves = before.copy(), np.full(before.shape, np.inf)
    while True:
        still = codes == OPEN
        half = _halves(now, still.sum(-1), look, looks)
        new = np.where(still & ready, verdicts(now.mean - half, now.mean + half, of), OPEN)
        halves = np.where(still, half, halves)
        if not new.any():
            return codes, halves
        codes = np.where(still, new, codes)


def _halves(now: Estimates, family: np.ndarray, look: int, looks: tuple[int, ...]) -> np.ndarray:
    """family: (tables,) claims that share the level."""
    halves = np.full(now.mean.shape, np.inf)
    for count in np.unique(family[family > 0]):
        level = sequential_level(look, looks, LEVEL / int(count))
        halves = np.where((family == count)[:, None], now.half(level), halves)
    return halves
