"""`run.py --tables ... --budget 2`: whole seeds, as many as the budget holds; for tables without claims."""

from __future__ import annotations

from dataclasses import replace

from experiments.cli.options import Options
from experiments.grid.budget import account_of
from experiments.grid.command import make, planned_tables, selected, write_tables
from experiments.grid.entries import TableEntry
from experiments.runtime.console import say


def run_seeds(options: Options) -> int:
    """One seed after the other; the first is always made. Exit code and errors as of `run_tables`."""
    entries, seeds = selected(planned_tables(options), options), list(dict.fromkeys(options.seeds))
    made: list[TableEntry] = []
    code = 0
    for count, seed in enumerate(seeds):
        new, account = [entry for entry in entries if entry.seed == seed], account_of(made, options)
        needed = account.expected_hours(new)
        if made and account.hours + needed > options.budget:
            spent = f"{account.hours:.2f} of {options.budget:g} device hours spent"
            say(f"{count} of {len(seeds)} seeds: {spent}, the next seed needs {needed:.2f}.")
            break
        write_tables(planned_tables(replace(options, seeds=seeds[: count + 1])), options)
        code = max(code, make(new, options))
        made += new
    return code
