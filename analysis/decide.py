"""Prints what the runs say of each claim so far, and how many seeds it is expected to need.

python analysis/decide.py runs/ [--json] [--tables runs/tables]
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path

if not __package__:  # run as a file: this checkout's code, whatever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # no traceback out of an import; exit_code says a sentence

try:
    from analysis.claim_states import table_states
    from analysis.commands import exit_code
    from analysis.draws import Draws
    from analysis.looks import decisions_of, looks_of
    from analysis.runs import Run, read_runs
    from analysis.sorted_runs import sort_runs
    from experiments.records.decision_schema import Answer, ClaimState, TableStates
    from experiments.records.files import RecordError
    from experiments.records.run_folder import read_table
    from experiments.records.table_schema import TableRecord
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="folder of the run folders")
    parser.add_argument("--json", action="store_true", help="as JSON, for run.py --until-decided")
    parser.add_argument(
        "--tables", type=Path, metavar="DIR", help="folder of the tables' records (default: RUNS/tables)"
    )
    return parser


def answer(runs: Path, tables: Path) -> Answer:
    """Of all tables with claims. Raises RecordError."""
    by_id = {run.id: run for run in read_runs(runs)} if runs.is_dir() else {}
    records = [read_table(path) for path in sorted(tables.glob("*.json"))]
    claimed = [record for record in records if record.claims]
    if not claimed:
        raise RecordError(f"No table in {tables} has claims: experiments/run.py --tables writes them.")
    draws = Draws()
    return Answer(tuple(_states(table, by_id, runs, tables, draws) for table in claimed))


def _states(table: TableRecord, runs: dict[str, Run], folder: Path, tables: Path, draws: Draws) -> TableStates:
    """As the report judges them."""
    counted = sort_runs(table, runs, folder, mix=False).done
    return table_states(table, counted, looks_of(table, decisions_of(tables, table)), draws)


def line(state: ClaimState) -> str:
    """For a person."""
    interval = "" if state.low is None else f", {state.mean:+.1f} ({state.low:+.1f} to {state.high:+.1f})"
    needs = "" if state.settled is None else f", settled at about {state.settled} seeds if it stays so"
    return f"{state.id}: {state.verdict} at {state.seeds} seeds{interval}{needs}"


def main() -> int:
    options = parser().parse_args()
    return exit_code(lambda: _decide(options), "Cannot read", options.runs)


def _decide(options: argparse.Namespace) -> None:
    states = answer(options.runs, options.tables or options.runs / "tables")
    if options.json:
        print(json.dumps(asdict(states), allow_nan=False))
        return
    for table in states.tables:
        print(f"{table.table}:", *(f"  {line(state)}" for state in table.claims), sep="\n")


if __name__ == "__main__":
    sys.exit(main())
