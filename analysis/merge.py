"""Copies the runs and tables of several machines into one folder; a conflict stops it before anything is copied.

python analysis/merge.py runs_a/ runs_b/ --out runs/
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from dataclasses import dataclass, replace
from pathlib import Path

if not __package__:  # run as a file: this checkout's code, whatever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback out of an import; exit_code says a sentence

try:
    from analysis.commands import exit_code
    from experiments.records.decision_schema import Decisions, decisions_path, read_decisions, write_decisions
    from experiments.records.files import RecordError
    from experiments.records.run_folder import RunFolder, read_table, runs_in, write_table
    from experiments.records.search_schema import SearchRecord, search_path, searches_in, write_search
    from experiments.records.table_schema import EntryRecord, TableRecord
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")

LOCAL = shutil.ignore_patterns("lock", "*.partial")  # of the machine, not of the run
CLOCKS = ("train_seconds", "eval_seconds")  # differ between two machines that ran the same


@dataclass(frozen=True)
class MergePlan:
    """What to copy, known to be free of conflicts."""

    runs: dict[str, RunFolder]  # id -> the one to have
    tables: dict[str, TableRecord]  # by name
    decisions: dict[str, Decisions]  # of those whose seeds were added by looks
    searches: dict[str, SearchRecord]  # by name


def plan_merge(sources: list[Path], out: Path) -> MergePlan:
    """Raises RecordError where two folders of one id, or two tables of one name, contradict each other."""
    folders = [*([out] if out.is_dir() else []), *sources]
    runs: dict[str, RunFolder] = {}
    tables: dict[str, tuple[Path, TableRecord]] = {}
    decisions: dict[str, tuple[Path, Decisions]] = {}
    searches: dict[str, tuple[Path, SearchRecord]] = {}
    for folder in folders:
        for run in runs_in(folder):
            first = runs.get(run.path.name)
            runs[run.path.name] = run if first is None else better(first, run)
        for path in sorted((folder / "tables").glob("*.json")):
            table = read_table(path)
            first = tables.get(table.name)
            tables[table.name] = (path, table if first is None else joined(*first, path, table))
            _add_decisions(decisions, folder, table.name)
        _add_searches(searches, folder)
    all_tables = {name: table for name, (_, table) in tables.items()}
    newest, searched = ({name: value for name, (_, value) in by_name.items()} for by_name in (decisions, searches))
    return MergePlan(runs, all_tables, newest, searched)


def _add_searches(searches: dict[str, tuple[Path, SearchRecord]], folder: Path) -> None:
    """Those of a folder. Raises RecordError where one of its name went otherwise."""
    for search in searches_in(folder):
        path = search_path(folder, search.name)
        first, earlier = searches.setdefault(search.name, (path, search))
        if replace(search, command="") != replace(earlier, command=""):
            raise RecordError(f"{first} and {path} are one search with two results. Remove the wrong one.")


def _add_decisions(decisions: dict[str, tuple[Path, Decisions]], folder: Path, table: str) -> None:
    """Those of a folder, where it has some and they go further than what is there. Raises RecordError."""
    path = decisions_path(folder / "tables", table)
    if (new := read_decisions(path)) is not None:
        first = decisions.get(table)
        decisions[table] = (path, new) if first is None else further(*first, path, new)


def further(first: Path, a: Decisions, second: Path, b: Decisions) -> tuple[Path, Decisions]:
    """The ones with more looks, the first where they are equal; up to there both must have decided the same."""
    if (a.recipe, a.looks, a.rule) != (b.recipe, b.looks, b.rule):
        raise RecordError(f"{first} and {second} are decisions on other runs or by another rule. Remove the wrong one.")
    for number, (look_a, look_b) in enumerate(zip(a.taken, b.taken, strict=False), 1):
        if (look_a.rows, look_a.claims) != (look_b.rows, look_b.claims):
            raise RecordError(f"{first} and {second} decide differently at look {number}. Remove the wrong one.")
    return (second, b) if _reach(b) > _reach(a) else (first, a)


def _reach(decisions: Decisions) -> tuple[int, bool]:
    """Of two with as many looks the one that is to continue: the other's budget was spent."""
    return len(decisions.taken), bool(decisions.taken) and decisions.taken[-1].goes_on


def better(a: RunFolder, b: RunFolder) -> RunFolder:
    """The finished one of two folders of one run, else the one that came further; the first where they are equal."""
    first, second = a.read_run(), b.read_run()
    for key in ("recipe", "data"):
        if getattr(first, key) != getattr(second, key):
            raise RecordError(f"{a.path} and {b.path} are one id with a different {key}. Remove the wrong one.")
    if a.is_done() and b.is_done():
        results = [{k: v for k, v in vars(folder.read_result()).items() if k not in CLOCKS} for folder in (a, b)]
        if names := [k for k in results[0] if results[0][k] != results[1][k]]:
            raise RecordError(f"{a.path} and {b.path} differ in the result: {', '.join(names)}. Remove the wrong one.")
    return b if _progress(b) > _progress(a) else a


def _progress(folder: RunFolder) -> tuple[bool, int]:
    rows = folder.read_metrics()
    return folder.is_done(), rows[-1].step if rows else 0


def joined(first: Path, a: TableRecord, second: Path, b: TableRecord) -> TableRecord:
    """Table `a` with the seeds that `b` has besides; they must be the same table."""
    if _frame(a) != _frame(b):
        raise RecordError(f"{first} and {second} are not the same table. Remove the wrong one.")
    rows = []
    for row, row_b in zip(a.rows, b.rows, strict=True):
        entries = {}
        for key, entry in row.entries.items():
            where = f"{first} and {second} name different runs in row '{row.name}', seed"
            entries[key] = _with_seeds(entry, row_b.entries[key], where)
        rows.append(replace(row, entries=entries))
    return replace(a, rows=tuple(rows))


def _with_seeds(a: EntryRecord, b: EntryRecord, where: str) -> EntryRecord:
    """The runs of both. Raises RecordError."""
    clash = [seed for seed in b.runs.keys() & a.runs.keys() if b.runs[seed] != a.runs[seed]]
    if clash:
        raise RecordError(f"{where} {clash[0]}. Remove the wrong one.")
    return replace(a, runs=dict(sorted((a.runs | b.runs).items())))


def _frame(table: TableRecord) -> TableRecord:
    """All of a table but its runs and the command it was made with."""
    rows = (replace(r, entries={key: replace(e, runs={}) for key, e in r.entries.items()}) for r in table.rows)
    return replace(table, command="", rows=tuple(rows))


def copy_runs(plan: MergePlan, out: Path) -> int:
    """Fills `out`; a folder appears whole or not at all. Returns how many runs came in. Raises RecordError, OSError."""
    (out / "tables").mkdir(parents=True, exist_ok=True)
    coming = [folder for folder in plan.runs.values() if folder.path.parent.resolve() != out.resolve()]
    stage = out / f".merge.{os.getpid()}"  # one level deeper than runs are looked for
    try:
        for folder in coming:
            _copy(folder, stage, out / folder.path.name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    for table in plan.tables.values():
        write_table(out, table)
    for name, decisions in plan.decisions.items():
        write_decisions(decisions_path(out / "tables", name), decisions)
    for search in plan.searches.values():
        write_search(out, search)
    return len(coming)


def _copy(folder: RunFolder, stage: Path, target: Path) -> None:
    """An unfinished run of this id gives way, unless a process is at it."""
    copy, old = stage / target.name, stage / f"{target.name}.old"
    shutil.copytree(folder.path, copy, ignore=LOCAL)
    if target.exists():
        with RunFolder(target).locked():
            os.replace(target, old)
    os.replace(copy, target)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path, nargs="+", metavar="RUNS", help="folders of run folders")
    parser.add_argument("--out", type=Path, required=True, metavar="RUNS", help="the folder to have them all")
    options = parser.parse_args()
    return exit_code(lambda: _merge(options), "Cannot copy to", options.out)


def _merge(options: argparse.Namespace) -> None:
    plan = plan_merge(options.sources, options.out)
    count = copy_runs(plan, options.out)
    print(f"{count} runs came to {options.out}, which now has {len(plan.runs)} and {len(plan.tables)} tables.")


if __name__ == "__main__":
    sys.exit(main())
