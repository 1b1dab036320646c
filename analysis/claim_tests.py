"""What a claim's effect says: its p values, its verdict in the family of its table, and the seeds that would settle it.

An effect is a difference of AP with its noise. Two things may be shown of it: that it is not 0, and that it lies inside
+-margin. Both p values are two-sided, so that p < 0.05 is a 95 % interval beside 0, or inside the margin; no effect
makes both null hypotheses true. Over a family of m claims (Holm 1979): the p of "not 0", and of a minor difference the
smaller of "inside" and "outside", are corrected over all m; what stays open is tested for equivalence with its p times
the number of claims that stay open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from analysis.effects import Effect
from analysis.expected_seeds import MOST
from analysis.stats import LEVEL, freedom_of, holm, quantile
from analysis.table import Verdict
from experiments.records.table_schema import Claim


@dataclass(frozen=True)
class Judged:
    verdict: Verdict
    p: float | None  # corrected; None where the seeds cannot tell


def judge(claims: list[Claim], effects: list[Effect]) -> list[Judged]:
    """Of one family, in the order given."""
    p = holm([_first_p(claim, effect) for claim, effect in zip(claims, effects, strict=True)])
    judged = [_first(*item) for item in zip(claims, effects, p, strict=True)]
    still_open = sum(item.verdict == "inconclusive" for item in judged)
    return [_second(*item, still_open) for item in zip(claims, effects, judged, strict=True)]


def _first_p(claim: Claim, effect: Effect) -> float | None:
    """Uncorrected: of a difference, that it is 0; of a minor one, that it is not on the side of the margin it is on."""
    if claim.kind != "minor difference":
        return effect.p(0.0)
    inside, outside = p_inside(effect, claim.margin), p_outside(effect, claim.margin)
    return None if inside is None or outside is None else min(inside, outside)


def _first(claim: Claim, effect: Effect, p: float | None) -> Judged:
    if effect.paired is None:
        return Judged("no result", None)
    if p is None or not p < LEVEL:
        return Judged("inconclusive", p)
    value = effect.paired.value
    holds = abs(value) < claim.margin if claim.kind == "minor difference" else value > 0
    return Judged("confirmed" if holds else "contradicted", p)


def _second(claim: Claim, effect: Effect, first: Judged, still_open: int) -> Judged:
    if first.verdict != "inconclusive" or first.p is None or claim.kind == "minor difference":
        return first
    p = min(1.0, still_open * p_inside(effect, claim.margin))
    return Judged("equivalent", p) if p < LEVEL else first


def p_inside(effect: Effect, margin: float) -> float | None:
    """That the effect is not inside +-margin: of two one-sided tests the larger, doubled."""
    return _beyond(effect, margin, inside=True)


def p_outside(effect: Effect, margin: float) -> float | None:
    """That the effect is not outside +-margin, on the side of its estimate."""
    return _beyond(effect, margin, inside=False)


def _beyond(effect: Effect, margin: float, inside: bool) -> float | None:
    both = [effect.p(margin), effect.p(-margin)]
    if None in both:
        return None
    p = max(both)  # of the nearer one
    return p if (abs(effect.paired.value) < margin) == inside else 1.0


def seeds_needed(claim: Claim, effect: Effect, family: int) -> int | None:
    """How many seeds more would settle an open claim, were mean and noise to stay; None: 1000 would not.

    family: number of claims of the table; the interval is that of its strictest test.
    """
    s, value = len(effect.by_seed), abs(float(np.mean(effect.by_seed)))
    variance = float(np.var(effect.by_seed, ddof=1))
    images = 0.0 if effect.resampled is None else float(np.nanvar(effect.resampled, ddof=1))
    for n in range(s + 1, MOST + 1):
        half = _half(variance / n, images, n, effect.images, LEVEL / family)
        apart = value > half + (claim.margin if claim.kind == "minor difference" else 0)
        if apart or value + half < claim.margin:
            return n - s
    return None


def _half(a: float, b: float, seeds: int, images: int, level: float) -> float:
    """As `stats.paired` has it: a of the seeds, b of the images."""
    if a + b == 0:
        return 0.0
    return quantile(freedom_of(a, b, seeds, images), level) * math.sqrt(a + b)


def both_readings(one: Judged, other: Judged) -> Judged:
    """Of a claim that can be read in two ways: their verdict, or that they differ; the weaker p."""
    p = None if one.p is None or other.p is None else max(one.p, other.p)
    return replace(one, p=p) if one.verdict == other.verdict else Judged("differs by reading", p)
