"""The claims of all tables as one CSV, a line a claim, with the interval that was judged."""

from __future__ import annotations

from dataclasses import asdict

import pandas as pd

from analysis.claim_words import claim_words
from analysis.table import JudgedClaim, Table

FIGURES = ("mean", "low", "high")  # AP in percent


def claims_csv(tables: tuple[Table, ...]) -> str:
    """Empty where there is nothing, as of a claim without a run."""
    lines = [_line(table, claim) for table in tables for claim in table.claims]
    return pd.DataFrame(lines).astype({"seeds": "Int64", "settled": "Int64"}).to_csv(index=False, lineterminator="\n")


def _line(table: Table, judged: JudgedClaim) -> dict:
    claim, state = judged.claim, asdict(judged.state) if judged.state else {}
    figures = {name: None if state.get(name) is None else round(state[name], 4) for name in FIGURES}
    return {
        "table": table.name,
        "claim": claim.id,
        "kind": claim.kind,
        "words": claim_words(claim),
        "verdict": judged.verdict,
        "published": claim.published,
        "margin": claim.margin,
        **figures,
        "noise": state.get("noise", ""),
        "seeds": state.get("seeds"),
        "settled": state.get("settled"),
        "other_readings": "; ".join(other.verdict for other in judged.others),
        "other_recipe": "yes" if judged.mixed else "",
        "note": judged.note,
        "said": claim.said,
    }
