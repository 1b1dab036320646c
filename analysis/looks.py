"""When a table's claims are judged, by what its grid recorded, and how the report says it."""

from __future__ import annotations

from pathlib import Path

from analysis.rule import Looks
from experiments.records.decision_schema import RULE, Decisions, decisions_path, read_decisions
from experiments.records.files import hash_of
from experiments.records.table_schema import TableRecord

JOINTLY = "The intervals of a table's claims hold together with at least 95 %"
COVERS = (
    "Unless marked they cover two noises: that of training, over the seeds, one for all claims of the table, and that "
    "of the validation images, drawn anew; all seeds are scored on the same images: more seeds do not lessen it."
)


def decisions_of(tables: Path, table: TableRecord) -> Decisions | None:
    """None where the seeds were not added by looks, or by looks at other runs. Raises RecordError."""
    decisions = read_decisions(decisions_path(tables, table.name))
    first = hash_of([entry.runs.get(0, "") for row in table.rows for entry in row.entries.values()])
    return decisions if decisions is not None and decisions.recipe == first else None


def looks_of(table: TableRecord, decisions: Decisions | None) -> Looks:
    if decisions is not None:
        return Looks(decisions.looks, fixed=False)
    seeds = [len(entry.runs) for row in table.rows for entry in row.entries.values()]
    return Looks((max([*seeds, 1]),), fixed=True)


def rule_words(table: TableRecord, decisions: Decisions | None) -> str:
    """Which rule judges the claims, how often it has looked, and what the intervals cover; "" without claims."""
    if not table.claims:
        return ""
    if decisions is None:
        return f"Judged once, at a fixed number of seeds. {JOINTLY}: Bonferroni over the claims. {COVERS}"
    looks_taken, numbers = decisions.taken, ", ".join(map(str, decisions.looks))
    end = f"; then {looks_taken[-1].reason}" if looks_taken else ""
    warning = "" if decisions.rule == RULE else f" The seeds were added by another rule: {decisions.rule}."
    looked = f"{len(looks_taken)} of {len(decisions.looks)} looks taken, at {numbers} seeds{end}"
    return f"Judged by looks, {looked}. {JOINTLY} at all looks: {RULE}.{warning} {COVERS}"
