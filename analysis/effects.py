"""A weighted sum of rows' AP over the seeds and images they share: what every comparison and claim is about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.draws import Draws
from analysis.runs import Run
from analysis.stats import Paired, paired

Rows = dict[str, dict[int, Run]]  # row -> seed -> its finished run


@dataclass(frozen=True)
class Term:
    weight: float
    row: str
    metrics: tuple[str, ...] = ("AP",)  # their mean


@dataclass(frozen=True, eq=False)
class Effect:
    by_seed: np.ndarray  # (S,) percent; S = 0: no seed in common
    resampled: np.ndarray | None  # (R,) its mean in each draw of the images; None: not known
    images: int
    note: str  # which noise is not known, and why
    mixed: bool  # of different recipes

    @property
    def paired(self) -> Paired | None:
        """With its noise; None where no seed is in common."""
        return paired(self.by_seed, self.resampled, self.images) if len(self.by_seed) else None

    def p(self, value: float) -> float | None:
        """Two-sided p that the effect is `value`, uncorrected; None where no seed is shared."""
        return paired(self.by_seed - value, self.resampled, self.images).p if len(self.by_seed) else None


NO_EFFECT = Effect(np.zeros(0), None, 0, "no seed in common", False)


def effect_of(terms: tuple[Term, ...], rows: Rows, draws: Draws) -> Effect:
    by_term = [(term, rows.get(term.row, {})) for term in terms]
    seeds = sorted(set.intersection(*(set(by_seed) for _, by_seed in by_term)))
    seeds = [s for s in seeds if all(b[s].mean_percent(term.metrics) is not None for term, b in by_term)]
    if not seeds:
        return NO_EFFECT
    by_seed = [sum(term.weight * b[s].mean_percent(term.metrics) for term, b in by_term) for s in seeds]
    resampled, images, note = _resampled([[(term, b[s]) for term, b in by_term] for s in seeds], draws)
    mixed = any(len({b[s].recipe for _, b in by_term}) > 1 for s in seeds)
    one = "one seed: the noise of its training is not known" if len(seeds) == 1 else ""
    return Effect(np.array(by_seed), resampled, images, "; ".join(filter(None, (one, note))), mixed)


def _resampled(by_seed: list[list[tuple[Term, Run]]], draws: Draws) -> tuple[np.ndarray | None, int, str]:
    """The mean over the seeds in each draw, of how many images, and why there is none."""
    drawn = [[(term.weight, draws.of(run, term.metrics)) for term, run in items] for items in by_seed]
    flat = [item for items in drawn for _, item in items]
    reasons = [item for item in flat if isinstance(item, str)]
    images = {item.image_ids for item in flat if not isinstance(item, str)}  # drawn by position: the same in all
    if reasons or len(images) > 1:
        return None, 0, f"noise of the images not known: {reasons[0] if reasons else 'scored on different images'}"
    sums = [sum(weight * item.ap for weight, item in items) for items in drawn]
    return np.mean(sums, axis=0), len(images.pop()), ""
