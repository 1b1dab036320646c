"""`run.py --tables ... --until-decided --budget 4`: seeds are added where claims are open, look after look.

All rows get the seeds of the first look. After each look `analysis/decide.py` judges the claims; the rows of those that
are open get the seeds of the next one, where the budget holds what these runs will take. Each look is recorded, and
recorded looks are not asked again: a grid that was stopped continues as it would have. Only a stop for the budget or
for missing runs is asked again, so that a larger budget, or runs that succeed at last, continue the grid.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from experiments.cli.options import Options
from experiments.grid.budget import Account, account_of
from experiments.grid.command import make
from experiments.grid.decide import ask, counts, expectation
from experiments.grid.entries import DatasetFinder, TableEntry, entries_of
from experiments.grid.filters import filtered
from experiments.grid.heads import matrices_under
from experiments.grid.matrices import Matrix, Profile, load_profile
from experiments.grid.table_record import table_record
from experiments.records.decision_schema import (
    LOOKS,
    RULE,
    Decisions,
    Look,
    TableStates,
    decisions_path,
    read_decisions,
    write_decisions,
)
from experiments.records.files import hash_of
from experiments.records.run_folder import write_table
from experiments.records.table_schema import TableRecord
from experiments.runtime.commands import command_for_records
from experiments.runtime.console import say
from experiments.runtime.errors import UserError

SETTLED, LAST, OPEN = "no claim is open", "this was the last look", "claims are open"
BUDGET, MISSING = "the next look does not fit the budget", "runs are missing"

Cell = tuple[int, str, str, int]  # table, row, dataset, seed


@dataclass(frozen=True)
class Planned:
    """A table, with its looks so far."""

    matrix: Matrix
    profile: Profile
    overrides: tuple[str, ...]  # KEY=VALUE of the command line
    entries: list[TableEntry]  # of all seeds of all looks
    chosen: frozenset[Cell]  # what --only leaves
    decisions: Decisions

    @property
    def closed(self) -> bool:
        looks_taken = self.decisions.taken
        return bool(looks_taken) and not looks_taken[-1].goes_on

    def reached(self) -> list[TableEntry]:
        """The entries whose seeds some look has added."""
        looks, looks_taken = self.decisions.looks, self.decisions.taken
        seeds = {cell: n for look, n in zip(looks_taken, looks[1:], strict=False) if look.goes_on for cell in look.rows}
        return [e for e in self.entries if e.seed < seeds.get((e.row.name, e.key), looks[0])]

    def to_make(self) -> list[TableEntry]:
        return [entry for entry in self.reached() if _cell(entry) in self.chosen]

    def record(self) -> TableRecord:
        return table_record(self.matrix, self.profile, self.overrides, command_for_records(), self.reached())

    def after(self, look: Look) -> Planned:
        return replace(self, decisions=replace(self.decisions, taken=(*self.decisions.taken, look)))


def run_until_decided(options: Options) -> int:
    """Exit code as of `run_tables`. Raises UserError, Preempted."""
    tables = _tables(options)
    if options.plan:
        return _plan(tables, options)
    while True:
        _write(options.runs / "tables", options.runs, tables)
        code = make([entry for table in tables for entry in table.to_make()], options)
        options = replace(options, force=False)  # the runs that this grid has made are not old ones
        if all(table.closed for table in tables):
            return code
        tables = _look(tables, options)
        _write(options.runs / "tables", options.runs, tables)
        if all(table.closed for table in tables):
            return code


def _tables(options: Options) -> list[Planned]:
    profile, seeds = load_profile(options.profile), list(range(LOOKS[-1]))
    finder = DatasetFinder(options.data_root and options.data_root.resolve())
    tables = []
    for matrix in matrices_under(options.tables, options.heads, profile):
        entries = list(entries_of(matrix, profile, seeds, options.overrides, finder))
        recipe = hash_of([entry.id for entry in entries if entry.seed == 0])
        overrides, decisions = tuple(options.overrides), Decisions(recipe, LOOKS, RULE)
        tables.append(Planned(matrix, profile, overrides, entries, frozenset(), decisions))
    selected = frozenset(map(_cell, filtered([entry for table in tables for entry in table.entries], options.only)))
    tables = [_resumed(replace(table, chosen=selected), options) for table in tables]
    for table in tables:
        if not table.record().claims:
            raise UserError(f"--until-decided needs claims, and table {table.matrix.table} has none. Leave it out.")
    return tables


def _cell(entry: TableEntry) -> Cell:
    return entry.table, entry.row.name, entry.key, entry.seed


def _resumed(table: Planned, options: Options) -> Planned:
    """With the decisions of an earlier call, where runs and rule are the same; a stop for the budget is asked again."""
    path = decisions_path(options.runs / "tables", table.record().name)
    before = None if options.force else read_decisions(path)
    if before is None or (before.recipe, before.rule) != (table.decisions.recipe, RULE):
        return table
    again = before.taken and before.taken[-1].reason in (BUDGET, MISSING)
    return replace(table, decisions=replace(before, taken=before.taken[:-1] if again else before.taken))


def _write(folder: Path, runs: Path, tables: list[Planned]) -> None:
    """Records and decisions of the tables. folder: of the decisions; runs: above the folder of the records."""
    for table in tables:
        record = table.record()
        write_table(runs, record)
        write_decisions(decisions_path(folder, record.name), table.decisions)


def _look(tables: list[Planned], options: Options) -> list[Planned]:
    """One look at every table that is not closed. In their order those go on whose next look the budget still holds."""
    states = ask(options.runs, options.runs / "tables")
    account = account_of((entry for table in tables for entry in table.reached()), options)
    continued = [t if t.closed else t.after(_next(t, states[t.record().name], account)) for t in tables]
    budget = math.inf if options.budget is None else options.budget
    new, after = [], []
    for table in continued:
        wanted = [*new, *table.to_make()]
        affordable = account.hours + account.expected_hours(wanted) <= budget
        after.append(_within(table, affordable))
        new = wanted if affordable else new
    for line in _lines(tables, after, states, budget):
        say(line)
    return after


def _next(table: Planned, states: TableStates, account: Account) -> Look:
    """As if the budget were endless."""
    decisions = table.decisions
    number = len(decisions.taken)
    reason = LAST if number + 1 == len(decisions.looks) else OPEN
    if not states.rows:
        made = all(entry.id in account.seconds for entry in table.reached() if entry.id)
        reason = SETTLED if made else MISSING
    return Look(decisions.looks[number], account.hours, reason == OPEN, reason, states.rows, states.claims)


def _within(table: Planned, affordable: bool) -> Planned:
    """Its newest look, stopped where the budget does not hold what it asks for."""
    if table.closed or affordable:
        return table
    *before, newest = table.decisions.taken
    stopped = replace(newest, goes_on=False, reason=BUDGET)
    return replace(table, decisions=replace(table.decisions, taken=(*before, stopped)))


def _lines(before: list[Planned], after: list[Planned], states: dict[str, TableStates], budget: float) -> Iterator[str]:
    """What a look has shown and decided, for a person."""
    for table in (new for old, new in zip(before, after, strict=True) if not old.closed):
        look, number = table.decisions.taken[-1], len(table.decisions.taken)
        budget_words = "" if math.isinf(budget) else f" of {budget:g}"
        yield (
            f"table {table.matrix.table}, look {number} of {len(table.decisions.looks)} at {look.seeds} seeds: "
            f"{counts(states[table.record().name])}; {look.hours:.2f}{budget_words} device hours spent; "
            f"{'continues' if look.goes_on else 'ends'}: {look.reason}"
        )


def _plan(tables: list[Planned], options: Options) -> int:
    """The next runs, and the seeds that each claim is expected to need. Writes nothing that stays."""
    code = make([entry for table in tables for entry in table.to_make()], options)
    with TemporaryDirectory() as folder:
        _write(Path(folder) / "tables", Path(folder), tables)
        states = ask(options.runs, Path(folder) / "tables")
    for table in tables:
        say(f"table {table.matrix.table}: seeds that its claims are expected to need for each verdict")
        for state in states[table.record().name].claims:
            say(expectation(state))
    return code
