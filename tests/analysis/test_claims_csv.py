"""The claims as data: in one CSV of all tables, and in the LaTeX of each."""

import csv
import io
from dataclasses import replace

from analysis.claims_csv import claims_csv
from analysis.table import JudgedClaim
from analysis.to_latex import table_latex
from experiments.records.decision_schema import ClaimState
from experiments.records.table_schema import Claim
from tests.analysis.test_report import BOTH, table

CLAIM = Claim("2.x", "difference", ("a_b",), ("b",), ("coco",), ("AP",), 2.0, 1.0, "section 4")
STATE = ClaimState("2.x", "confirmed", 1, 3, False, 1.56789, 0.5, 2.5, noise=BOTH)


def test_a_line_a_claim_with_its_interval():
    judged = JudgedClaim(CLAIM, "confirmed", STATE, (), "", False)
    none = JudgedClaim(replace(CLAIM, id="2.y"), "no result", None, (), "no seed in common", True)
    lines = list(csv.DictReader(io.StringIO(claims_csv((table(), replace(table(), claims=(judged, none)))))))
    assert [line["claim"] for line in lines] == ["2.x", "2.y"]
    figures = [lines[0][name] for name in ("verdict", "published", "margin", "mean", "low", "high", "noise", "seeds")]
    assert figures == ["confirmed", "2.0", "1.0", "1.5679", "0.5", "2.5", BOTH, "3"]
    assert [lines[1][name] for name in ("verdict", "mean", "seeds", "other_recipe")] == ["no result", "", "", "yes"]
    assert lines[1]["note"] == "no seed in common" and lines[0]["table"] == "cpu-table2"


def test_latex_has_the_claims_in_a_table_of_their_own():
    source = table_latex(replace(table(), claims=(JudgedClaim(CLAIM, "confirmed", STATE, (), "", False),)))
    assert source.count(r"\begin{table}") == source.count(r"\end{table}") == 2
    assert r"confirmed & 2.x: a\_b over b in AP, coco & +2.0 & +1.6, +0.5 to +2.5, 3 seeds \\" in source
    assert "by the rule" in source
    assert table_latex(table()).count(r"\begin{table}") == 1
    assert r"\color{gray} 17.7" in source
