"""The claims of a table, judged: one family, a verdict and a p each. What the verdicts mean: table.JudgedClaim."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

from analysis.claim_tests import Judged, both_readings, judge, seeds_needed
from analysis.draws import Draws
from analysis.effects import NO_EFFECT, Effect, Rows, Term, effect_of
from analysis.table import JudgedClaim, Verdict
from experiments.records.table_schema import Claim, TableRecord

Runs = dict[str, Rows]  # entry -> row -> seed -> run


def judged_claims(table: TableRecord, runs: Runs, draws: Draws) -> list[JudgedClaim]:
    """In the order of the table; a summary follows from the others."""
    claims = [claim for claim in table.claims if claim.kind != "summary"]
    readings = [[_read(claim, names) for claim in claims] for names in _readings(table)]
    effects = [[_effect(table, claim, runs, draws) for claim in reading] for reading in readings]
    families = [judge(*family) for family in zip(readings, effects, strict=True)]
    whole = [reduce(both_readings, verdicts) for verdicts in zip(*families, strict=True)]
    judged = {
        claim.id: _judged(table, claim, effect, verdict, [family[i] for family in families[1:]])
        for i, (claim, effect, verdict) in enumerate(zip(claims, effects[0], whole, strict=True))
    }
    return [judged.get(claim.id) or _summary(claim, list(judged.values())) for claim in table.claims]


def terms_of(claim: Claim) -> tuple[Term, ...]:
    """Of one claim that is no summary: their weighted sum is its difference."""
    pairs = claim.kind == "difference of differences"
    return (*_side(1, claim.better, claim.metric, pairs), *_side(-1, claim.worse, _worse_metric(claim), pairs))


def _worse_metric(claim: Claim) -> tuple[str, ...]:
    return claim.worse_metric or claim.metric


def _side(sign: int, rows: tuple[str, ...], metrics: tuple[str, ...], pairs: bool) -> Iterator[Term]:
    """A row, or the mean over pairs of rows of the first less the second."""
    share = 2 / len(rows) if pairs else 1
    for i, row in enumerate(rows):
        yield Term(sign * share * (-1 if pairs and i % 2 else 1), row, metrics)


def _effect(table: TableRecord, claim: Claim, runs: Runs, draws: Draws) -> Effect:
    entry = table.entry_of(claim.dataset[0])
    return effect_of(terms_of(claim), runs[entry], draws) if entry in runs else NO_EFFECT


def _readings(table: TableRecord) -> list[dict[str, str]]:
    """Row -> the row in its place: none first, then each other reading."""
    return [{}, *({row.reading_of: row.name} for row in table.rows if row.reading_of)]


def _read(claim: Claim, names: dict[str, str]) -> Claim:
    better, worse = (tuple(names.get(name, name) for name in rows) for rows in (claim.better, claim.worse))
    return replace(claim, better=better, worse=worse)


def _judged(table: TableRecord, claim: Claim, effect: Effect, judged: Judged, others: list[Judged]) -> JudgedClaim:
    is_open = judged.verdict == "inconclusive" and effect.paired is not None and effect.paired.known
    family = sum(c.kind != "summary" for c in table.claims)
    differing = [other.verdict for other in others] if judged.verdict == "differs by reading" else []
    return JudgedClaim(
        claim=claim,
        verdict=judged.verdict,
        difference=effect.paired,
        p=judged.p,
        more_seeds=seeds_needed(claim, effect, family) if is_open else None,
        is_open=is_open,
        note="; ".join(filter(None, (effect.note if effect.paired else _absent(table, claim), *_read_as(differing)))),
        mixed=effect.mixed,
    )


def _read_as(verdicts: list[Verdict]) -> Iterator[str]:
    if verdicts:
        yield f"with the other reading of the paper: {', '.join(verdicts)}"


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
    note = f"follows from {len(lines)} lines, {confirmed} of them confirmed"
    return JudgedClaim(claim, verdict, None, None, None, False, note, False)


def _is_line(line: Claim, summary: Claim) -> bool:
    rows = line.better == summary.better and set(line.worse) <= set(summary.worse)
    return line.kind == "difference" and rows and line.dataset[0] in summary.dataset
