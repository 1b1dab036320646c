"""The one rule of all verdicts: where the interval lies, one error rate for all claims of a table and all looks.

Two noises make an interval: that of training, over the seeds, one for the table (noise.py), and that of the validation
images, drawn anew with replacement; all seeds share the images, so that more seeds do not lessen it. Each claim gets an
equal part of the table's level, Bonferroni, and spends it over the looks (spending.py). A part is not handed on when a
claim is decided, as Holm does: a claim that is equivalent has still used its own, and with 34 claims 34 % of the tables
had a false verdict. The images' noise is the same at all looks, which then agree more than the levels suppose: with it
the intervals hold more than they promise. Arrays are (tables, claims), so that a simulation judges thousands of tables.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.noise import fitted_noise, moderated
from analysis.spending import nominal_levels
from analysis.stats import LEVEL, half_width

OPEN, CONFIRMED, CONTRADICTED, EQUIVALENT = range(4)
WORDS = ("inconclusive", "confirmed", "contradicted", "equivalent")
SPENT = 0.7  # of the level: the spending is of normal means, these of t; chosen by simulation


@dataclass(frozen=True)
class Looks:
    """At how many seeds claims are judged, rising; fixed: once, each claim with the seeds that it has."""

    seeds: tuple[int, ...]
    fixed: bool

    def level(self, look: int, claims: int) -> float:
        """Two-sided, of an interval at a look, 1 for the first, in a table of so many claims."""
        return nominal_levels(self.seeds, SPENT * LEVEL / max(claims, 1))[look - 1]


@dataclass(frozen=True, eq=False)
class Estimates:
    """Of claims at a look, (tables, claims) each; AP in percent. freedom 0: of no noise that is known."""

    mean: np.ndarray
    variance: np.ndarray  # of one seed, moderated
    freedom: np.ndarray
    seeds: np.ndarray
    images: np.ndarray  # variance of the mean over the images; 0 where it is not known
    images_freedom: np.ndarray

    def half(self, level: float) -> np.ndarray:
        return half_width(level, (self.variance / self.seeds, self.freedom), (self.images, self.images_freedom))


@dataclass(frozen=True, eq=False)
class Margins:
    """What a verdict is measured with, (claims,) each."""

    margin: np.ndarray  # AP, percent
    minor: np.ndarray  # whether the claim is of a minor difference


def estimates(
    means: np.ndarray,
    variances: np.ndarray,
    seeds: np.ndarray,
    independent: np.ndarray | float,
    images: np.ndarray | float = 0.0,
    images_freedom: np.ndarray | float = 1.0,
) -> Estimates:
    """From the claims' own means and variances over seeds (claims,); claims of one seed have no own variance.

    independent: as how many claims they count, (tables,); images: variances of the means over as many images, less 1.
    """
    freedom, shape = np.maximum(seeds - 1.0, 0.0), means.shape
    several = freedom > 0
    variance, total = np.zeros(shape), np.zeros(shape)
    if several.any():
        prior, worth = (x[..., None] for x in fitted_noise(variances[..., several], freedom[several]))
        most = np.asarray(independent)[..., None] * freedom.mean()
        variance, total = moderated(np.where(several, variances, 0.0), freedom, prior, worth, most)
    of_images = (np.broadcast_to(x, shape) for x in (images, images_freedom))
    return Estimates(means, variance, np.broadcast_to(total, shape), np.maximum(seeds, 1), *of_images)


def verdicts(low: np.ndarray, high: np.ndarray, of: Margins) -> np.ndarray:
    """OPEN, CONFIRMED, CONTRADICTED or EQUIVALENT, by where the interval lies."""
    inside, beyond = (low >= -of.margin) & (high <= of.margin), (low > of.margin) | (high < -of.margin)
    minor = np.select([inside, beyond], [CONFIRMED, CONTRADICTED], OPEN)
    plain = np.select([low > 0, high < 0, inside], [CONFIRMED, CONTRADICTED, EQUIVALENT], OPEN)
    return np.where(of.minor, minor, plain)
