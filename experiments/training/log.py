"""The figures of every step, written some steps at a time."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from experiments.records.schema import StepRow
from experiments.runtime.console import Progress
from experiments.training.session import Session

SHOWN_EVERY = 100  # steps, where there is no terminal


class Log:
    """One row a step into `metrics.jsonl`, its mean since the last time onto the screen."""

    def __init__(self, session: Session, total: int, start: int):
        recipe = session.run.recipe
        self.folder, self.world, self.total, self.batch = session.folder, session.world, total, recipe.schedule.batch
        name, silent = f"{recipe.assigner} on {recipe.dataset}", not self.world.writes
        self.progress = Progress(total, start, name, every=SHOWN_EVERY, silent=silent)
        self.rows: list[StepRow] = []  # with learning rate and bad images
        self.figures: list[dict[str, float]] = []  # means over the processes
        self.waited, self.begin = 0.0, time.perf_counter()
        if self.world.writes:
            self.folder.truncate_metrics(start)

    def add(self, step: int, lr: float, figures: dict[str, float], bad: int) -> None:
        """`step` steps are done."""
        self.rows.append(StepRow(step, {"lr": lr, "bad_images": bad}))
        self.figures.append(figures)

    def write(self) -> None:
        """The rows since the last time."""
        names = list(self.figures[0])
        table = torch.tensor([[row[name] for name in names] for row in self.figures])
        elapsed = time.perf_counter() - self.begin
        rate = len(self.rows) / elapsed
        speed = {"images_per_s": rate * self.batch, "wait": self.waited / elapsed}
        if self.world.writes:
            self.folder.append(
                [
                    StepRow(row.step, row.values | dict(zip(names, figures, strict=True)) | speed)
                    for row, figures in zip(self.rows, table.tolist(), strict=True)
                ]
            )
        step, mean = self.rows[-1].step, dict(zip(names, table.mean(0).tolist(), strict=True))
        numbers = mean | {"img/s": speed["images_per_s"], "wait": speed["wait"]}
        self.progress.show(step, numbers, (self.total - step) / rate)
        self.rows, self.figures, self.waited, self.begin = [], [], 0.0, time.perf_counter()

    def excused(self, work: Callable[..., None], *arguments) -> float:
        """Does other work than steps; its seconds, which count for no speed."""
        start = time.perf_counter()
        work(*arguments)
        spent = time.perf_counter() - start
        self.begin += spent
        return spent

    def close(self) -> None:
        self.progress.close()
