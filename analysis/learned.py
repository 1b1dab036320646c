"""Learned priors of one recipe, seed by seed, beside the truth; and how they follow it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.prior_fits import Estimate, Fit, NullBand, beyond, fit, null_band
from analysis.runs import Run
from experiments.records.schema import Priors

AXES = ("x", "y")


@dataclass(frozen=True, eq=False)
class Learned:
    """S seeds, K classes, axes x and y; a truth that no record has is nan."""

    classes: tuple[str, ...]
    mu: np.ndarray  # (S, K, 2) strides
    sigma: np.ndarray  # (S, K, 2) strides, above 0
    offsets: np.ndarray  # (K, 2) box widths and heights
    spreads: np.ndarray  # (K, 2) strides of the finest level
    box: np.ndarray  # (2,) the mean box, strides of the finest level


@dataclass(frozen=True)
class Follows:
    """How one learned quantity follows its truth."""

    name: str
    fit: Fit
    bands: tuple[NullBand, ...]  # one an axis
    right: int  # class axes with a truth that lie outside their band, on the side of the truth
    of: int


def has_priors(run: Run) -> bool:
    """Whether it learned mu and sigma by class."""
    classes, values = run.result.priors.classes, run.result.priors.values
    return bool(classes) and all(np.shape(values.get(k, [])) == (len(classes), 2) for k in ("mu", "sigma"))


def learned_of(runs: list[Run]) -> Learned:
    """Of runs that `has_priors`, of one recipe and one dataset."""
    priors = [run.result.priors for run in runs]
    mu, sigma = (np.array([p.values[name] for p in priors], dtype=float) for name in ("mu", "sigma"))
    box = np.array(priors[0].box_strides or (np.nan, np.nan), dtype=float)
    offsets, spreads = (_truth(priors[0], name) for name in ("true_offsets", "true_spreads"))
    return Learned(tuple(priors[0].classes), mu, np.abs(sigma), offsets, spreads * box, box)  # G has sigma^2 alone


def _truth(priors: Priors, name: str) -> np.ndarray:
    return np.array(getattr(priors, name) or np.full((len(priors.classes), 2), np.nan), dtype=float)


def offsets_followed(learned: Learned) -> list[Follows]:
    """mu against the true offset: each axis, then both; nothing where there is no truth that varies."""
    mu, offsets = learned.mu, learned.offsets
    parts = (("mu x", slice(0, 1)), ("mu y", slice(1, 2)), ("mu", slice(0, 2)))
    return [f for name, axes in parts for f in _follows(name, mu[..., axes], offsets[:, axes])]


def spreads_followed(learned: Learned) -> list[Follows]:
    """sigma against the true spread on both axes, and x less y: what stretches a class along one axis alone."""
    sigma, spreads = learned.sigma, learned.spreads
    contrast = (values[..., :1] - values[..., 1:] for values in (sigma, spreads))
    return [*_follows("sigma", sigma, spreads), *_follows("sigma x - y", *contrast)]


def _follows(name: str, values: np.ndarray, truth: np.ndarray) -> list[Follows]:
    """values (S, K, A), truth (K, A)."""
    fitted = fit(values, truth) if np.isfinite(truth).all() else None
    if fitted is None:
        return []
    axes = [(values[..., a], truth[:, a]) for a in range(truth.shape[1])]
    bands = tuple(null_band(*axis) for axis in axes)
    right, counted = (
        sum(n) for n in zip(*(beyond(*axis, band) for axis, band in zip(axes, bands, strict=True)), strict=True)
    )
    return [Follows(name, fitted, bands, right, counted)]


def estimate_words(estimate: Estimate) -> str:
    value, low, high = (f"{round(x, 2) + 0:.2f}" for x in (estimate.value, estimate.low, estimate.high))  # no -0.00
    return f"{value} [{low}, {high}]"


def follows_table(follows: list[Follows]) -> pd.DataFrame:
    """A row a quantity."""
    return pd.DataFrame([_row(f) for f in follows])


def _row(f: Follows) -> dict:
    row = {"quantity": f.name, "seeds": f.fit.seeds, "values": f.fit.values}
    for name, e in (("slope", f.fit.slope), ("correlation", f.fit.correlation)):
        row |= {name: e.value, f"{name}_low": e.low, f"{name}_high": e.high}
    null = float(np.sqrt(np.mean([band.spread**2 for band in f.bands])))
    return row | {
        "null_spread": null,
        "null_classes": sum(band.classes for band in f.bands),
        "right": f.right,
        "of": f.of,
    }
