"""The runs as a person sees them on the way: a table on a terminal, a line a change elsewhere."""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Table

from experiments.grid.entries import TableEntry
from experiments.grid.plan import Kind, Pace, measured_paces, remaining_seconds
from experiments.grid.states import State, state_of_run
from experiments.recipes.recipe import steps
from experiments.records.run_folder import RunFolder
from experiments.runtime.console import clock, say

EVERY = 2.0  # seconds between two looks at the run folders
ORDER = ("running", "failed", "done", "stopped", "new")  # from the top
FURNITURE = 6  # lines of the table that are no run: its frame and head, what is hidden, the cursor's
HEADS = ("run", "state", "steps", "images/s", "left", "AP")
DISPENSABLE = ("images/s", "left", "steps", "AP")  # where the terminal is too narrow for all, these go first
RUN_WIDTH = 12  # characters of a run's name that remain in any case


@dataclass
class ProgressTable:
    """`entries`: one entry of each run; `folders` and `states` by run id."""

    entries: dict[str, TableEntry]
    folders: dict[str, RunFolder]
    states: dict[str, State]
    runs: Path
    side_by_side: int
    paces: dict[Kind, Pace] = field(default_factory=dict)
    live: Live | None = None
    refreshed: float = field(default_factory=time.monotonic)

    def __enter__(self) -> ProgressTable:
        self.paces = measured_paces(self.runs)
        if sys.stderr.isatty():
            self.live = Live(self._table(), console=Console(stderr=True), auto_refresh=False, transient=True)
            self.live.__enter__()
        return self

    def __exit__(self, *error) -> None:
        if self.live:
            self.live.__exit__(*error)

    def tick(self) -> None:
        """Refreshes, if the last time is long enough ago."""
        if time.monotonic() > self.refreshed + EVERY:
            self.refresh()

    def refresh(self) -> None:
        """Never while this process executes a run, see `state_of_run`."""
        before = {name: state for name, state in self.states.items() if state.kind != "done"}
        self.states |= {name: state_of_run(self.folders[name]) for name in before}
        changed = [name for name, then in before.items() if self.states[name].kind != then.kind]
        if any(self.states[name].kind == "done" for name in changed):
            self.paces = measured_paces(self.runs)
        for name in changed:
            if not self.live and self.states[name].kind in ("running", "done", "failed"):
                say(self._line(name, self.states[name]))
        if self.live:
            self.live.update(self._table(), refresh=True)
        self.refreshed = time.monotonic()

    def remaining(self) -> float | None:
        """Seconds until all are done, by what is measured; None before anything is."""
        todo = {name: state for name, state in self.states.items() if state.kind not in ("done", "failed")}
        times = [remaining_seconds(self.entries[name].recipe, state, self.paces) for name, state in todo.items()]
        measured = [t for t in times if t is not None]
        return len(times) * sum(measured) / len(measured) / self.side_by_side if measured else None

    def summary(self) -> str:
        kinds = Counter(state.kind for state in self.states.values())
        remaining = self.remaining()
        counts = ", ".join(f"{kinds[kind]} {kind}" for kind in ORDER if kinds[kind])
        return counts + ("" if remaining is None else f"; {clock(remaining)} left")

    def _line(self, name: str, state: State) -> str:
        ap = "" if state.ap is None else f", AP {state.ap:.3f}"
        return f"{state.kind}: {self.entries[name].label}{ap}{state.reason and ', ' + state.reason} [{self.summary()}]"

    def _table(self) -> Table:
        ordered = sorted(self.states, key=lambda name: ORDER.index(self.states[name].kind))
        rows = [self._row(self.entries[name], self.states[name]) for name in ordered]
        console = Console(stderr=True)
        return fitted(rows, self.summary(), console.width, console.height)

    def _row(self, entry: TableEntry, state: State) -> tuple[str, ...]:
        total, seconds = steps(entry.recipe.schedule), remaining_seconds(entry.recipe, state, self.paces)
        return (
            entry.label,
            state.kind,
            "" if state.kind == "done" else f"{state.step}/{total}",
            f"{state.images_per_s:.1f}" if state.images_per_s else "",
            clock(seconds) if seconds is not None and state.kind == "running" else "",
            "" if state.ap is None else f"{state.ap:.3f}",
        )


def fitted(rows: list[tuple[str, ...]], title: str, width: int, height: int) -> Table:
    """As many rows as fit, in columns by HEADS; numbers are whole or not there, names lose their middle."""
    heads = list(HEADS)
    widths = {head: max(len(head), *(len(row[i]) for row in rows)) for i, head in enumerate(HEADS)}
    for head in DISPENSABLE:
        if _spare(heads, widths, width) < RUN_WIDTH:
            heads.remove(head)
    widths["run"] = max(1, min(widths["run"], _spare(heads, widths, width)))
    shown = rows[: max(1, height - FURNITURE - ceil(len(title) / width))]
    hidden = f"{len(rows) - len(shown)} more runs are not shown" if len(shown) < len(rows) else None
    table = Table(title=title, title_justify="left", caption=hidden, caption_justify="left")
    for head in heads:
        table.add_column(head, no_wrap=True, justify="left" if head in ("run", "state") else "right")
    for row in shown:
        table.add_row(*(_cut(row[HEADS.index(head)], widths[head]) for head in heads))
    return table


def _spare(heads: list[str], widths: dict[str, int], width: int) -> int:
    """Characters that remain for the run's name: each column has a blank at both sides and a line."""
    return width - 1 - 3 * len(heads) - sum(widths[head] for head in heads[1:])


def _cut(text: str, width: int) -> str:
    """Beginning and end of what is too long: the seed stands last."""
    if len(text) <= width:
        return text
    end = (width - 2) // 2
    return f"{text[: width - 2 - end]}..{text[len(text) - end :]}" if width > 2 else text[:width]
