"""The runs as a person sees them on the way: a table on a terminal, a line a change elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from itertools import chain, islice
from math import ceil

from rich.console import Console
from rich.live import Live
from rich.table import Table

from experiments.grid.entries import TableEntry
from experiments.grid.plan import Paces, remaining_seconds
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
    """`entries`: one entry of each run; `folders` and `states` by run id.

    What a refresh does grows with the runs that are not done: a run that is done is read once, and drawn where it fits.
    """

    entries: dict[str, TableEntry]
    folders: dict[str, RunFolder]
    states: dict[str, State]
    paces: Paces
    side_by_side: int
    live: Live | None = None
    refreshed: float = field(default_factory=time.monotonic)
    by_kind: dict[str, dict[str, State]] = field(init=False)  # the same states, those of a kind together

    def __post_init__(self) -> None:
        self.by_kind = {kind: {} for kind in ORDER}
        for name, state in self.states.items():
            self.by_kind[state.kind][name] = state

    def __enter__(self) -> ProgressTable:
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
        changed = [name for name in self._not_done() if self._read(name)]
        for name in changed:
            if self.states[name].kind == "done":
                self.paces.add(self.folders[name])
        self._say([name for name in changed if self.states[name].kind in ("running", "done", "failed")])
        if self.live:
            self.live.update(self._table(), refresh=True)
        self.refreshed = time.monotonic()

    def _not_done(self) -> list[str]:
        return [name for kind in ORDER if kind != "done" for name in self.by_kind[kind]]

    def _read(self, name: str) -> bool:
        """Whether the run became of another kind."""
        before, now = self.states[name].kind, state_of_run(self.folders[name])
        if now.kind != before:
            del self.by_kind[before][name]
        self.states[name] = self.by_kind[now.kind][name] = now
        return now.kind != before

    def remaining(self) -> float | None:
        """Seconds until all are done, by what is measured; None before anything is."""
        todo = {name: self.states[name] for name in self._not_done() if self.states[name].kind != "failed"}
        times = [remaining_seconds(self.entries[name].recipe, state, self.paces) for name, state in todo.items()]
        measured = [t for t in times if t is not None]
        return len(times) * sum(measured) / len(measured) / self.side_by_side if measured else None

    def summary(self) -> str:
        remaining = self.remaining()
        counts = ", ".join(f"{len(states)} {kind}" for kind, states in self.by_kind.items() if states)
        return counts + ("" if remaining is None else f"; {clock(remaining)} left")

    def _say(self, names: list[str]) -> None:
        """A line for each of these runs, where no table shows them."""
        if names and not self.live:
            summary = self.summary()
            for name in names:
                say(f"{self._line(name, self.states[name])} [{summary}]")

    def _line(self, name: str, state: State) -> str:
        ap = "" if state.ap is None else f", AP {state.ap:.3f}"
        return f"{state.kind}: {self.entries[name].label}{ap}{state.reason and ', ' + state.reason}"

    def _table(self) -> Table:
        console = Console(stderr=True)
        ordered = chain.from_iterable(self.by_kind.values())
        rows = [self._row(self.entries[name], self.states[name]) for name in islice(ordered, console.height)]
        return fitted(rows, len(self.states), self.summary(), console.width, console.height)

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


def fitted(rows: list[tuple[str, ...]], runs: int, title: str, width: int, height: int) -> Table:
    """As many rows as fit, in columns by HEADS; numbers are whole or not there, names lose their middle.

    rows: the first of `runs`.
    """
    heads = list(HEADS)
    widths = {head: max(len(head), *(len(row[i]) for row in rows)) for i, head in enumerate(HEADS)}
    for head in DISPENSABLE:
        if _spare(heads, widths, width) < RUN_WIDTH:
            heads.remove(head)
    widths["run"] = max(1, min(widths["run"], _spare(heads, widths, width)))
    shown = rows[: max(1, height - FURNITURE - ceil(len(title) / width))]
    hidden = f"{runs - len(shown)} more runs are not shown" if len(shown) < runs else None
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
