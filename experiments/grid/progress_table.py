"""The cells as a person sees them while they run: a table on a terminal, a line a change elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from experiments.grid.entries import Spot
from experiments.grid.plan import Kind, Pace, paces, seconds
from experiments.grid.states import State, state
from experiments.recipes.recipe import steps
from experiments.records.run_folder import RunFolder
from experiments.runtime.console import clock, say

EVERY = 2.0  # seconds between two looks at the run folders
ORDER = ("running", "failed", "done", "stopped", "new")  # from the top
FURNITURE = 6  # lines of the table that are no cell


@dataclass
class View:
    """`cells`: one place of each run; `folders` and `states` by run id."""

    cells: dict[str, Spot]
    folders: dict[str, RunFolder]
    states: dict[str, State]
    runs: Path
    side_by_side: int
    known: dict[Kind, Pace] = field(default_factory=dict)
    live: Live | None = None
    looked: float = field(default_factory=time.monotonic)

    def __enter__(self) -> View:
        self.known = paces(self.runs)
        if sys.stderr.isatty():
            self.live = Live(self._table(), console=Console(stderr=True), auto_refresh=False, transient=True)
            self.live.__enter__()
        return self

    def __exit__(self, *error) -> None:
        if self.live:
            self.live.__exit__(*error)

    def tick(self) -> None:
        """Looks again, if the last time is long enough ago."""
        if time.monotonic() > self.looked + EVERY:
            self.look()

    def look(self) -> None:
        """Never while this process runs a cell, see `state`."""
        before = {name: now for name, now in self.states.items() if now.kind != "done"}
        self.states |= {name: state(self.folders[name]) for name in before}
        changed = [name for name, then in before.items() if self.states[name].kind != then.kind]
        if any(self.states[name].kind == "done" for name in changed):
            self.known = paces(self.runs)
        for name in changed:
            if not self.live and self.states[name].kind in ("running", "done", "failed"):
                say(self._line(name, self.states[name]))
        if self.live:
            self.live.update(self._table(), refresh=True)
        self.looked = time.monotonic()

    def left(self) -> float | None:
        """Seconds until all are done, by what is measured; None before anything is."""
        open_ = {name: now for name, now in self.states.items() if now.kind not in ("done", "failed")}
        times = [seconds(self.cells[name].recipe, now, self.known) for name, now in open_.items()]
        sure = [t for t in times if t is not None]
        return len(times) * sum(sure) / len(sure) / self.side_by_side if sure else None

    def summary(self) -> str:
        kinds = Counter(now.kind for now in self.states.values())
        left = self.left()
        told = ", ".join(f"{kinds[kind]} {kind}" for kind in ORDER if kinds[kind])
        return told + ("" if left is None else f"; {clock(left)} left")

    def _line(self, name: str, now: State) -> str:
        ap = "" if now.ap is None else f", AP {now.ap:.3f}"
        return f"{now.kind}: {label(self.cells[name])}{ap}{now.reason and ', ' + now.reason} [{self.summary()}]"

    def _table(self) -> Table:
        table = Table(title=self.summary(), title_justify="left")
        for head in ("cell", "state", "steps", "images/s", "left", "AP"):
            table.add_column(head, no_wrap=True, justify="left" if head in ("cell", "state") else "right")
        ordered = sorted(self.states, key=lambda name: ORDER.index(self.states[name].kind))
        for name in ordered[: max(1, Console(stderr=True).height - FURNITURE)]:
            table.add_row(*self._row(self.cells[name], self.states[name]))
        return table

    def _row(self, spot: Spot, now: State) -> tuple[str, ...]:
        total, rest = steps(spot.recipe.schedule), seconds(spot.recipe, now, self.known)
        return (
            label(spot),
            f"failed: {now.reason}" if now.kind == "failed" else now.kind,
            "" if now.kind == "done" else f"{now.step}/{total}",
            f"{now.images_per_s:.1f}" if now.images_per_s else "",
            clock(rest) if rest is not None and now.kind == "running" else "",
            "" if now.ap is None else f"{now.ap:.3f}",
        )


def label(spot: Spot) -> str:
    """Of a run, by the first place that it has in the tables."""
    return f"table {spot.table}, {spot.row.name}, {spot.dataset}, seed {spot.seed}"
