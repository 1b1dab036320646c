"""How many seeds a claim is expected to need for a verdict, from the table's noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.stats import half_width

MOST = 1000  # seeds that are looked at


@dataclass(frozen=True)
class Need:
    """What the interval of a claim would be with more seeds."""

    variance: float  # of one seed, percent^2
    freedom: float  # degrees of freedom now
    seeds: float  # now
    level: float  # two-sided
    images: float = 0.0  # variance by the images, which no seed lessens
    images_freedom: float = 1.0

    def within(self, distance: float) -> int | None:
        """Fewest seeds, in all, whose half-width is below `distance`: half of such tries decide. None: over MOST."""
        seeds = np.arange(2, MOST + 1)
        freedom = np.maximum(1.0, self.freedom + seeds - self.seeds)
        of_seeds, of_images = (self.variance / seeds, freedom), (self.images, self.images_freedom)
        enough = half_width(self.level, of_seeds, of_images) < distance
        return int(seeds[enough.argmax()]) if enough.any() else None


@dataclass(frozen=True)
class Expected:
    """Seeds in all; None: more than MOST."""

    confirmed: int | None  # if the difference is what the paper has
    contradicted: int | None  # if it is the margin, the other way round; of a minor difference twice the margin
    equivalent: int | None  # if there is none


def expected_seeds(need: Need, published: float, margin: float, minor: bool) -> Expected:
    """published, margin: AP, percent. A minor difference is confirmed by being none."""
    none = need.within(margin)
    confirmed = need.within(margin - abs(published)) if minor else need.within(abs(published))
    return Expected(confirmed, need.within(margin), none)


def settled(need: Need, mean: float, margin: float, minor: bool) -> int | None:
    """Seeds in all that would settle a claim, were its mean and noise to stay as they are."""
    apart = abs(mean) - margin if minor else abs(mean)
    return need.within(max(apart, margin - abs(mean)))
