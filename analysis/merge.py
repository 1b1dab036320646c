"""Copies the runs and tables of several machines into one folder; a conflict stops it before anything is copied.

python analysis/merge.py runs_a/ runs_b/ --out runs/
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

try:
    from experiments.records.run_folder import RecordError, RunFolder, runs_in, write_json
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")

LOCAL = shutil.ignore_patterns("lock", "*.partial")  # of the machine, not of the run
CLOCKS = ("train_seconds", "eval_seconds")  # differ between two machines that ran the same


@dataclass(frozen=True)
class Plan:
    """What to copy, known to be free of conflicts."""

    runs: dict[str, RunFolder]  # id -> the one to have
    tables: dict[str, dict]  # file name -> content


def plan(sources: list[Path], out: Path) -> Plan:
    """Raises RecordError where two folders of one id, or two tables of one name, contradict each other."""
    places = [*([out] if out.is_dir() else []), *sources]
    runs: dict[str, RunFolder] = {}
    tables: dict[str, tuple[Path, dict]] = {}
    for place in places:
        for folder in runs_in(place):
            known = runs.get(folder.path.name)
            runs[folder.path.name] = folder if known is None else better(known, folder)
        for path in sorted((place / "tables").glob("*.json")):
            known = tables.get(path.name)
            tables[path.name] = (path, _table(path) if known is None else joined(*known, path))
    return Plan(runs, {name: values for name, (_, values) in tables.items()})


def better(a: RunFolder, b: RunFolder) -> RunFolder:
    """The finished one of two folders of one run, else the one that came further; the first where they are equal."""
    first, second = a.read_run(), b.read_run()
    for key in ("recipe", "data"):
        if first.get(key) != second.get(key):
            raise RecordError(f"{a.path} and {b.path} are one id with a different {key}. Remove the wrong one.")
    if a.is_done() and b.is_done():
        results = [{k: v for k, v in folder.read_done().items() if k not in CLOCKS} for folder in (a, b)]
        if results[0] != results[1]:
            names = [k for k in results[0] | results[1] if results[0].get(k) != results[1].get(k)]
            raise RecordError(f"{a.path} and {b.path} differ in the result: {', '.join(names)}. Remove the wrong one.")
    return b if _progress(b) > _progress(a) else a


def _progress(folder: RunFolder) -> tuple[bool, int]:
    rows = folder.read_metrics()
    return folder.is_done(), rows[-1]["step"] if rows else 0


def _table(path: Path) -> dict:
    try:
        values = json.loads(path.read_bytes())
        return values if {"rows", "columns"} <= values.keys() else _cannot(path, "it has no rows and columns")
    except (OSError, ValueError, AttributeError) as error:
        return _cannot(path, error)


def _cannot(path: Path, why: object) -> dict:
    raise RecordError(f"Cannot read the table {path}: {why}.")


def joined(first: Path, a: dict, second: Path) -> dict:
    """Table `a` with the seeds that the one at `second` has besides; they must be the same table."""
    a, b = deepcopy(a), _table(second)
    try:
        if _frame(a) != _frame(b):
            raise RecordError(f"{first} and {second} are not the same table. Remove the wrong one.")
        for row, other in zip(a["rows"], b["rows"], strict=True):
            for name, cell in row["cells"].items():
                more = other["cells"][name]["runs"]
                clash = [seed for seed in more.keys() & cell["runs"].keys() if more[seed] != cell["runs"][seed]]
                if clash:
                    where = f"row '{row['name']}', seed {clash[0]}"
                    raise RecordError(f"{first} and {second} name different runs in {where}. Remove the wrong one.")
                cell["runs"] = dict(sorted((cell["runs"] | more).items(), key=lambda item: int(item[0])))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        _cannot(second, repr(error))
    return a


def _frame(table: dict) -> dict:
    """All of a table but its runs and the line it was made with."""
    rows = [
        row | {"cells": {name: cell | {"runs": {}} for name, cell in row["cells"].items()}} for row in table["rows"]
    ]
    return {key: value for key, value in table.items() if key != "command"} | {"rows": rows}


def copy(found: Plan, out: Path) -> int:
    """Fills `out`; a folder appears whole or not at all. Returns how many runs came in. Raises RecordError, OSError."""
    (out / "tables").mkdir(parents=True, exist_ok=True)
    coming = [folder for folder in found.runs.values() if folder.path.parent.resolve() != out.resolve()]
    stage = out / f".merge.{os.getpid()}"  # one level deeper than runs are looked for
    try:
        for folder in coming:
            _copy(folder, stage, out / folder.path.name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
    for name, values in found.tables.items():
        write_json(out / "tables" / name, values)
    return len(coming)


def _copy(folder: RunFolder, stage: Path, place: Path) -> None:
    """An unfinished run in its place gives way, unless a process is at it."""
    whole, old = stage / place.name, stage / f"{place.name}.old"
    shutil.copytree(folder.path, whole, ignore=LOCAL)
    if place.exists():
        with RunFolder(place).locked():
            os.replace(place, old)
    os.replace(whole, place)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sources", type=Path, nargs="+", metavar="RUNS", help="folders of run folders")
    parser.add_argument("--out", type=Path, required=True, metavar="RUNS", help="the folder to have them all")
    options = parser.parse_args()
    try:
        found = plan(options.sources, options.out)
        count = copy(found, options.out)
    except RecordError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (OSError, shutil.Error) as error:
        print(f"error: Cannot copy to {options.out}: {error}.", file=sys.stderr)
        return 2
    print(f"{count} runs came to {options.out}, which now has {len(found.runs)} and {len(found.tables)} tables.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
