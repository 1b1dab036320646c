"""What the analysis says of the claims so far: a process, since the grid imports nothing of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from experiments.records.decision_schema import Answer, ClaimState, TableStates
from experiments.runtime.commit import ROOT
from experiments.runtime.errors import UserError


def ask(runs: Path, tables: Path) -> dict[str, TableStates]:
    """By name of the table. Raises UserError with the sentence of analysis/decide.py."""
    words = [ROOT / "analysis" / "decide.py", runs, "--tables", tables, "--json"]
    done = subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise UserError(done.stderr.strip().removeprefix("error: ") or "analysis/decide.py ended without a word.")
    return {table.table: table for table in msgspec.json.decode(done.stdout, type=Answer).tables}


def counts(table: TableStates) -> str:
    """How many of the claims have which verdict."""
    verdicts = [state.verdict for state in table.claims]
    return ", ".join(f"{verdicts.count(name)} {name}" for name in dict.fromkeys(verdicts))


def expectation(state: ClaimState) -> str:
    """A line of --plan."""
    if state.verdict != "inconclusive":
        return f"  {state.id}: {state.verdict}"
    kinds = ("confirmed", "contradicted", "equivalent")
    seeds = [(kind, getattr(state, kind)) for kind in kinds]
    known = [f"{kind} at {number}" for kind, number in seeds if number]
    return f"  {state.id}: " + (", ".join(known) or "more than 1000, or unknown until two seeds of its table are done")
