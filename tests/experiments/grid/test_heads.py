"""Controlled tables: all rows share every hash, and differ in what a method cannot give up alone."""

from dataclasses import replace

import pytest

from analysis.build_table import build_table
from analysis.draws import Draws
from analysis.heads import beside_each_other
from analysis.runs import read_runs
from experiments.cli.options import Options
from experiments.grid import command
from experiments.grid.entries import DatasetFinder, entries_of
from experiments.grid.heads import CONTROLLED, under_head
from experiments.grid.matrices import load_matrix, load_profile
from experiments.records.run_folder import tables_in
from experiments.training import execute
from tests.tiny_runs import TINY

CPU = replace(load_profile("cpu"), methods={})  # settings of its own would make each native run another one
PERMITTED = {"method", "settings", *(f"head: {name}" for name in ("scales", "ratios", "base", "coder", "branches"))}
STYLE = {f"head: {name}" for name in ("norm", "offset", "p6_from", "prior_prob", "box_bias", "score", "nms_iou")}
MADE = {(number, head) for number in (1, 5, 7) for head in CONTROLLED}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> dict:
    """Tables 1, 5, 7 and 8 of runs that are evaluated without a step of training: what they record is theirs.

    By number and head: the record, and the table of the report.
    """
    runs = tmp_path_factory.mktemp("heads")
    words = {"tables": (1, 5, 7, 8), "heads": ("native", *CONTROLLED), "seeds": (0,), "executor": "serial"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(execute, "train", lambda model, session: 1.0)
        patch.setattr(command, "load_profile", lambda name: CPU)
        patch.setenv("ASSIGNBENCH_CACHE", str(runs / "cache"))
        assert command.run_tables(Options(profile="cpu", runs=runs, set=(*TINY, "data.workers=0"), **words)) == 0
    by_id, records = {run.id: run for run in read_runs(runs)}, tables_in(runs)
    assert len(by_id) == 105 and {run.status for run in by_id.values()} == {"done"}
    tables = tuple(build_table(record, by_id, runs, Draws(10, 0), False) for record in records)
    tables = beside_each_other(records, tables)
    return {(t.number, r.head): (r, t, by_id, runs) for r, t in zip(records, tables, strict=True)}


def names(certificate) -> set[str]:
    return {difference.name for difference in certificate.differences}


@pytest.mark.parametrize(("number", "head"), sorted(MADE))
def test_a_controlled_table_differs_in_what_no_method_can_give_up(made, number, head):
    _, table, _, _ = made[number, head]
    for certificate in table.certificates:
        assert len(certificate.rows) == {1: 7, 5: 10, 7: 5}[number] and not certificate.broken
        own = {"head: delta_weights"} | (
            {"head: variant"} if number == 1 else set()
        )  # GuidedAnchoring's features adapt to its anchors
        assert PERMITTED <= names(certificate) <= PERMITTED | own
        assert {len(item.hashes) for item in certificate.shared} == {1}


def test_a_native_table_differs_in_the_style_as_well(made):
    (certificate,) = made[1, "native"][1].certificates
    assert names(certificate) > {"head: norm", "head: offset", "head: p6_from", "head: prior_prob", "head: score"}


def test_all_combinations_of_table_8_share_every_hash_and_differ_in_their_parts_alone(made):
    _, table, _, _ = made[8, "native"]
    (certificate,) = table.certificates
    assert len(certificate.rows) == 45 and not certificate.broken
    assert {len(item.hashes) for item in certificate.shared} == {1}
    weights = {name for name in names(certificate) if name.startswith("P6 weights")}  # named by their source
    assert names(certificate) - weights <= PERMITTED | STYLE | {"head: delta_weights"}


def test_the_assignments_of_table_8_alone_differ_as_the_rows_of_a_controlled_table(made):
    record, _, by_id, runs = made[8, "native"]
    alone = {item.rows[1] for item in record.attributions} | {"FCOS*"}
    rows = tuple(row for row in record.rows if row.name in alone)
    table = build_table(replace(record, rows=rows, attributions=()), by_id, runs, Draws(10, 0), False)
    (certificate,) = table.certificates
    assert len(certificate.rows) == 5 and not certificate.broken
    assert PERMITTED <= names(certificate) <= PERMITTED | {"head: delta_weights"}


def test_each_row_names_what_it_keeps_and_a_shared_run_counts_in_both_tables(made):
    rows = {row.name: row for row in made[1, "fcos"][1].rows}
    assert "keeps PointLoss, 9 priors a cell, delta coder" in rows["RetinaNet"].differs
    assert "loss.box_kind=giou" in rows["RetinaNet"].differs and "quality branch" in rows["FCOS*"].differs
    for head, name in CONTROLLED.items():
        own, native = ({row.name: row for row in made[1, key][1].rows}[name] for key in (head, "native"))
        assert own.values[0].runs == native.values[0].runs and len(own.values[0].runs) == 1


def test_the_report_has_the_heads_beside_each_other_and_a_share_for_each_part(made):
    verdicts, figures = made[1, "native"][1].blocks
    assert verdicts.head == ("claim", "native", "AutoAssign's head", "FCOS*'s head", "verdict")
    kept = {row[0]: row[-1] for row in figures.rows}
    assert "9 priors a cell" in kept["RetinaNet"] and kept["AutoAssign"].startswith("BagLoss") and len(kept) == 7
    assert [row[0] for row in made[7, "native"][1].blocks[1].rows[:2]] == ["RetinaNet, VOC", "RetinaNet, Objects365"]
    shares, _ = made[8, "native"][1].blocks
    assert [row[0] for row in shares.rows] == ["RetinaNet", "FreeAnchor", "ATSS", "AutoAssign"]
    assert shares.rows[3][-1] == "BagLoss, 1 prior a cell, ltrb coder, objectness branch, box loss"
    assert all(item.whole and len(item.parts) == len(item.of.parts) for item in made[8, "native"][1].shares)


def test_tables_of_one_method_have_its_native_runs_under_its_own_head():
    small, finder = ["data.train_images=16", "data.val_images=4"], DatasetFinder(None)
    ids = {
        head: [e.id for e in entries_of(under_head(load_matrix(2, CPU), head), CPU, [0], small, finder)]
        for head in ("native", *CONTROLLED)
    }
    assert ids["autoassign"] == ids["native"] and not set(ids["fcos"]) & set(ids["native"])
