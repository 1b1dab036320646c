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
from detector.streams import global_stream
from experiments.conformance.memory import Bounded
from experiments.conformance.scenes import (
    CHANNELS,
    CLASSES,
    LARGE,
    NOTHING,
    Step,
    largest_difference,
    mapped,
    random_boxes,
    random_predictions,
    shuffled,
    to_objects,
    training_step,
)

CLOSE = 1e-4  # relative: float32 sums in another order
CROWDED = (random_boxes(24, 12, 140), random_boxes(8, 12, 140, seed=1))


@dataclass(frozen=True)
class Trial:
    """An assigner, and two idle processes."""

    name: str  # as assigners.get takes it
    pool: Executor

    def build(self) -> Assigner:
        return build(self.name)


def build(name: str) -> Assigner:
    """The assigner, the same initial weights every time."""
    with global_stream(0, "Assigner"):
        return assigners.build(name, CLASSES, CHANNELS)


@dataclass(frozen=True)
class Verdict:
    passed: bool
    figure: str


def fresh_step(trial: Trial, batch: Objects) -> Step:
    """One step of a fresh assigner."""
    assigner = trial.build()
    return training_step(assigner, random_predictions(assigner.spec(), batch.images), batch)


def check_finite(batch: Objects, trial: Trial) -> Verdict:
    return _finite(fresh_step(trial, batch))


def _finite(step: Step) -> Verdict:
    wrong = [name for name, x in step.numbers.items() if not x.isfinite().all() or x.dtype != torch.float32]
    return Verdict(not wrong, ", ".join(wrong) or f"loss {float(sum(step.terms.values())):.3g}")


def check_one_object(trial: Trial) -> Verdict:
    assigner, batch = trial.build(), to_objects(torch.tensor([[60.0, 70.0, 156.0, 166.0]]))
    preds = random_predictions(assigner.spec(), 1)
    positive = assigner.assign(preds.grid, batch, preds).pos > 0
    return Verdict(bool(positive.any()), f"{int(positive.sum())} priors")


def check_pairs(trial: Trial) -> Verdict:
    assigner, batch = trial.build(), to_objects(*CROWDED)
    preds = random_predictions(assigner.spec(), batch.images)
    a = assigner.assign(preds.grid, batch, preds)
    strays = int((a.loc // preds.grid.size != batch.image[a.gt]).sum())
    beyond = int((~(a.pos >= 0) | ~((a.neg >= 0) & (a.neg <= 1))).sum())
    return Verdict(strays + beyond == 0, f"{len(a.loc)} pairs, {strays} across images, {beyond} weights out of range")


def check_positives(trial: Trial) -> Verdict:
    assigner, batch = trial.build(), to_objects(*CROWDED)
    preds = random_predictions(assigner.spec(), batch.images)
    a, step = assigner.assign(preds.grid, batch, preds), training_step(assigner, preds, batch)
    pull = step.outputs["logits"][a.loc, batch.labels[a.gt]][a.pos > 0].sum()
    box = step.outputs["deltas"][a.loc[a.pos > 0]].abs().sum()
    return Verdict(bool((pull < 0) & (box > 0)), f"class {pull:.2g}, should be < 0; boxes {box:.2g}, should be > 0")


def check_background(trial: Trial) -> Verdict:
    assigner, batch = trial.build(), to_objects(*CROWDED)
    preds = random_predictions(assigner.spec(), batch.images)
    a, step = assigner.assign(preds.grid, batch, preds), training_step(assigner, preds, batch)
    free = torch.ones(len(preds.logits), dtype=torch.bool).index_fill(0, a.loc, False)
    push, box = step.outputs["logits"][free], step.outputs["deltas"][free].abs().sum()
    good = bool((push >= 0).all() & (push.sum() > 0) & (box == 0))
    return Verdict(good, f"class {push.min():.2g} .. {push.max():.2g}, should be >= 0; boxes {box:.2g}, should be 0")


def check_every_branch(trial: Trial) -> Verdict:
    batches = (to_objects(*CROWDED), to_objects(NOTHING, NOTHING))
    absent = [name for batch in batches for name in fresh_step(trial, batch).absent]
    return Verdict(not absent, f"not in the loss: {', '.join(absent) or 'none'}")


def check_crowd(trial: Trial) -> Verdict:
    region = torch.tensor([[10.0, 10.0, 200.0, 240.0]])
    assigner, batch = trial.build(), to_objects(*CROWDED, crowd=region)  # objects in and beside it
    preds = random_predictions(assigner.spec(), batch.images)
    a = assigner.assign(preds.grid, batch, preds)
    of_objects = a.loc[(a.pos > 0) | (a.neg < 1)]
    loc, _ = inside(preds.grid, batch.ignore, batch.ignore_image)
    within = torch.zeros(len(preds.logits), dtype=torch.bool).index_fill(0, loc, True).index_fill(0, of_objects, False)
    touched = int(training_step(assigner, preds, batch).outputs["logits"][within].ne(0).any(1).sum())
    return Verdict(touched == 0, f"{touched} of {int(within.sum())} priors of the region alone")


def check_order(trial: Trial) -> Verdict:
    batch = to_objects(*CROWDED)
    worst, name = largest_difference(fresh_step(trial, shuffled(batch)).numbers, fresh_step(trial, batch).numbers)
    return Verdict(worst <= CLOSE, f"{name} differs by {worst:.1g}")


def check_determinism(trial: Trial) -> Verdict:
    assigner, batch = trial.build(), to_objects(*CROWDED)
    runs = [
        training_step(copy.deepcopy(assigner), random_predictions(assigner.spec(), 2), batch).numbers for _ in range(2)
    ]
    wrong = [name for name, x in runs[0].items() if not torch.equal(x, runs[1][name])]
    return Verdict(not wrong, ", ".join(wrong) or "equal bit for bit")


def check_bf16(trial: Trial) -> Verdict:
    assigner = trial.build()
    preds = random_predictions(assigner.spec(), len(CROWDED))
    rounded = mapped(preds, lambda x: (30 * x).bfloat16().float())
    return _finite(training_step(assigner, rounded, to_objects(*CROWDED)))


def check_memory(trial: Trial) -> Verdict:
    assigner, batch = trial.build(), to_objects(random_boxes(2000, 6, 60, LARGE))
    preds = random_predictions(assigner.spec(), 1, LARGE)
    with Bounded(preds.grid.size * len(batch.boxes)) as memory:
        training_step(assigner, preds, batch)
    return Verdict(True, f"{memory.peak / 2**20:.0f} MiB of {memory.limit / 2**20:.0f}")


def check_processes(trial: Trial) -> Verdict:
    alone = fresh_step(trial, to_objects(CROWDED[0], NOTHING))
    with TemporaryDirectory() as folder:
        store = (Path(folder) / "store").as_uri()
        first, second = trial.pool.map(step_of_a_process, [trial.name] * 2, [store] * 2, range(2))
    averaged = Step(
        {name: (x + second.terms[name]) / 2 for name, x in first.terms.items()},
        {name: torch.cat((x, second.outputs[name])) / 2 for name, x in first.outputs.items()},
        {name: (x + second.parameters[name]) / 2 for name, x in first.parameters.items()},
        [],
        {name: torch.stack((x, second.buffers[name])) for name, x in first.buffers.items()},  # each must be the one
    )
    found, expected = (s.numbers | {f"buffer {name}": x for name, x in s.buffers.items()} for s in (averaged, alone))
    worst, name = largest_difference(found, expected)
    return Verdict(worst <= CLOSE, f"{name} differs by {worst:.1g}")


def step_of_a_process(name: str, store: str, rank: int) -> Step:
    """The step of one of two processes, each with one image; the second has no object."""
    distributed.init_process_group("gloo", store, rank=rank, world_size=2, timeout=timedelta(seconds=60))
    try:
        assigner = build(name)
        both = random_predictions(assigner.spec(), 2)
        rows = slice(rank * both.grid.size, (rank + 1) * both.grid.size)
        pyramid = tuple(feature[rank : rank + 1] for feature in both.pyramid)
        preds = replace(mapped(both, lambda x: x[rows]), images=1, pyramid=pyramid)
        return training_step(assigner, preds, to_objects((CROWDED[0], NOTHING)[rank]))
    finally:
        distributed.destroy_process_group()
