"""The matrices: their rows name what exists, and their figures are the paper's."""

import csv

import pytest

import assigners
from experiments.grid.entries import DatasetFinder, entries_of
from experiments.grid.matrices import load_matrix, load_profile, table_numbers
from experiments.runtime.commit import ROOT

PAPER = ROOT.parent / "shared" / "paper" / "tables.csv"
FULL = load_profile("full")


@pytest.mark.parametrize("table", table_numbers())
def test_rows_of_a_matrix_name_methods_and_rows_that_exist(table):
    rows = load_matrix(table, FULL).rows
    names = [row.name for row in rows]
    assert len(names) == len(set(names))
    assert all(row.method in assigners.available() for row in rows if not row.reason)
    runs = {row.name for row in rows if not row.reason}
    assert all(row.against in runs - {row.name} | {""} for row in rows)


@pytest.mark.skipif(not PAPER.is_file(), reason="../shared/paper/tables.csv is not here")
@pytest.mark.parametrize("table", table_numbers())
def test_the_figures_are_those_of_the_paper_in_its_order(table):
    with PAPER.open() as file:
        lines = [line for line in csv.DictReader(file) if line["table"] == str(table)]
    rows = [row for row in load_matrix(table, FULL).rows if not row.reading_of and "normaliser" not in row.name]
    figures = [value for row in rows for value in row.paper.values()]  # without the controls, which repeat them
    assert figures == [float(line["value"]) for line in lines]


def test_a_profile_puts_its_settings_in_the_place_of_a_rows_and_they_win():
    """The small ResNeXt of Table 6 has its own width, not the profile's."""
    cpu = load_profile("cpu")
    by_row = {e.row.name: e.recipe for e in entries_of(load_matrix(6, cpu), cpu, [0], [], DatasetFinder(None))}
    wide, tested = (by_row[f"AutoAssign X101-64x4d-DCN [480, 960]{end}"] for end in ("", ", multi-scale test"))
    assert (wide.model.backbone, wide.model.width, wide.model.dcn) == ("resnext50_32x4d", 0.125, "c4-c5")
    assert (
        wide.data.short == (96, 112, 128, 144, 160) and wide.test.scales == () and tested.test.scales == (96, 192, 128)
    )
    assert (by_row["AutoAssign R101"].model.width, by_row["RetinaNet R101"].schedule.iterations) == (0.25, 270)
    full = load_profile("full")
    assert all(not row.stand_ins for row in load_matrix(6, full).rows)
