"""Controlled tables: all rows share every hash, and differ in what a method cannot give up alone."""

import pytest

from analysis.build_table import build_table
from analysis.compare import Draws
from analysis.runs import read_runs
from experiments import run
from experiments.grid.entries import DatasetFinder, entries_of
from experiments.grid.heads import CONTROLLED, under_head
from experiments.grid.matrices import load_matrix, load_profile
from experiments.records.run_folder import tables_in
from tests.tiny_runs import TINY, here, sets

CPU = load_profile("cpu")
PERMITTED = {"method", "settings", *(f"head: {name}" for name in ("scales", "ratios", "base", "coder", "branches"))}


@pytest.fixture(scope="module")
def tables(tmp_path_factory) -> dict:
    """Table 1 of tiny runs, native and with both heads."""
    runs = tmp_path_factory.mktemp("heads")
    words = "--tables 1 --profile cpu --seeds 0 --executor serial --heads native".split()
    small = sets(*TINY, "model.backbone=mobilenet_v2", "schedule.iterations=1", "data.workers=0")
    code, _, err = here(run, *words, *CONTROLLED, "--runs", runs, *small)
    assert code == 0, err
    by_id = {run.id: run for run in read_runs(runs)}
    assert {run.status for run in by_id.values()} == {"done"} and len(by_id) == 3 * 5 - 2
    records = tables_in(runs)
    assert [record.head for record in records] == ["native", *CONTROLLED]
    return {record.head: build_table(record, by_id, runs, Draws(10, 0), False) for record in records}


@pytest.mark.parametrize("head", CONTROLLED)
def test_a_controlled_table_differs_in_what_no_method_can_give_up(tables, head):
    (certificate,) = tables[head].certificates
    assert len(certificate.rows) == 5 and not certificate.broken
    names = {difference.name for difference in certificate.differences}
    assert names <= PERMITTED | {"head: delta_weights"} and names >= PERMITTED
    assert {len(item.hashes) for item in certificate.shared} == {1}


def test_a_native_table_differs_in_the_style_as_well(tables):
    (certificate,) = tables["native"].certificates
    names = {difference.name for difference in certificate.differences}
    assert names > {"head: norm", "head: offset", "head: p6_from", "head: prior_prob", "head: score"}


def test_each_row_names_what_it_keeps_and_a_shared_run_counts_in_both_tables(tables):
    rows = {row.name: row for row in tables["fcos"].rows}
    assert "keeps PointLoss, 9 priors a cell, delta coder" in rows["RetinaNet"].differs
    assert "loss.box_kind=giou" in rows["RetinaNet"].differs and "quality branch" in rows["FCOS*"].differs
    for head, name in CONTROLLED.items():
        own, native = ({row.name: row for row in tables[key].rows}[name] for key in (head, "native"))
        assert own.values[0].runs == native.values[0].runs and len(own.values[0].runs) == 1


def test_tables_of_one_method_have_its_native_runs_under_its_own_head():
    small, finder = ["data.train_images=16", "data.val_images=4"], DatasetFinder(None)
    ids = {
        head: [e.id for e in entries_of(under_head(load_matrix(2, CPU), head), CPU, [0], small, finder)]
        for head in ("native", *CONTROLLED)
    }
    assert ids["autoassign"] == ids["native"] and not set(ids["fcos"]) & set(ids["native"])
