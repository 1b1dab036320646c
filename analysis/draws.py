"""AP of a run in many draws of its images: the same draws for all runs that were scored on as many."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from analysis.kept import KeptDraws, KeptRun, decoded, encoded, kept_run, loss_curve
from analysis.matches import ap_of_draws, load_matches, of_classes, of_threshold
from analysis.runs import Run
from analysis.stats import multiplicities
from experiments.records.arrays import Matches
from experiments.records.files import RecordError, hash_of
from experiments.records.run_folder import RunFolder

THRESHOLDS = {"AP50": 0.5, "AP75": 0.75}  # IoU
FAITHFUL = 1e-6  # percent AP by which matches may miss the protocol's own: what sums in another order round


@dataclass(frozen=True, eq=False)
class DrawnAP:
    ap: np.ndarray  # (R,) percent
    images: int
    digest: str  # of their ids: equal where two runs were scored on the same images


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
            by_metrics[metrics] = self._read(run, metrics)
        return by_metrics[metrics]

    def _read(self, run: Run, metrics: tuple[str, ...]) -> DrawnAP | str:
        """From the small record of a kept run, or computed."""
        try:
            record = kept_run(run.path)
        except RecordError as error:
            return str(error).replace(str(run.path), run.id)
        if record is None:
            return self._compute(run, metrics)
        if (record.resamples, record.seed) != (self.resamples, self.seed):
            return f"{run.id} keeps {record.resamples} draws of its images, of seed {record.seed}, and not its matches"
        return _drawn(run, record, metrics)

    def _compute(self, run: Run, metrics: tuple[str, ...]) -> DrawnAP | str:
        protocol = run.record.protocol
        if protocol.recall_points is None:
            return f"no resampling for the protocol {protocol.name}"
        try:
            matches = _of_metrics(run, metrics)
        except RecordError as error:
            return str(error).replace(str(run.path), run.id)
        if matches is None:
            return f"no resampling for {', '.join(metrics)}"
        ap = 100 * ap_of_draws(matches, self._weights(matches.images), protocol.recall_points, protocol.score_steps)
        recorded = run.mean_percent(metrics)
        if recorded is None or not abs(ap[0] - recorded) < FAITHFUL:
            return f"the matches of {run.id} give AP {ap[0]:.2f}, not the {recorded} of its result"
        return DrawnAP(decoded(encoded(ap[1:])), matches.images, hash_of(matches.image_ids.tolist()))

    def _weights(self, images: int) -> np.ndarray:
        """(images, 1 + R) every image once, then the draws."""
        if images not in self.weights:
            drawn = multiplicities(images, self.resamples, np.random.default_rng([self.seed, images]))
            self.weights[images] = np.concatenate([np.ones((images, 1), np.float32), drawn], 1)
        return self.weights[images]

    def to_keep(self, run: Run) -> KeptRun:
        """What was drawn of a run, and the points of its loss. Raises RecordError."""
        drawn = [_kept(names, item) for names, item in sorted(self.cache.get(run.id, {}).items())]
        return KeptRun(self.resamples, self.seed, tuple(drawn), loss_curve(RunFolder(run.path)))


def _of_metrics(run: Run, metrics: tuple[str, ...]) -> Matches | None:
    """The matches that give the mean of some metrics; None where none do. Raises RecordError."""
    folder = RunFolder(run.path)
    by_size = folder.matches_by_size.get(metrics[0]) if len(metrics) == 1 else None
    if by_size is not None:
        return load_matches(by_size) if by_size.is_file() else None  # runs had no such files before 2026-11-27
    matches = load_matches(folder.matches)
    if all(name.startswith("class:") for name in metrics):
        classes = list(run.result.per_class)
        return of_classes(matches, [classes.index(name.removeprefix("class:")) for name in metrics])
    iou = THRESHOLDS.get(metrics[0]) if len(metrics) == 1 else None
    return matches if metrics == ("AP",) else of_threshold(matches, iou) if iou else None


def _drawn(run: Run, record: KeptRun, metrics: tuple[str, ...]) -> DrawnAP | str:
    item = record.by_metrics.get(metrics)
    if item is None:
        return f"{run.id} keeps no draws of {', '.join(metrics)}"
    return item.reason or DrawnAP(decoded(item.codes), item.images, item.digest)


def _kept(metrics: tuple[str, ...], item: DrawnAP | str) -> KeptDraws:
    if isinstance(item, str):
        return KeptDraws(metrics, item, 0, "", "")
    return KeptDraws(metrics, "", item.images, item.digest, encoded(item.ap))
