"""The training loop. It knows no assigner."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn

from assigners.interface import Objects
from experiments import checkpoint
from experiments.cell import Cell
from experiments.data.loader import Batch, train_loader
from experiments.errors import UserError
from experiments.progress import Progress
from experiments.recipe import Recipe, steps
from experiments.records import RunFolder
from experiments.schedule import learning_rate, optimizer

LOG_EVERY = 20  # steps; the only place where the host waits for the device


def train(model: nn.Module, cell: Cell, folder: RunFolder, device: torch.device, resume: bool) -> float:
    """Trains `model` in place, writing metrics and checkpoints. Returns the seconds this took.

    Raises UserError when a loss is not finite or an image does not decode.
    """
    recipe = cell.recipe
    total, opt = steps(recipe.schedule), optimizer(model, recipe.optimizer)
    start = checkpoint.load(folder.checkpoint, model, opt, device) if resume and folder.checkpoint.is_file() else 0
    folder.truncate_metrics(start)
    loader = train_loader(cell.train, recipe.data, recipe.schedule.batch, recipe.seed, start, total)
    log = _Log(folder, total, start, f"{recipe.assigner} on {recipe.dataset}", recipe.schedule.batch)
    begin = time.perf_counter()
    try:
        for step, batch in enumerate(_waited(loader, log), start):
            for group in opt.param_groups:
                group["lr"] = learning_rate(recipe, step)
            log.add(_step(model, opt, batch, recipe, step / total, device), batch.bad)
            if (step + 1) % LOG_EVERY == 0 or step + 1 == total:
                log.write(step + 1, opt.param_groups[0]["lr"])
            if (step + 1) % recipe.schedule.checkpoint_every == 0 or step + 1 == total:
                checkpoint.save(folder.checkpoint, model, opt, step + 1)
    finally:
        log.progress.close()
    return time.perf_counter() - begin


def _step(model, opt, batch: Batch, recipe: Recipe, progress: float, device: torch.device) -> dict[str, Tensor]:
    """One optimiser step over all parts of a batch; the mean of the parts' loss terms and the sum of their counts."""
    parts, found = recipe.schedule.accumulate, {}
    opt.zero_grad(set_to_none=True)
    for images, objects in _parts(batch, parts, device):
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.schedule.bf16):
            terms, counts = model(images, objects, progress)
        loss = sum(terms.values()) / parts
        loss.backward()
        shown = {name: term.detach() / parts for name, term in terms.items()} | counts | {"loss": loss.detach()}
        found = {name: found.get(name, 0) + value for name, value in shown.items()}
    if recipe.optimizer.clip:
        nn.utils.clip_grad_norm_(model.parameters(), recipe.optimizer.clip)
    opt.step()
    return found


def _parts(batch: Batch, parts: int, device: torch.device) -> Iterator[tuple[Tensor, Objects]]:
    """The batch cut into `parts` runs of images, on the device."""
    o, size = batch.objects, math.ceil(len(batch.images) / parts)
    for first in range(0, len(batch.images), size):
        images = batch.images[first : first + size]
        mine = (o.image >= first) & (o.image < first + size)
        regions = (o.ignore_image >= first) & (o.ignore_image < first + size)
        part = Objects(
            o.boxes[mine],
            o.labels[mine],
            o.image[mine] - first,
            o.ignore[regions],
            o.ignore_image[regions] - first,
            len(images),
        )
        yield images.to(device, non_blocking=True), to(part, device)


def to(objects: Objects, device: torch.device) -> Objects:
    """The objects on a device."""
    tensors = {name: value.to(device, non_blocking=True) for name, value in vars(objects).items() if name != "images"}
    return replace(objects, **tensors)


def _waited(loader, log: _Log) -> Iterator[Batch]:
    """The batches, with the time spent waiting for each told to the log."""
    batches = iter(loader)
    while True:
        begin = time.perf_counter()
        batch = next(batches, None)
        if batch is None:
            return
        log.waited += time.perf_counter() - begin
        yield batch


class _Log:
    """Figures since the last line, kept on the device until the line is written."""

    def __init__(self, folder: RunFolder, total: int, start: int, name: str, batch: int):
        self.folder, self.total, self.batch, self.since = folder, total, batch, start
        self.progress = Progress(total, start, name, every=5 * LOG_EVERY)
        self.rows: list[dict[str, Tensor]] = []
        self.waited, self.bad, self.begin = 0.0, 0, time.perf_counter()

    def add(self, figures: dict[str, Tensor], bad: int) -> None:
        self.rows.append(figures)
        self.bad += bad

    def write(self, step: int, lr: float) -> None:
        """Means since the last line, into metrics.jsonl and the progress. UserError where one is not finite."""
        names = list(self.rows[0])
        table = torch.stack([torch.stack([row[name].float() for name in names]) for row in self.rows])
        figures = dict(zip(names, table.mean(0).tolist(), strict=True))
        elapsed = time.perf_counter() - self.begin
        rate = len(self.rows) / elapsed
        row = {"step": step, "lr": lr, **figures, "images_per_s": rate * self.batch, "wait": self.waited / elapsed}
        self.folder.append(row | {"bad_images": self.bad})
        broken = [name for name, value in figures.items() if not math.isfinite(value)]
        if broken:
            raise UserError(f"The loss is not finite ({', '.join(broken)}) before step {step}: lower optimizer.lr.")
        self.progress.show(
            step, figures | {"img/s": row["images_per_s"], "wait": row["wait"]}, (self.total - step) / rate
        )
        self.rows, self.waited, self.begin = [], 0.0, time.perf_counter()
