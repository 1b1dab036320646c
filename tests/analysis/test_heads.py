"""A table that was made with several heads: its figures and verdicts side by side, and those that change."""

from dataclasses import replace

import pytest

from analysis.heads import beside_each_other, verdict_of
from analysis.sentences import PLUS_MINUS
from experiments.records.table_schema import Claim
from tests.synthetic import built, record, result, row, table_of, write_run


@pytest.mark.parametrize(
    ("verdicts", "whole"),
    [
        (("confirmed", "confirmed", "confirmed"), "confirmed"),
        (("confirmed", "inconclusive", "confirmed"),
         "changes with the head: confirmed (native), inconclusive (AutoAssign), confirmed (FCOS*)"),
        (("confirmed", "no result", "contradicted"),
         "changes with the head: confirmed (native), contradicted (FCOS*)"),
        (("confirmed", "no result", "confirmed"), "confirmed (native, FCOS* alone)"),
        (("no result", "no result", "no result"), "no result"),
    ],
)  # fmt: skip
def test_the_verdict_over_the_heads(verdicts, whole):
    assert verdict_of(dict(zip(("native", "AutoAssign", "FCOS*"), verdicts, strict=True))) == whole


def made(runs, head, **aps):
    """A table of two rows, the claim that FCOS* is below AutoAssign, and its runs."""
    rows = []
    for method, values in aps.items():
        ids = {seed: f"{head}{method}{seed}" for seed in range(len(values))}
        for seed, name in ids.items():
            write_run(runs, name, record(seed=seed, assigner=method), result(values[seed] / 100))
        keeps = "" if head == "native" else "keeps PointLoss, 9 priors"
        rows.append(
            row({"autoassign": "AutoAssign", "fcos": "FCOS*"}[method], ids, {"AP": 30}, method=method, keeps=keeps)
        )
    claim = Claim("1.x", "difference", ("AutoAssign",), ("FCOS*",), ("coco",), ("AP",), 1.8, 1.0, "text")
    return replace(table_of(*rows, number=1), head=head, claims=(claim,))


@pytest.fixture
def tables(tmp_path):
    aps = {"native": (30, 31, 32), "autoassign": (24, 25.1, 26), "fcos": (24, 25, 28)}
    fcos = {"native": (25, 26.1, 27), "autoassign": (20, 21, 22), "fcos": (25, 24, 27)}
    records = [made(tmp_path, head, autoassign=aps[head], fcos=fcos[head]) for head in aps]
    return records, tuple(built(tmp_path, one) for one in records)


def test_the_native_table_gets_all_heads_beside_each_other(tables):
    first, *others = beside_each_other(*tables)
    verdicts, figures = first.blocks
    assert verdicts.head == ("claim", "native", "AutoAssign's head", "FCOS*'s head", "verdict")
    ((claim, native, own, other, verdict),) = verdicts.rows
    assert claim.startswith("1.x: AutoAssign over FCOS*")
    assert native.startswith("confirmed, +5.0") and own.startswith("confirmed, +4.0") and other.startswith("inconc")
    told = "confirmed (native), confirmed (AutoAssign), inconclusive (FCOS*)"
    assert verdict == f"changes with the head: {told}" and first.remark == "1 of them changes with the head."
    assert figures.rows[0] == (
        "AutoAssign",
        f"31.0{PLUS_MINUS}2.5",
        f"25.0{PLUS_MINUS}2.5",
        f"25.7{PLUS_MINUS}5.2",
        "PointLoss, 9 priors",
    )
    assert [table.blocks for table in others] == [(), ()]
    assert [table.label for table in (first, *others)] == [
        "Table 1",
        "Table 1 with AutoAssign's head",
        "Table 1 with FCOS*'s head",
    ]


def test_another_recipe_or_a_table_alone_has_nothing_beside_it(tables):
    records, built_tables = tables
    tuned = [replace(records[0], recipe="tuned", common="same"), replace(records[1], recipe="plain", common="same")]
    assert len(beside_each_other(tuned, built_tables[:2])[0].blocks) == 2
    apart = [records[0], replace(records[1], recipe="other")]
    assert beside_each_other(apart, built_tables[:2]) == built_tables[:2]
    assert beside_each_other(records[:1], built_tables[:1]) == built_tables[:1]


def test_a_record_of_another_version_that_lacks_a_row_or_a_claim_is_no_error(tables):
    """Its claim has no result under that head, its row is not beside the others."""
    records, built_tables = tables
    lacking = replace(records[2], rows=records[2].rows[:1], claims=())
    less = replace(built_tables[2], rows=built_tables[2].rows[:1], claims=())
    first, *_ = beside_each_other([*records[:2], lacking], (*built_tables[:2], less))
    assert first.blocks[0].rows[0][3:] == ("no result", "confirmed (native, AutoAssign alone)")
    assert [row[0] for row in first.blocks[1].rows] == ["AutoAssign"]


def test_what_a_controlled_row_sets_beside_the_head_is_named(tables):
    records, built_tables = tables
    words = "model.mode=controlled model.reference=fcos loss.box_kind=giou a=1"
    rows = [tuple(replace(row, differs=text) for row in records[0].rows) for text in ("a=1", words)]
    records = [replace(records[0], rows=rows[0]), replace(records[1], rows=tuple(
        replace(row, keeps="keeps PointLoss") for row in rows[1]
    ))]  # fmt: skip
    first, _ = beside_each_other(records, built_tables[:2])
    assert first.blocks[1].rows[0][-1] == "PointLoss; controlled with loss.box_kind=giou"
