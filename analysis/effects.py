"""A weighted sum of rows' AP over the seeds and images they share: what every comparison and claim is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from analysis.draws import Draws
from analysis.noise import from_seeds, from_weights
from analysis.rule import Estimates, estimates
from analysis.runs import Run

Rows = dict[str, dict[int, Run]]  # row -> seed -> its finished run
Runs = dict[str, Rows]  # by entry


@dataclass(frozen=True)
class Term:
    weight: float
    row: str
    entry: str
    metrics: tuple[str, ...] = ("AP",)  # their mean


@dataclass(frozen=True, eq=False)
class Effect:
    terms: tuple[Term, ...]
    by_seed: dict[int, float]  # percent, of the seeds that its rows share
    drawn: dict[int, np.ndarray]  # seed -> (R,) in each draw of the images; empty: not known
    images: int
    note: str  # which noise is not known, and why
    mixed: bool  # of different recipes

    @property
    def weights(self) -> dict[tuple[str, str, tuple[str, ...]], float]:
        """By row, entry and metrics."""
        weights = {}
        for term in self.terms:
            cell = (term.row, term.entry, term.metrics)
            weights[cell] = weights.get(cell, 0.0) + term.weight
        return weights

    def of(self, seeds: Iterable[int]) -> np.ndarray:
        return np.array([self.by_seed[seed] for seed in seeds if seed in self.by_seed])

    def noise_of_images(self, seeds: Iterable[int]) -> float:
        """Variance of the mean over some seeds by the images that they share; of one seed all that images make."""
        drawn = [self.drawn[seed] for seed in seeds if seed in self.drawn]
        if not drawn:
            return 0.0
        n, whole = len(drawn), float(np.nanvar(np.mean(drawn, axis=0), ddof=1))
        each = float(np.mean([np.nanvar(d, ddof=1) for d in drawn]))
        # What images do to one seed alone is noise of the seeds already: the mean covariance of two seeds remains.
        return whole if n == 1 else max(0.0, (n * whole - each) / (n - 1))


def effect_of(terms: tuple[Term, ...], runs: Runs, draws: Draws) -> Effect:
    by_term = [(term, runs.get(term.entry, {}).get(term.row, {})) for term in terms]
    seeds = sorted(set.intersection(*(set(by_seed) for _, by_seed in by_term)))
    seeds = [s for s in seeds if all(b[s].mean_percent(term.metrics) is not None for term, b in by_term)]
    by_seed = {s: sum(term.weight * b[s].mean_percent(term.metrics) for term, b in by_term) for s in seeds}
    drawn, images, note = _drawn({s: [(term, b[s]) for term, b in by_term] for s in seeds}, draws)
    mixed = any(len({b[s].recipe for _, b in by_term}) > 1 for s in seeds)
    return Effect(terms, by_seed, drawn, images, note, mixed)


def _drawn(runs: dict[int, list[tuple[Term, Run]]], draws: Draws) -> tuple[dict[int, np.ndarray], int, str]:
    """By seed, of how many images, and why there is none."""
    by_seed = {s: [(term.weight, draws.of(run, term.metrics)) for term, run in items] for s, items in runs.items()}
    flat = [item for items in by_seed.values() for _, item in items]
    reasons = [item for item in flat if isinstance(item, str)]
    images = {(item.images, item.digest) for item in flat if not isinstance(item, str)}  # drawn by position
    if not flat:
        return {}, 0, "no seed in common"
    if reasons or len(images) > 1:
        return {}, 0, f"noise of the images not known: {reasons[0] if reasons else 'scored on different images'}"
    drawn = {s: sum(weight * item.ap for weight, item in items) for s, items in by_seed.items()}
    return drawn, images.pop()[0], ""


def estimates_of(effects: list[Effect], seeds: list[int]) -> Estimates:
    """(1, effects), of the given seeds."""
    values = [effect.of(seeds) for effect in effects]
    means = np.array([[v.mean() if len(v) else 0.0 for v in values]])
    own = np.array([[v.var(ddof=1) if len(v) > 1 else 0.0 for v in values]])
    images = np.array([[effect.noise_of_images(seeds) for effect in effects]])
    freedom = np.array([[max(effect.images - 1.0, 1.0) for effect in effects]])
    return estimates(means, own, np.array([len(v) for v in values]), _independent(effects, seeds), images, freedom)


def _independent(effects: list[Effect], seeds: list[int]) -> np.ndarray:
    """As how many they count, (1,): the fewer of what their rows and what the seeds they all have say."""
    cells = list(dict.fromkeys(cell for effect in effects for cell in effect.weights))
    weights = np.array([effect.weights.get(cell, 0.0) for effect in effects for cell in cells])
    weights = weights.reshape(len(effects), len(cells))
    some = [effect for effect in effects if effect.by_seed]
    shared = [seed for seed in seeds if all(seed in effect.by_seed for effect in some)]
    seen = from_seeds(np.array([[effect.of(shared) for effect in some]])) if some else np.ones(1)
    return np.minimum(from_weights(weights), seen)
