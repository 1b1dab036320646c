"""How the settings of a table's methods were found: its search, setting by setting."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.runs import Run
from experiments.records.search_schema import SearchRecord, SearchTrial
from experiments.records.table_schema import TableRecord


def tuning_lines(table: TableRecord, searches: Iterable[SearchRecord]) -> tuple[str, ...]:
    """Sentences; () of a table whose rows have no settings from a search."""
    if not table.searched:
        return ()
    name = f"{table.profile}-{table.search}"
    record = next((search for search in searches if search.name == name), None)
    if record is None:
        return (f"The record of the search, tuning/{name}.json, is not among these runs.",)
    trained, evaluated = record.images
    return (
        *_contradicted(table, record),
        f"{record.rule}; {record.steps} steps a run on {record.dataset} ({record.held_out}: {trained} images to train "
        f"on, {evaluated} to evaluate).",
        *(_method(method, record) for method in record.chosen),
        *([f"At the edge of what was searched: {', '.join(record.at_the_edge)}."] if record.at_the_edge else []),
        f"Best mean over all methods: {record.common}.",
        f"Command: {record.command}",
    )


def is_of_a_search(run: Run, searches: Iterable[SearchRecord]) -> bool:
    """Whether a search made it: its figures are of other images than a table's, and stand with the search."""
    return any(run.id in trial.runs.values() for search in searches for trial in search.trials)


def _contradicted(table: TableRecord, record: SearchRecord) -> Iterable[str]:
    """Rows whose settings are not what the search chose."""
    for row in table.rows:
        chosen = record.chosen.get(row.method)
        if row.tuned and (chosen is None or chosen.setting != row.tuned):
            was = chosen.setting if chosen else "none"
            yield f"NOT as the search chose: {row.name} has {row.tuned}, the search {was}."


def _method(method: str, record: SearchRecord) -> str:
    trials = [trial for trial in record.trials if trial.method == method]
    return f"{method}: {record.chosen[method].setting}, of " + "; ".join(map(_trial, trials))


def _trial(trial: SearchTrial) -> str:
    seeds = f"{len(trial.ap)} seed{'s' * (len(trial.ap) > 1)}"
    return f"{trial.setting}: AP {trial.mean:.1f} ({seeds})"
