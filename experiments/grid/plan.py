"""What is about to happen, before it does: cells, device hours, disk, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import torch
from torchvision.models import get_model_weights

from experiments.grid.entries import Spot
from experiments.grid.states import State
from experiments.recipes.recipe import Recipe, steps
from experiments.records.run_folder import RecordError, runs_in
from experiments.runtime.console import clock
from experiments.training.guards import DETECTION_BYTES, MOMENTS
from experiments.training.run_spec import detector

Kind = tuple[str, str, tuple[int, ...]]  # data set, backbone, shorter sides: what the speed depends on most


@dataclass(frozen=True)
class Pace:
    """Of finished runs."""

    images_per_s: float  # training
    eval_s: float


def paces(runs: Path) -> dict[Kind, Pace]:
    """Medians of the finished runs in a folder."""
    found: dict[Kind, list[Pace]] = {}
    for folder in runs_in(runs) if runs.is_dir() else []:
        try:
            record, done = folder.read_run()["recipe"], folder.read_done() if folder.is_done() else {}
            kind = (record["dataset"], record["model"]["backbone"], tuple(record["data"]["short"]))
            seconds = done.get("train_seconds")
            if seconds:
                images = 16 * record["schedule"]["iterations"]
                found.setdefault(kind, []).append(Pace(images / seconds, done["eval_seconds"]))
        except (RecordError, KeyError, TypeError):
            continue  # a record that cannot be read measures nothing; the analysis names it
    return {k: Pace(median(p.images_per_s for p in v), median(p.eval_s for p in v)) for k, v in found.items()}


def seconds(recipe: Recipe, state: State, known: dict[Kind, Pace]) -> float | None:
    """Of the rest of a cell; None where nothing like it has been measured."""
    pace = known.get((recipe.dataset, recipe.model.backbone, recipe.data.short))
    rate = pace.images_per_s if pace else state.images_per_s
    if not rate:
        return None
    left, total = steps(recipe.schedule) - state.step, steps(recipe.schedule)
    evaluations = max(1, round(recipe.schedule.evaluations * left / total))
    return left * recipe.schedule.batch / rate + (evaluations * pace.eval_s if pace else 0.0)


def disk(spots: Iterable[Spot], side_by_side: int) -> int:
    """Bytes of a checkpoint and the detections of each run, and of the two more checkpoints of a run under way."""
    sizes: dict[tuple, int] = {}
    total = 0
    for spot in spots:
        kind = (spot.recipe.assigner, spot.recipe.model, spot.classes, spot.recipe.optimizer.kind)
        if kind not in sizes:
            sizes[kind] = _checkpoint(spot)
        total += sizes[kind] + spot.images * spot.recipe.test.detections * DETECTION_BYTES // 2
    return total + 2 * side_by_side * max(sizes.values(), default=0)


def _checkpoint(spot: Spot) -> int:
    recipe = replace(spot.recipe, model=replace(spot.recipe.model, weights="none"))
    with torch.device("meta"):
        model = detector(recipe, spot.classes)
    state = sum(t.numel() * t.element_size() for t in model.state_dict().values())
    learned = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    return state + MOMENTS[recipe.optimizer.kind] * learned


def missing(spots: list[Spot]) -> list[str]:
    """What keeps runs from starting, and weights that are yet to be fetched."""
    reasons = Counter(spot.reason for spot in spots if spot.reason)
    told = [f"{count} runs cannot start: {reason}" for reason, count in reasons.items()]
    wanted = {spot.recipe.model.backbone for spot in spots if spot.id and spot.recipe.model.weights == "imagenet"}
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    names = sorted(get_model_weights(name).IMAGENET1K_V1.url.rpartition("/")[2] for name in wanted)
    return told + [f"to be fetched: {name}, not in {folder}" for name in names if not (folder / name).is_file()]


def lines(spots: list[Spot], states: dict[str, State], runs: Path, side_by_side: int, devices: int) -> list[str]:
    """The plan, for a person. devices: of a cell."""
    unique = {spot.id: spot for spot in spots if spot.id}
    kinds = Counter(states[name].kind for name in unique)
    left = {name: spot for name, spot in unique.items() if states[name].kind not in ("done", "running")}
    known = paces(runs)
    times = [seconds(spot.recipe, states[name], known) for name, spot in left.items()]
    sure = [t for t in times if t is not None]
    shared = sum(bool(spot.id) for spot in spots) - len(unique)
    told = [
        f"{len(unique)} cells ({shared} more places share one): {kinds['done']} done, {kinds['running']} running, "
        f"{len(left)} left" + (f", {kinds['failed']} of them failed before" if kinds["failed"] else "")
    ]
    if left:
        told.append(_time(sure, len(times), side_by_side, devices))
        told.append(f"disk: {disk(left.values(), side_by_side) / 2**30:.1f} GiB")
    return told + missing(spots)


def _time(sure: list[float], cells: int, side_by_side: int, devices: int) -> str:
    if not sure:
        return "device hours: unknown, no run of this kind is finished yet"
    hours, wall = sum(sure) * devices / 3600, max(max(sure), sum(sure) / side_by_side)
    unknown = f", and {cells - len(sure)} cells of unknown length" if cells > len(sure) else ""
    return f"device hours: {hours:.2f}{unknown}; {clock(wall)} with {side_by_side} side by side, as measured"
