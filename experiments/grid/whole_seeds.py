"""`run.py --tables ... --budget 2`: whole seeds, as many as the budget holds; for tables without claims."""

from __future__ import annotations

from dataclasses import replace

from experiments.cli.options import Options
from experiments.grid.budget import devices, expected_seconds, seconds_done
from experiments.grid.choose import share_of_a_run
from experiments.grid.command import make, planned_entries
from experiments.grid.entries import TableEntry
from experiments.grid.filters import filtered
from experiments.runtime.console import say


def run_seeds(options: Options) -> int:
    """One seed after the other; the first is always made. Exit code and errors as of `run_tables`."""
    seeds, made, code = list(dict.fromkeys(options.seeds)), [], 0
    for count in range(1, len(seeds) + 1):
        growing = replace(options, seeds=seeds[:count])
        wanted = filtered(planned_entries(replace(growing, plan=True)), options.only)
        if made and (line := _too_much(wanted, made, options)):
            say(f"{count - 1} of {len(seeds)} seeds: {line}")
            break
        made = filtered(planned_entries(growing), options.only)
        code = max(code, make(made, growing))
        options = replace(options, force=False)  # the runs that this call has made are not old ones
    return code


def _too_much(wanted: list[TableEntry], made: list[TableEntry], options: Options) -> str:
    """A sentence where the budget does not hold what is wanted; "" where it does."""
    seconds, share = seconds_done(made, options.runs), share_of_a_run(options)
    spent = sum(seconds.values()) * devices(share) / 3600
    needed = expected_seconds(wanted, made, seconds) * devices(share) / 3600
    if spent + needed <= options.budget:
        return ""
    return f"{spent:.2f} of {options.budget:g} device hours spent, the next seed needs {needed:.2f}."
