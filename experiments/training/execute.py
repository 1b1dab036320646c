"""One run from nothing to `done`, inside its run folder."""

from __future__ import annotations

import time

import torch

import assigners
from detector.detector import STRIDES, Detector
from experiments.data.index import Index
from experiments.protocols.interface import Detections, Scores
from experiments.protocols.registry import PROTOCOLS
from experiments.recipes.recipe import as_read, plain, steps
from experiments.recipes.settings import settings_of
from experiments.records.schema import Priors, Result, RunRecord, SplitRecord
from experiments.runtime.console import say
from experiments.runtime.environment import environment
from experiments.runtime.errors import UserError
from experiments.training import evaluate, fairness, guards
from experiments.training.model import build_detector, head_differences, weights_record
from experiments.training.run_spec import RunSpec
from experiments.training.session import Session
from experiments.training.sheet import write_sheet
from experiments.training.train import train


def execute(session: Session) -> Result | None:
    """Trains and evaluates, from the newest checkpoint on. A finished run gives its result, and nothing is done.

    None in a process that does not write. The caller holds the folder's lock. Raises UserError, Preempted.
    """
    run, folder, world = session.run, session.folder, session.world
    if folder.is_done():
        return folder.read_result()
    if run.recipe.schedule.batch % world.size:
        raise UserError(f"{world.size} processes do not divide a batch of {run.recipe.schedule.batch} images.")
    guards.check_precision(session)
    for index in (run.train, run.val):
        guards.check_labels(index)
    guards.check_evaluation(run)
    if world.writes and (note := guards.without_objects(run.val)):
        say(note)
    model = build_detector(run.recipe, len(run.train.classes)).to(world.device, memory_format=torch.channels_last)
    if world.writes:
        guards.check_room(session, model)
        folder.tidy()
        folder.write_run(_record(session, model))
    train_seconds = train(model, session)
    begin = time.perf_counter()
    detections = evaluate.detections(model, session)
    if not world.writes:
        return None
    scores = _scored(session, detections)
    result = Result(
        metrics=scores.metrics,
        per_class=scores.per_class,
        train_seconds=train_seconds,
        eval_seconds=time.perf_counter() - begin,
        evaluator=evaluate.evaluator(run.recipe),
        priors=_priors(model, run),
    )
    folder.write_result(result)
    folder.previous.unlink(missing_ok=True)  # nothing will go back behind the end
    return result


def _scored(session: Session, detections: Detections) -> Scores:
    """Of the detections, which it keeps with their matches and their picture."""
    run, folder = session.run, session.folder
    evaluate.stored(run.val, detections).save(folder.detections)
    write_sheet(folder, run.val, detections)
    scores = evaluate.scores(run.val, detections, run.recipe)
    scores.matches.save(folder.matches)
    for path, matches in zip(folder.matches_by_size.values(), scores.by_size, strict=False):  # none, or all
        matches.save(path)
    return scores


def _priors(model: Detector, run: RunSpec) -> Priors:
    """What the assigner learned (paper, figure 5), beside the truth where the dataset knows it."""
    boxes = run.train.boxes
    x1, y1, x2, y2 = boxes.sum(0, dtype=float) / max(1, len(boxes)) / STRIDES[0]  # means, strides of the finest level
    return Priors(
        classes=run.train.classes,
        values={name: tensor.detach().cpu().tolist() for name, tensor in model.assigner.learned().items()},
        true_offsets=[list(offset) for offset in run.train.true_offsets],
        true_spreads=[list(spread) for spread in run.train.true_spreads],
        box_strides=[x2 - x1, y2 - y1],
    )


def _record(session: Session, model: Detector) -> RunRecord:
    """What run.json holds, written before the first step."""
    run = session.run
    recipe = run.recipe
    return RunRecord(
        id=run.id,
        recipe=plain(recipe),
        backbone=recipe.model.network,
        iterations=recipe.schedule.iterations,
        steps=steps(recipe.schedule),
        data={"train": _split(run.train), "val": _split(run.val)},
        environment=environment() | {"processes": session.world.size},
        head_differs=as_read(head_differences(recipe)),
        defaults=as_read({name: s.default for name, s in settings_of(assigners.get(recipe.assigner)).items()}),
        shared=fairness.shared_hashes(run, model),
        protocol=PROTOCOLS[recipe.test.protocol].record,
        weights=weights_record(recipe),
    )


def _split(index: Index) -> SplitRecord:
    return SplitRecord(digest=index.digest(), images=len(index), boxes=len(index.boxes), cleaned=index.counters)
