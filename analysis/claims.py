"""The claims of a table as the report prints them: verdict, interval, notes. What verdicts mean: table.JudgedClaim."""

from __future__ import annotations

from dataclasses import replace

from analysis.claim_states import Judged, combined, judged_readings
from analysis.draws import Draws
from analysis.effects import Runs
from analysis.rule import Looks
from analysis.table import JudgedClaim, Verdict
from experiments.records.decision_schema import ClaimState
from experiments.records.table_schema import Claim, TableRecord


def judged_claims(table: TableRecord, runs: Runs, looks: Looks, draws: Draws) -> list[JudgedClaim]:
    """In the order of the table; a summary follows from the others."""
    readings = judged_readings(table, runs, looks, draws)
    judged = {one[0].reading.claim.id: _judged(table, one) for one in readings}
    return [judged.get(claim.id) or _summary(claim, list(judged.values())) for claim in table.claims]


def _judged(table: TableRecord, readings: list[Judged]) -> JudgedClaim:
    states = [_with_result(item) for item in readings]
    first, joint = readings[0].reading, combined(states)
    state = replace(joint, verdict=states[0].verdict)
    notes = [first.effect.note if first.effect.by_seed else _absent(table, first.claim)]
    further = states[1:] if len({state.verdict for state in states}) > 1 else []
    return JudgedClaim(
        claim=first.claim,
        verdict=joint.verdict,
        state=state if first.effect.by_seed else None,
        others=tuple(further),
        note="; ".join(filter(None, notes)),
        mixed=first.effect.mixed,
    )


def _with_result(item: Judged) -> ClaimState:
    """Before its first look a claim is open; in print it has no result while there is no run."""
    return item.state if item.reading.effect.by_seed else replace(item.state, verdict="no result")


def _absent(table: TableRecord, claim: Claim) -> str:
    """Why there is no effect."""
    reasons = {row.name: row.reason for row in table.rows if row.name in (*claim.better, *claim.worse) and row.reason}
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items()) or "no seed in common"


def _summary(claim: Claim, judged: list[JudgedClaim]) -> JudgedClaim:
    """Confirmed where each line is, contradicted where one is; a line without a result leaves it open."""
    lines = [j for j in judged if _is_line(j.claim, claim)]
    verdicts = {j.verdict for j in lines}
    verdict: Verdict = "inconclusive"
    if verdicts <= {"no result"}:
        verdict = "no result"
    elif verdicts == {"confirmed"}:
        verdict = "confirmed"
    elif "contradicted" in verdicts:
        verdict = "contradicted"
    confirmed = sum(j.verdict == "confirmed" for j in lines)
    return JudgedClaim(
        claim, verdict, None, (), f"follows from {len(lines)} lines, {confirmed} of them confirmed", False
    )


def _is_line(line: Claim, summary: Claim) -> bool:
    rows = line.better == summary.better and set(line.worse) <= set(summary.worse)
    return line.kind == "difference" and rows and line.dataset[0] in summary.dataset
