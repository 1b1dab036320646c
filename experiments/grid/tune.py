"""`run.py --tune`: the settings that a profile searches, found for every method by the same search.

Its runs are ordinary ones, in run folders of their own; one that is there is taken, so a search that was stopped ends
as it would have. A method that the search's record has is not searched again, even where its run folders are gone. Ray
Tune decides which runs are made: see executors/halving.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from experiments.cli.options import Options
from experiments.data.held_out import contents
from experiments.grid.changes import search_recipe
from experiments.grid.choose import choose_executor, side_by_side
from experiments.grid.command import begin, job_of
from experiments.grid.entries import DatasetFinder, TableEntry, entries_of
from experiments.grid.matrices import Matrix, MatrixRow, Profile, load_matrix, load_profile, table_numbers
from experiments.grid.plan import measured_paces, plan_lines
from experiments.grid.progress_table import ProgressTable
from experiments.grid.search_record import recorded, say_chosen
from experiments.grid.search_space import Search, without
from experiments.grid.states import ap_found, state_of_run
from experiments.records.run_folder import RunFolder
from experiments.records.search_schema import SearchTrial, read_search, search_path, write_search
from experiments.runtime.console import say
from experiments.runtime.errors import UserError
from experiments.runtime.signals import Preempted, stop_on_signal

Entries = dict[tuple[str, str], list[TableEntry]]  # (method, setting) -> an entry of each seed
Kept = dict[tuple[str, str], SearchTrial]  # (method, setting) -> what an earlier record has


@dataclass(frozen=True)
class Planned:
    """A search of a profile, with all runs that it may make."""

    profile: Profile
    search: Search
    entries: Entries
    images: tuple[int, int]  # trained on, evaluated

    def left(self, kept: Kept) -> Planned:
        """Without the methods that a record has."""
        return replace(self, entries={cell: seeds for cell, seeds in self.entries.items() if cell not in kept})

    def surely(self) -> list[TableEntry]:
        """As many runs as it makes; which of the settings go on is not known before."""
        rounds = [self.search.unit * sum(n > k for n in self.search.sizes) for k in range(len(self.search.settings))]
        order = {setting: k for k, setting in enumerate(self.search.settings)}
        return [e for (_, setting), seeds in self.entries.items() for e in seeds[: rounds[order[setting]]]]


def run_search(options: Options) -> int:
    """Exit code: 0 found, 1 where runs failed. Raises UserError, Preempted."""
    planned = plan_search(options)
    path = search_path(options.runs, f"{planned.profile.name}-{search_recipe(planned.profile, options.overrides)}")
    kept = _kept(path, planned) if path.is_file() and not options.force else {}
    left = planned.left(kept)
    if not left.entries:
        say(f"The search is finished, {path} has it; --force makes its runs again.")
        say_chosen(read_search(path))
        return 0
    say(f"search of {planned.profile.name}: {planned.search.rule}")
    entries = {e.id: e for seeds in left.entries.values() for e in seeds}
    folders = {name: RunFolder(options.runs / name) for name in entries}
    states = {name: state_of_run(folder) for name, folder in folders.items()}
    paces, count = measured_paces(options.runs), side_by_side(options)
    for line in plan_lines(left.surely(), states, paces, count, max(1, options.processes_per_run)):
        say(line)
    if options.plan:
        return 0
    return _search(planned, kept, ProgressTable(entries, folders, states, paces, count), options)


def _kept(path: Path, planned: Planned) -> Kept:
    """Of an earlier record, the methods whose runs are still these."""
    names = {entry.id for seeds in planned.entries.values() for entry in seeds}
    trials = read_search(path).trials
    changed = {trial.method for trial in trials if not names.issuperset(trial.runs.values())}
    return {(trial.method, trial.setting): trial for trial in trials if trial.method not in changed}


def _search(planned: Planned, kept: Kept, table: ProgressTable, options: Options) -> int:
    from experiments.grid.executors.halving import Halving  # Ray takes a second to import

    jobs: dict[str, dict] = {}
    left = planned.left(kept)
    for (method, setting), seeds in left.entries.items():
        jobs.setdefault(method, {})[setting] = tuple(job_of(entry, options) for entry in seeds)
    again = [job for of in jobs.values() for seeds in of.values() for job in seeds if _again(job.folder, options)]
    executor = Halving(choose_executor(replace(options, executor="ray")), planned.search)
    with stop_on_signal() as stop:
        with table:
            rounds = executor.execute(jobs, stop, partial(begin, again, options.force), table.tick)
            table.refresh()
        if stop.requested:
            raise Preempted(f"Stopped: {table.summary()}. Run the same command to resume.")
    if len(rounds) < len(left.entries):
        return _failed(planned, table)
    record = recorded(planned.profile, planned.search, planned.entries, kept, rounds, planned.images, options)
    path = write_search(options.runs, record)
    say_chosen(record)
    say(f"{path} has all of the search; the report shows it.")
    return 0


def _again(folder: RunFolder, options: Options) -> bool:
    """Whether what became of an earlier try is forgotten; a result is kept, and so is a cause that is still there."""
    failure = folder.read_failed()
    lasting = failure is not None and failure.kind == "permanent" and not options.retry_failed
    return options.force or (ap_found(folder) is None and not lasting)


def _failed(planned: Planned, table: ProgressTable) -> int:
    for name, state in table.states.items():
        if state.kind == "failed" and ap_found(table.folders[name]) is None:
            say(f"failed: {table.entries[name].label} ({name}): {state.reason}")
    say("The search has no result: all its runs count. Fix the cause, then run it again with --retry-failed.")
    return 1


def plan_search(options: Options) -> Planned:
    """Raises UserError where the profile searches nothing, its data are missing, or an image is one of the tables'."""
    profile = load_profile(options.profile)
    search = profile.search
    if search is None:
        raise UserError(f"The profile {profile.name} has no search. Write one into its file, as cpu.yaml has it.")
    if undone := [w for w in options.overrides if w not in without(options.overrides, search.keys)]:
        raise UserError(f"--set {undone[0]} would undo the search, which sets it. Leave it out.")
    if search.dataset not in profile.datasets:
        raise UserError(f"{profile.name}.yaml: search: the profile has nothing for {search.dataset}.")
    common = replace(profile, search=None, methods={}, set=(*without(profile.set, search.keys), *search.set))
    finder = DatasetFinder(options.data_root and options.data_root.resolve())
    rows = [_row(method, setting) for method in searched_methods(profile) for setting in search.settings]
    matrix = Matrix(0, "search", {"main": search.dataset}, (), tuple(rows))
    entries: Entries = {}
    for entry in entries_of(matrix, common, list(search.seeds), options.overrides, finder):
        if entry.reason:
            raise UserError(entry.reason)
        entries.setdefault((entry.row.method, " ".join(entry.row.set)), []).append(entry)
    return Planned(profile, search, entries, _check_images(entries, profile, search, options, finder))


def searched_methods(profile: Profile) -> list[str]:
    """Every method of the tables that the profile has data for."""
    matrices = [load_matrix(number, profile) for number in table_numbers()]
    here = [m for m in matrices if set(m.datasets.values()) & set(profile.datasets)]
    return list(dict.fromkeys(row.method for matrix in here for row in matrix.rows if row.method))


def _row(method: str, setting: str) -> MatrixRow:
    return MatrixRow(f"{method}, {setting}", method, tuple(setting.split()), "", "", {})


def _check_images(
    entries: Entries, profile: Profile, search: Search, options: Options, finder: DatasetFinder
) -> tuple[int, int]:
    """How many are trained on and evaluated. UserError where a table scores one of those that the search scores."""
    (first, *_), *_ = entries.values()
    spec, _ = finder.spec(first.recipe)
    if not spec.recipe.data.held_out:
        raise UserError(f"{profile.name}.yaml: search: set must hold images out of train: add data.held_out=0.1.")
    row = replace(first.row, set=())
    matrix = Matrix(0, "tables", {"main": search.dataset}, (), (row,))
    scored = next(entries_of(matrix, replace(profile, search=None, methods={}), [0], options.overrides, finder))
    if scored.reason:
        raise UserError(scored.reason)
    if shared := contents(spec.val) & contents(finder.spec(scored.recipe)[0].val):
        raise UserError(
            f"The search of {profile.name} would score {len(shared)} images that its tables score. Hold others out: "
            "change data.train or data.held_out in its set, or see --check-data for images that are there twice."
        )
    return len(spec.train), len(spec.val)
