"""AP of a run in many draws of its images: the same draws for all runs that were scored on as many."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from analysis.matches import ap_of_draws, load_matches, of_classes
from analysis.runs import Run
from analysis.stats import multiplicities
from experiments.records.files import RecordError

FAITHFUL = 1e-6  # percent AP by which matches may miss the protocol's own: what sums in another order round


@dataclass(frozen=True, eq=False)
class DrawnAP:
    ap: np.ndarray  # (R,) percent
    image_ids: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Draws:
    """Cached by run and metrics."""

    resamples: int = 1000
    seed: int = 0
    weights: dict[int, np.ndarray] = field(default_factory=dict)
    cache: dict[str, dict[tuple[str, ...], DrawnAP | str]] = field(default_factory=dict)

    def of(self, run: Run, metrics: tuple[str, ...] = ("AP",)) -> DrawnAP | str:
        """Of the mean of some metrics; or a sentence why not."""
        by_metrics = self.cache.setdefault(run.id, {})
        if metrics not in by_metrics:
            by_metrics[metrics] = self._compute(run, metrics)
        return by_metrics[metrics]

    def _compute(self, run: Run, metrics: tuple[str, ...]) -> DrawnAP | str:
        protocol = run.record.protocol
        if protocol.recall_points is None:
            return f"no resampling for the protocol {protocol.name}"
        if metrics != ("AP",) and not all(name.startswith("class:") for name in metrics):
            return f"no resampling for {', '.join(metrics)}"
        try:
            matches = load_matches(run.path / "matches.npz")
        except RecordError as error:
            return str(error).replace(str(run.path), run.id)
        if metrics != ("AP",):
            classes = list(run.result.per_class)
            matches = of_classes(matches, [classes.index(name.removeprefix("class:")) for name in metrics])
        ap = 100 * ap_of_draws(matches, self._weights(matches.images), protocol.recall_points, protocol.score_steps)
        recorded = run.mean_percent(metrics)
        if recorded is None or not abs(ap[0] - recorded) < FAITHFUL:
            return f"the matches of {run.id} give AP {ap[0]:.2f}, not the {recorded} of its result"
        return DrawnAP(ap[1:], tuple(matches.image_ids.tolist()))

    def _weights(self, images: int) -> np.ndarray:
        """(images, 1 + R) every image once, then the draws."""
        if images not in self.weights:
            drawn = multiplicities(images, self.resamples, np.random.default_rng([self.seed, images]))
            self.weights[images] = np.concatenate([np.ones((images, 1), np.float32), drawn], 1)
        return self.weights[images]
