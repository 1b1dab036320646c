"""`run.py --tables`: plan the runs, write what the tables consist of, make what is not done, and say how it went."""

from __future__ import annotations

import shlex
from dataclasses import replace
from functools import partial
from pathlib import Path

from experiments.cli.options import Options
from experiments.grid.choose import choose_executor, side_by_side
from experiments.grid.entries import DatasetFinder, TableEntry, entries_of
from experiments.grid.filters import filtered
from experiments.grid.heads import matrices_under
from experiments.grid.job import Job
from experiments.grid.matrices import load_profile
from experiments.grid.memory import memory_lines
from experiments.grid.plan import measured_paces, plan_lines
from experiments.grid.progress_table import ProgressTable
from experiments.grid.states import State, state_of_run
from experiments.grid.table_record import table_record
from experiments.recipes.recipe import plain
from experiments.records.files import RecordError
from experiments.records.run_folder import RunFolder, read_table, table_path, write_table
from experiments.records.table_schema import TableRecord
from experiments.runtime.commands import command_for_records
from experiments.runtime.console import say
from experiments.runtime.signals import Preempted, stop_on_signal


def run_tables(options: Options) -> int:
    """Exit code: 0 all done, 1 some failed or cannot run. Raises UserError, Preempted."""
    tables = planned_tables(options)
    if not options.plan:
        write_tables(tables, options)
    return make(selected(tables, options), options)


def make(entries: list[TableEntry], options: Options) -> int:
    """Plans and makes what is not done of these; exit code and errors as of `run_tables`."""
    count = side_by_side(options)
    unique: dict[str, TableEntry] = {}
    for entry in entries:
        if entry.id:
            unique.setdefault(entry.id, entry)  # of several entries, the first
    folders = {name: RunFolder(options.runs / name) for name in unique}
    states = {name: _to_retry(state_of_run(folder), options) for name, folder in folders.items()}
    paces = measured_paces(options.runs)
    for line in plan_lines(entries, states, paces, count, max(1, options.processes_per_run)):
        say(line)
    todo = [name for name in unique if states[name].kind in ("new", "stopped")]
    if options.plan:
        for line in memory_lines(unique[name] for name in todo):
            say(line)
        return 0
    if todo:
        jobs = [job_of(unique[name], options) for name in todo]
        table = ProgressTable(unique, folders, states, paces, count)
        with stop_on_signal() as stop:
            with table:
                choose_executor(options).execute(jobs, stop, partial(begin, jobs, options.force), table.tick)
                table.refresh()
            if stop.requested:
                raise Preempted(f"Stopped: {table.summary()}. Run the same command to resume.")
    ended = {name: then if then.kind == "done" else state_of_run(folders[name]) for name, then in states.items()}
    return _report(entries, ended, options.runs)


def _to_retry(state: State, options: Options) -> State:
    """New where a run is to be tried again, whatever became of it."""
    if options.force and state.kind != "running":
        return State("new")
    retried = state.kind == "failed" and not state.unreadable and (options.retry_failed or not state.permanent)
    return replace(state, kind="new") if retried else state


def begin(jobs: list[Job], force: bool) -> None:
    """All at once, before the first run: a try after a lost node then resumes, and does not start over."""
    for folder in (job.folder for job in jobs):
        folder.failed.unlink(missing_ok=True)
        if force:
            with folder.locked():
                folder.clear()


def _report(entries: list[TableEntry], states: dict[str, State], runs: Path) -> int:
    """Says what has no result, and why; the exit code."""
    unfinished = {entry.id: entry for entry in entries if entry.id and states[entry.id].kind != "done"}
    for name, entry in unfinished.items():
        state = states[name]
        say(f"{state.kind}: {entry.label} ({name}){state.reason and ': ' + state.reason}")
    if any(states[name].permanent and not states[name].unreadable for name in unfinished):
        say(
            "Runs that failed because of their recipe or data are not retried. Fix the cause, then pass --retry-failed."
        )
    if any(states[name].unreadable for name in unfinished):
        say(
            "A run whose record cannot be read is made again with --force alone, not with --retry-failed. "
            "The others are made again with it: keep them out with --only, or move the folder of that run away."
        )
    absent = {entry.label for entry in entries if not entry.id and not entry.row.reason}
    cannot = f", {len(absent)} cannot run" if absent else ""
    say(f"{len(states) - len(unfinished)} of {len(states)} runs done{cannot}")
    if not unfinished and states:
        report = shlex.join(["python", "analysis/report.py", str(runs)])
        say(f"{report} prints the tables; --force makes the runs again.")
    return int(bool(unfinished or absent))


Tables = list[tuple[TableRecord, list[TableEntry]]]  # each table as a whole, and its entries of the seeds asked for


def planned_tables(options: Options) -> Tables:
    """All that are asked for. Writes nothing."""
    profile = load_profile(options.profile)
    finder = DatasetFinder(options.data_root and options.data_root.resolve())
    seeds, tables = list(dict.fromkeys(options.seeds)), []
    for matrix in matrices_under(options.tables, options.heads, profile):
        of_table = list(entries_of(matrix, profile, seeds, options.overrides, finder))
        record = table_record(matrix, profile, options.overrides, command_for_records(), of_table)
        if earlier := _earlier_seeds(options, record) - set(seeds):
            known = entries_of(matrix, profile, [*seeds, *sorted(earlier)], options.overrides, finder)
            record = table_record(matrix, profile, options.overrides, command_for_records(), list(known))
        tables.append((record, of_table))
    return tables


def write_tables(tables: Tables, options: Options) -> None:
    for record, _ in tables:
        write_table(options.runs, record)


def selected(tables: Tables, options: Options) -> list[TableEntry]:
    """What --only leaves. Raises UserError."""
    return filtered([entry for _, entries in tables for entry in entries], options.only)


def _earlier_seeds(options: Options, record: TableRecord) -> set[int]:
    """That another call has given the same table: its runs stay in the record. One that is damaged has none."""
    try:
        rows = read_table(table_path(options.runs, record)).rows
    except RecordError:
        return set()
    return {seed for row in rows for entry in row.entries.values() for seed in entry.runs}


def job_of(entry: TableEntry, options: Options) -> Job:
    """The run of an entry."""
    root = str(entry.root) if entry.root else None
    return Job(entry.id, plain(entry.recipe), root, str(options.runs.resolve()))
