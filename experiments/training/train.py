"""The training loop. It knows no assigner."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch
from torch import nn

from experiments.data.loader import Batch, train_loader
from experiments.recipes.recipe import steps
from experiments.records.run_folder import RunFolder
from experiments.runtime.errors import UserError
from experiments.runtime.processes import World
from experiments.runtime.signals import Preempted, Stop
from experiments.training import checkpoint, curve, guards
from experiments.training.checkpoint import Spent
from experiments.training.log import Log
from experiments.training.run_spec import Cell
from experiments.training.schedule import learning_rate, optimizer
from experiments.training.step import backward

LOG_EVERY = 20  # steps between two looks at the clock


def train(model: nn.Module, cell: Cell, folder: RunFolder, world: World, stop: Stop) -> float:
    """Trains `model` in place from the newest checkpoint on. Returns the seconds of training, over all sessions.

    Raises UserError when a loss or gradient is not finite, an image does not decode or memory is short; Preempted,
    after a checkpoint, when `stop` asks for it.
    """
    recipe, index = cell.recipe, cell.train
    total, opt = steps(recipe.schedule), optimizer(model, recipe.optimizer)
    spent = checkpoint.load(folder, model, opt, world.device)
    marks = curve.marks(recipe.schedule)
    log = Log(folder, total, spent.step, f"{recipe.assigner} on {recipe.dataset}", recipe.schedule.batch, world)
    loader = train_loader(index, recipe, spent.step, total, world.rank, world.size)
    net, begin = world.wrap(model), time.perf_counter() - spent.seconds
    try:
        for step, batch in enumerate(_waited(loader, log), spent.step):
            if step in marks:
                begin += log.excused(curve.measure, model, cell, folder, world, stop, step)
            lr = learning_rate(recipe, step)
            for group in opt.param_groups:
                group["lr"] = lr
            figures, halted = _step(net, batch, cell, folder, world, stop, step, lr)
            opt.step()
            log.add(step + 1, lr, figures, batch.bad)
            due = (step + 1) % recipe.schedule.checkpoint_every == 0 or step + 1 in marks
            saves = halted or due or step + 1 == total
            if saves or (step + 1) % LOG_EVERY == 0:
                log.write()
            if saves and world.writes:
                checkpoint.save(folder, model, opt, Spent(step + 1, time.perf_counter() - begin))
            if halted and step + 1 < total:
                raise Preempted(f"Stopped after step {step + 1} of {total}; the same line goes on from there.")
    finally:
        log.close()
    return time.perf_counter() - begin


def _step(net, batch: Batch, cell: Cell, folder: RunFolder, world: World, stop: Stop, step: int, lr: float):
    """Finite gradients of one batch, clipped; its figures; and whether any process was asked to stop.

    The one place of a step where the host waits for the device: a bad number must not reach the weights.
    """
    recipe = cell.recipe
    try:
        figures = backward(net, batch, recipe.schedule, step / steps(recipe.schedule), world.device)
    except torch.OutOfMemoryError:
        raise guards.out_of_memory(batch, cell.train, step + 1) from None
    norm = nn.utils.clip_grad_norm_(net.parameters(), recipe.optimizer.clip or math.inf)
    broken = guards.finite(figures, norm)
    asked = world.mean(torch.tensor([float(stop.requested), float(bool(broken))], device=world.device))
    halted, anywhere = (asked > 0).tolist()
    if broken:
        model = net.module if world.size > 1 else net
        guards.keep(folder, model, batch, cell.train, figures, step + 1, lr)
    if anywhere:
        raise UserError(
            f"Step {step + 1}: not finite: {', '.join(broken) or 'numbers of another process'}. The weights are as "
            f"before it. python experiments/replay.py {folder.broken} shows the image; lower optimizer.lr to go on."
        )
    return figures, halted


def _waited(loader: Iterator[Batch], log: Log) -> Iterator[Batch]:
    """The batches, with the time spent waiting for each told to the log."""
    while True:
        begin = time.perf_counter()
        batch = next(loader, None)
        if batch is None:
            return
        log.waited += time.perf_counter() - begin
        yield batch
