"""The training loop. It knows no assigner."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch
from torch import nn

from detector.detector import Detector
from experiments.data.loader import Batch, train_loader
from experiments.recipes.recipe import steps
from experiments.runtime.errors import UserError
from experiments.runtime.heap import keep_memory
from experiments.runtime.signals import Preempted
from experiments.training import checkpoint, guards
from experiments.training.average import Average
from experiments.training.checkpoint import Spent
from experiments.training.curve import curve_steps, measure_point
from experiments.training.log import Log
from experiments.training.schedule import learning_rate, make_optimizer, set_rate
from experiments.training.session import Session
from experiments.training.step import StepNumbers, backward, read

LOG_EVERY = 20  # steps between two looks at the clock


def train(model: Detector, session: Session) -> float:
    """Trains `model` in place from the newest checkpoint on. Returns the seconds of training, over all sessions.

    Raises UserError when a loss or gradient is not finite, an image does not decode or memory is short; Preempted,
    after a checkpoint, when a stop is asked for.
    """
    keep_memory()
    recipe, world, schedule = session.run.recipe, session.world, session.run.recipe.schedule
    total, optimizer = steps(schedule), make_optimizer(model, recipe.optimizer, model.assigner.priors())
    average = Average(model, schedule.average)
    spent = checkpoint.load(session.folder, model, optimizer, world.device, average)
    measured_at = curve_steps(schedule)
    log = Log(session, total, spent.step)
    todo = range(spent.step, total)
    loader = train_loader(session.run.train, recipe.data, schedule.batch, recipe.seed, todo, world.rank, world.size)
    net, begin = world.wrap(model), time.perf_counter() - spent.seconds
    try:
        for step, batch in enumerate(_waited(loader, log), spent.step):
            if step in measured_at:
                begin += log.excused(measure_point, average.evaluated, session, step)
            lr = learning_rate(recipe, step)
            set_rate(optimizer, lr)
            numbers = _gradients(net, batch, session, step, lr)
            optimizer.step()
            average.update()
            log.add(step + 1, lr, numbers.means, batch.bad)
            due = (step + 1) % schedule.checkpoint_every == 0 or step + 1 in measured_at
            saves = numbers.halted or due or step + 1 == total
            if saves or (step + 1) % LOG_EVERY == 0:
                log.write()
            if step + 1 == total:
                average.finish()
            if saves and world.writes:
                _save(session, optimizer, average, Spent(step + 1, time.perf_counter() - begin))
            if numbers.halted and step + 1 < total:
                raise Preempted(f"Stopped after step {step + 1} of {total}. Run the same command to resume.")
    finally:
        log.close()
    return time.perf_counter() - begin


def _save(session: Session, optimizer: torch.optim.Optimizer, average: Average, spent: Spent) -> None:
    model = average.trained
    if spent.step == steps(session.run.recipe.schedule):
        checkpoint.save_end(session.folder, model, spent)
    else:
        checkpoint.save(session.folder, model, optimizer, spent, average)


def _gradients(net: nn.Module, batch: Batch, session: Session, step: int, lr: float) -> StepNumbers:
    """Finite gradients of one batch, clipped, and the step's numbers. Raises UserError where they are not finite."""
    recipe, world = session.run.recipe, session.world
    try:
        figures = backward(net, batch, recipe.schedule, step / steps(recipe.schedule), world.device)
    except torch.OutOfMemoryError:
        raise guards.out_of_memory(batch, session.run.train, step + 1) from None
    norm = nn.utils.clip_grad_norm_(net.parameters(), recipe.optimizer.clip or math.inf)
    numbers = read(figures, norm, session.stop.requested, world)
    if numbers.broken:
        model = net.module if world.size > 1 else net
        guards.keep_broken(session, model, batch, numbers.figures, step + 1, lr)
    if numbers.anywhere:
        names = ", ".join(numbers.broken) or "numbers of another process"
        raise UserError(
            f"Step {step + 1}: not finite: {names}. The weights are as "
            f"before it. python experiments/replay.py {session.folder.broken} shows the image; lower optimizer.lr to "
            "resume."
        )
    return numbers


def _waited(loader: Iterator[Batch], log: Log) -> Iterator[Batch]:
    """The batches; the log learns how long each was waited for."""
    while True:
        begin = time.perf_counter()
        batch = next(loader, None)
        if batch is None:
            return
        log.waited += time.perf_counter() - begin
        yield batch
