"""What each check does. What it proves is in suite.py."""

from __future__ import annotations

import copy
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import distributed

import assigners
from assigners.assigner import Assigner
from assigners.interface import Objects
from assigners.pairs import inside
from experiments.conformance.memory import Bounded
from experiments.conformance.scenes import (
    CLASSES,
    LARGE,
    NOTHING,
    Step,
    difference,
    faces,
    mapped,
    objects,
    predictions,
    shuffled,
    step,
)

CLOSE = 1e-4  # relative: float32 sums in another order
FACES = (faces(24, 12, 140), faces(8, 12, 140, seed=1))


@dataclass(frozen=True)
class Trial:
    """An assigner, and two idle processes."""

    name: str  # as assigners.get takes it
    pool: Executor

    def build(self) -> Assigner:
        return assigners.build(self.name, CLASSES)


@dataclass(frozen=True)
class Finding:
    passed: bool
    figure: str


def on(trial: Trial, batch: Objects) -> Step:
    """One step of a fresh assigner."""
    assigner = trial.build()
    return step(assigner, predictions(assigner.spec(), batch.images), batch)


def finite(batch: Objects, trial: Trial) -> Finding:
    return _finite(on(trial, batch))


def _finite(found: Step) -> Finding:
    wrong = [name for name, x in found.numbers.items() if not x.isfinite().all() or x.dtype != torch.float32]
    return Finding(not wrong, ", ".join(wrong) or f"loss {float(sum(found.terms.values())):.3g}")


def served(trial: Trial) -> Finding:
    assigner, batch = trial.build(), objects(torch.tensor([[60.0, 70.0, 156.0, 166.0]]))
    preds = predictions(assigner.spec(), 1)
    found = assigner.assign(preds.grid, batch, preds)
    return Finding(bool((found.pos > 0).any()), f"{int((found.pos > 0).sum())} priors")


def pairs(trial: Trial) -> Finding:
    assigner, batch = trial.build(), objects(*FACES)
    preds = predictions(assigner.spec(), batch.images)
    a = assigner.assign(preds.grid, batch, preds)
    strays = int((a.loc // preds.grid.size != batch.image[a.gt]).sum())
    beyond = int((~(a.pos >= 0) | ~((a.neg >= 0) & (a.neg <= 1))).sum())
    return Finding(strays + beyond == 0, f"{len(a.loc)} pairs, {strays} across images, {beyond} weights out of range")


def positives(trial: Trial) -> Finding:
    assigner, batch = trial.build(), objects(*FACES)
    preds = predictions(assigner.spec(), batch.images)
    a, found = assigner.assign(preds.grid, batch, preds), step(assigner, preds, batch)
    pull = found.outputs["logits"][a.loc, batch.labels[a.gt]][a.pos > 0].sum()
    box = found.outputs["deltas"][a.loc[a.pos > 0]].abs().sum()
    return Finding(bool((pull < 0) & (box > 0)), f"class {pull:.2g}, should be < 0; boxes {box:.2g}, should be > 0")


def background(trial: Trial) -> Finding:
    assigner, batch = trial.build(), objects(*FACES)
    preds = predictions(assigner.spec(), batch.images)
    a, found = assigner.assign(preds.grid, batch, preds), step(assigner, preds, batch)
    free = torch.ones(len(preds.logits), dtype=torch.bool).index_fill(0, a.loc, False)
    push, box = found.outputs["logits"][free], found.outputs["deltas"][free].abs().sum()
    good = bool((push >= 0).all() & (push.sum() > 0) & (box == 0))
    return Finding(good, f"class {push.min():.2g} .. {push.max():.2g}, should be >= 0; boxes {box:.2g}, should be 0")


def whole(trial: Trial) -> Finding:
    absent = [name for images in (FACES, (NOTHING, NOTHING)) for name in on(trial, objects(*images)).absent]
    return Finding(not absent, f"without a part: {', '.join(absent) or 'none'}")


def crowd(trial: Trial) -> Finding:
    region = torch.tensor([[10.0, 10.0, 200.0, 240.0]])
    assigner, batch = trial.build(), objects(FACES[0], NOTHING, crowd=region)
    preds = predictions(assigner.spec(), batch.images)
    within, _ = inside(preds.grid, batch.ignore, batch.ignore_image)
    touched = int(step(assigner, preds, batch).outputs["logits"][within].ne(0).any(1).sum())
    return Finding(touched == 0, f"{touched} of {len(within)} priors in the region")


def order(trial: Trial) -> Finding:
    batch = objects(*FACES)
    worst, name = difference(on(trial, shuffled(batch)).numbers, on(trial, batch).numbers)
    return Finding(worst <= CLOSE, f"{name} differs by {worst:.1g}")


def determinism(trial: Trial) -> Finding:
    assigner, batch = trial.build(), objects(*FACES)
    runs = [step(copy.deepcopy(assigner), predictions(assigner.spec(), 2), batch).numbers for _ in range(2)]
    wrong = [name for name, x in runs[0].items() if not torch.equal(x, runs[1][name])]
    return Finding(not wrong, ", ".join(wrong) or "equal bit for bit")


def bf16(trial: Trial) -> Finding:
    assigner = trial.build()
    preds = predictions(assigner.spec(), len(FACES))
    return _finite(step(assigner, mapped(preds, lambda x: (30 * x).bfloat16().float()), objects(*FACES)))


def memory(trial: Trial) -> Finding:
    assigner, batch = trial.build(), objects(faces(2000, 6, 60, LARGE))
    preds = predictions(assigner.spec(), 1, LARGE)
    with Bounded(preds.grid.size * len(batch.boxes)) as seen:
        step(assigner, preds, batch)
    return Finding(True, f"{seen.peak / 2**20:.0f} MiB of {seen.limit / 2**20:.0f}")


def processes(trial: Trial) -> Finding:
    alone = on(trial, objects(FACES[0], NOTHING))
    with TemporaryDirectory() as folder:
        store = (Path(folder) / "store").as_uri()
        first, second = trial.pool.map(process, [trial.name] * 2, [store] * 2, range(2))
    averaged = Step(
        {name: (x + second.terms[name]) / 2 for name, x in first.terms.items()},
        {name: torch.cat((x, second.outputs[name])) / 2 for name, x in first.outputs.items()},
        {name: (x + second.parameters[name]) / 2 for name, x in first.parameters.items()},
        [],
    )
    worst, name = difference(averaged.numbers, alone.numbers)
    return Finding(worst <= CLOSE, f"{name} differs by {worst:.1g}")


def process(name: str, store: str, rank: int) -> Step:
    """The step of one of two processes, each with one image; the second has no object."""
    distributed.init_process_group("gloo", store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    try:
        assigner = assigners.build(name, CLASSES)
        both = predictions(assigner.spec(), 2)
        mine = slice(rank * both.grid.size, (rank + 1) * both.grid.size)
        return step(assigner, replace(mapped(both, lambda x: x[mine]), images=1), objects((FACES[0], NOTHING)[rank]))
    finally:
        distributed.destroy_process_group()
