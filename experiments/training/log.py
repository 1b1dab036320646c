"""The figures of every step: kept on the device, written some steps at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from experiments.records.run_folder import RunFolder
from experiments.runtime.console import Progress
from experiments.runtime.processes import World

SHOWN_EVERY = 100  # steps, where there is no terminal


class Log:
    """One row a step into `metrics.jsonl`, its mean since the last time onto the screen."""

    def __init__(self, folder: RunFolder, total: int, start: int, name: str, batch: int, world: World):
        self.folder, self.total, self.batch, self.world = folder, total, batch, world
        self.progress = Progress(total, start, name, every=SHOWN_EVERY, silent=not world.writes)
        self.steps: list[dict[str, float]] = []  # step, lr, bad_images
        self.figures: list[dict[str, Tensor]] = []
        self.waited, self.begin = 0.0, time.perf_counter()
        if world.writes:
            folder.truncate_metrics(start)

    def add(self, step: int, lr: float, figures: dict[str, Tensor], bad: int) -> None:
        """`step` steps are done."""
        self.steps.append({"step": step, "lr": lr, "bad_images": bad})
        self.figures.append(figures)

    def write(self) -> None:
        """The rows since the last time; the mean of the processes where there are several."""
        names = list(self.figures[0])
        table = torch.stack([torch.stack([row[name].float() for name in names]) for row in self.figures])
        table, elapsed = self.world.mean(table), time.perf_counter() - self.begin
        rate = len(self.steps) / elapsed
        speed = {"images_per_s": rate * self.batch, "wait": self.waited / elapsed}
        if self.world.writes:
            rows = zip(self.steps, table.tolist(), strict=True)
            self.folder.append([row | dict(zip(names, values, strict=True)) | speed for row, values in rows])
        step, mean = self.steps[-1]["step"], dict(zip(names, table.mean(0).tolist(), strict=True))
        shown = mean | {"img/s": speed["images_per_s"], "wait": speed["wait"]}
        self.progress.show(step, shown, (self.total - step) / rate)
        self.steps, self.figures, self.waited, self.begin = [], [], 0.0, time.perf_counter()

    def excused(self, work: Callable[..., None], *given) -> float:
        """Does other work than steps; its seconds, which count for no speed."""
        start = time.perf_counter()
        work(*given)
        spent = time.perf_counter() - start
        self.begin += spent
        return spent

    def close(self) -> None:
        self.progress.close()
