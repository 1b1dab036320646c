"""Where seeds were added by looks: the report judges as the grid did, and says so."""

from dataclasses import replace

from analysis import decide
from experiments.records.decision_schema import LOOKS, RULE, Decisions, Look, decisions_path, write_decisions
from experiments.records.files import hash_of
from experiments.records.run_folder import write_table
from tests.analysis.test_claims import claim, rows
from tests.synthetic import built, table_of


def looked(tmp_path, table, *taken):
    first = hash_of([entry.runs.get(0, "") for row in table.rows for entry in row.entries.values()])
    decisions = Decisions(first, LOOKS, RULE, taken)
    write_table(tmp_path, table)
    write_decisions(decisions_path(tmp_path / "tables", table.name), decisions)
    return decisions


def test_the_report_and_the_looks_say_the_same_of_both_readings(tmp_path):
    a, b, c = rows(tmp_path, a=(30, 31, 32.0), b=(20, 21, 22.1), c=(29.5, 32.0, 31.0))
    table = replace(table_of(a, b, replace(c, reading_of="b")), claims=(claim(),))
    decisions = looked(tmp_path, table)
    (state,) = decide.answer(tmp_path, tmp_path / "tables").tables[0].claims
    (one,) = built(tmp_path, table, decisions=decisions).claims
    assert state.verdict == one.verdict == "inconclusive" and state.is_open and one.state.is_open
    assert decide.answer(tmp_path, tmp_path / "tables").tables[0].rows == (("a", "main"), ("c", "main"))
    assert (one.state.low, one.state.high, one.state.settled) == (state.low, state.high, state.settled)
    assert [other.verdict for other in one.others] == ["inconclusive"]


def test_the_report_says_which_rule_and_how_many_looks(tmp_path):
    table = replace(table_of(*rows(tmp_path, a=(30, 31, 32), b=(28.1, 29.0, 29.9))), claims=(claim(),))
    once = built(tmp_path, table)
    taken = Look(3, 1.0, False, "no claim is open", (), ())
    by_looks = built(tmp_path, table, decisions=looked(tmp_path, table, taken))
    assert once.rule.startswith("Judged once, at a fixed number of seeds. ")
    assert by_looks.rule.startswith(
        "Judged by looks, 1 of 4 looks taken, at 3, 5, 7, 10 seeds; then no claim is open. "
    )
    assert "alpha spending" in by_looks.rule and "all seeds are scored on the same images" in by_looks.rule
    once_half, look_half = (t.claims[0].state.high - t.claims[0].state.mean for t in (once, by_looks))
    assert once_half < look_half  # a look of several has a part of the level
    assert built(tmp_path, replace(table, claims=())).rule == ""
