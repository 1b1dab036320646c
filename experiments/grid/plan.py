"""What is about to happen, before it does: runs, device hours, disk, and what is missing."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from detector.weights import SETS, weights_url
from experiments.grid.entries import TableEntry
from experiments.grid.states import State
from experiments.recipes.recipe import IMAGES, Recipe, steps
from experiments.records.files import RecordError
from experiments.records.run_folder import RunFolder, runs_in
from experiments.runtime.console import clock
from experiments.training.guards import DETECTION_BYTES
from experiments.training.model import build_detector, state_bytes, weight_bytes

Kind = tuple[str, str, tuple[int, ...]]  # dataset, backbone, shorter sides: what the speed depends on most


@dataclass(frozen=True)
class Pace:
    """Of finished runs."""

    images_per_s: float  # training
    eval_s: float


@dataclass
class Paces:
    """Medians of finished runs, of each kind; a run is read once, when it has finished."""

    rates: dict[Kind, list[float]] = field(default_factory=dict)  # images/s in training, ascending
    evaluations: dict[Kind, list[float]] = field(default_factory=dict)  # s, ascending

    def add(self, folder: RunFolder) -> None:
        """A finished run. One that cannot be read measures nothing; the analysis names it."""
        with suppress(RecordError, KeyError, TypeError):
            record, result = folder.read_run(), folder.read_result()
            kind = (record.dataset, record.backbone, tuple(record.recipe["data"]["short"]))
            if result.train_seconds:
                insort(self.rates.setdefault(kind, []), IMAGES * record.iterations / result.train_seconds)
                insort(self.evaluations.setdefault(kind, []), result.eval_seconds)

    def of(self, recipe: Recipe) -> Pace | None:
        """None where no run of its kind has finished."""
        kind = (recipe.dataset, recipe.model.network, recipe.data.short)
        if kind not in self.rates:
            return None
        return Pace(_median(self.rates[kind]), _median(self.evaluations[kind]))


def measured_paces(runs: Path) -> Paces:
    """Of all finished runs in a folder."""
    paces = Paces()
    for folder in runs_in(runs) if runs.is_dir() else []:
        if folder.is_done():
            paces.add(folder)
    return paces


def _median(ascending: list[float]) -> float:
    """statistics.median sorts first."""
    middle = len(ascending) // 2
    return (ascending[middle] + ascending[~middle]) / 2


def remaining_seconds(recipe: Recipe, state: State, paces: Paces) -> float | None:
    """Of a run; None where nothing like it has been measured."""
    pace = paces.of(recipe)
    rate = pace.images_per_s if pace else state.images_per_s
    if not rate:
        return None
    total = steps(recipe.schedule)
    remaining = total - state.step
    evaluations = max(1, round(recipe.schedule.evaluations * remaining / total))
    return remaining * recipe.schedule.batch / rate + (evaluations * pace.eval_s if pace else 0.0)


def disk_bytes(entries: Iterable[TableEntry], side_by_side: int) -> int:
    """Weights and detections of each run, and the two more checkpoints of a run under way."""
    sizes: dict[tuple, tuple[int, int]] = {}
    total = 0
    for entry in entries:
        r = entry.recipe
        kind = (r.assigner, r.model, entry.classes, r.optimizer.kind, r.schedule.average > 0)
        if kind not in sizes:
            sizes[kind] = _checkpoint_bytes(entry)
        total += sizes[kind][0] + entry.images * entry.recipe.test.detections * DETECTION_BYTES // 2
    return total + 2 * side_by_side * max((under_way for _, under_way in sizes.values()), default=0)


def _checkpoint_bytes(entry: TableEntry) -> tuple[int, int]:
    """At the end of a run, and on its way."""
    recipe = replace(entry.recipe, model=replace(entry.recipe.model, weights="none"))
    with torch.device("meta"):
        model = build_detector(recipe, entry.classes)
        return weight_bytes(model), state_bytes(recipe, model)


def _missing(entries: list[TableEntry]) -> list[str]:
    """What keeps runs from starting, and weights that are not there yet."""
    reasons = Counter(entry.reason for entry in entries if entry.reason)
    lines = [f"{count} runs cannot start: {reason}" for reason, count in reasons.items()]
    models = [entry.recipe.model for entry in entries if entry.id]
    wanted = {(model.backbone, model.weights) for model in models if model.weights in SETS}
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    names = sorted(weights_url(*pair).rpartition("/")[2] for pair in wanted)
    return lines + [f"weights to fetch: {name}, not in {folder}" for name in names if not (folder / name).is_file()]


def plan_lines(
    entries: list[TableEntry], states: dict[str, State], paces: Paces, side_by_side: int, devices: int
) -> list[str]:
    """The plan, for a person. devices: of a run."""
    unique = {entry.id: entry for entry in entries if entry.id}
    kinds = Counter(states[name].kind for name in unique)
    todo = {name: entry for name, entry in unique.items() if states[name].kind not in ("done", "running")}
    times = [remaining_seconds(entry.recipe, states[name], paces) for name, entry in todo.items()]
    reused = sum(bool(entry.id) for entry in entries) - len(unique)
    lines = [
        f"{len(unique)} runs ({reused} further table entries reuse one of them): {kinds['done']} done, "
        f"{kinds['running']} running, {len(todo)} to do"
        + (f", {kinds['failed']} of them failed before" if kinds["failed"] else "")
    ]
    if todo:
        lines.append(_time([t for t in times if t is not None], len(times), side_by_side, devices))
        lines.append(f"disk: {disk_bytes(todo.values(), side_by_side) / 2**30:.1f} GiB")
    return lines + _missing(entries)


def _time(measured: list[float], runs: int, side_by_side: int, devices: int) -> str:
    if not measured:
        return "device hours: unknown until one such run has finished"
    hours, wall = sum(measured) * devices / 3600, max(max(measured), sum(measured) / side_by_side)
    unknown = f", and {runs - len(measured)} runs of unknown length" if runs > len(measured) else ""
    return f"device hours: {hours:.2f}{unknown}; {clock(wall)} with {side_by_side} side by side, as measured"
