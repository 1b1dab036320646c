"""Tables from hand-written records whose right answer is known."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis.build_table import build, ranked
from analysis.collect import collect
from analysis.compare import Draws
from analysis.results import read
from analysis.table_spec import CellSpec, ColumnSpec, RowSpec, TableSpec, parse, tables_in
from experiments.records.run_folder import RecordError
from tests.synthetic import record, result, row, spec, write, write_matches, write_table


def built(runs, table, mix=False):
    return build(table, read(collect(runs), runs), runs, Draws(200, 0), mix)


def finished(runs, name, aps, **of):
    """A run a seed, without matches; seed -> id."""
    for seed, ap in enumerate(aps):
        write(runs, f"{name}{seed}", record(seed=seed, **of), result(ap))
    return {seed: f"{name}{seed}" for seed in range(len(aps))}


def test_a_cell_is_the_mean_over_the_seeds_beside_the_paper(tmp_path):
    ids = finished(tmp_path, "a", (0.1, 0.2, 0.3))
    (cell,) = built(tmp_path, spec(row("a", ids, {"AP": 17.7}))).rows[0].cells
    assert cell.ours.value == pytest.approx(20) and cell.ours.n == 3
    assert cell.ours.half == pytest.approx(4.3027 * 10 / 3**0.5, abs=1e-3)
    assert cell.difference == pytest.approx(2.3)
    assert cell.runs == ("a0", "a1", "a2")


def test_one_seed_has_no_half_width_and_tells_no_order(tmp_path):
    a, b = finished(tmp_path, "a", (0.1,)), finished(tmp_path, "b", (0.9,))
    table = built(tmp_path, spec(row("a", a, {"AP": 1}), row("b", b, {"AP": 2}, "a")))
    assert table.rows[1].cells[0].ours.half is None
    (versus,) = table.rows[1].versus
    assert (versus.found.value, versus.p, versus.sign) == (pytest.approx(80), None, 0)
    assert [o.verdict for o in table.orders] == ["cannot tell"]


def test_a_class_column_and_a_figure_without_truth(tmp_path):
    write(tmp_path, "a", record(), result(0.5, AP50=None))
    metrics = ("class:left", "AP50", "class:nowhere")
    left, none, nowhere = built(tmp_path, spec(row("a", {0: "a"}), metrics=metrics)).rows[0].cells
    assert left.ours.value == pytest.approx(60)  # third class: 0.5 * 1.2
    assert (none.hole, nowhere.hole) == ("no truth", "no truth")


def test_every_hole_has_its_reason(tmp_path):
    write(tmp_path, "u", record(), steps=40)
    write(tmp_path, "f", record(), failed="bad image 7")
    write(tmp_path, "bad", record(), result(0.5)).run.write_text("{")
    rows = [
        row("unfinished", {0: "u"}),
        row("failed", {0: "f"}),
        row("lost", {0: "nowhere"}),
        row("broken", {0: "bad"}),
        row("later", {}, reason="not implemented"),
        replace(row("data", {}), cells={"main": CellSpec("coco", "coco", {}, "no images in data/coco")}),
        replace(row("unplanned", {}), cells={}),
    ]
    table = built(tmp_path, spec(*rows))
    short = [r.cells[0].hole for r in table.rows]
    assert short[:3] == ["step 40 of 100", "failed", "not run"]
    assert short[3].startswith("unreadable run.json") and len(short[3]) <= 40
    assert short[4:] == ["not implemented", "no images in data/coco", "not planned"]
    reasons = {hole.row: hole.reason for hole in table.holes}
    assert reasons["failed"] == "failed: bad image 7"
    assert reasons["unfinished"] == "not finished: step 40 of 100"
    assert set(reasons) == {r.name for r in rows}


def test_a_seed_without_result_is_listed_below_a_mean_of_the_others(tmp_path):
    ids = finished(tmp_path, "a", (0.1, 0.2)) | {2: "nowhere"}
    table = built(tmp_path, spec(row("a", ids)))
    assert table.rows[0].cells[0].ours.n == 2
    assert [(h.what, h.reason) for h in table.holes] == [("shapes seed 2, run nowhere", "not run")]


def test_best_and_second_and_ties_within_noise():
    steady = {0: 50.0, 1: 50.2, 2: 49.8}
    noisy = {0: 44.0, 1: 56.0, 2: 47.0}
    low = {0: 30.0, 1: 30.2, 2: 29.8}
    lower = {0: 20.0, 1: 20.2, 2: 19.9}
    assert ranked({"low": low, "noisy": noisy, "steady": steady}) == (["steady", "noisy"], ["low"])
    assert ranked({"low": low, "steady": steady, "lower": lower}) == (["steady"], ["low"])
    assert ranked({"a": {0: 40.0}, "b": {0: 40.01}, "c": {0: 39.9}}) == (["b", "a"], ["c"])  # printed alike
    assert ranked({"a": steady, "b": {7: 49.0}}) == (["a"], ["b"])  # no seed in common
    assert ranked({}) == ([], [])


def test_the_common_noise_of_a_seed_is_no_noise_of_the_difference():
    rough = {0: 40.0, 1: 60.0, 2: 50.0}
    better = {s: v + 1 + 0.01 * s for s, v in rough.items()}
    assert ranked({"a": rough, "b": better}) == (["b"], ["a"])


def two(tmp_path, **of):
    a, b = finished(tmp_path, "a", (0.1, 0.12)), finished(tmp_path, "b", (0.3, 0.32))
    other = finished(tmp_path, "c", (0.9, 0.9), **of)
    return [row("a", a, {"AP": 1}), row("b", b, {"AP": 2}), row("c", other, {"AP": 3}, "a")]


def test_another_recipe_is_left_out_and_named(tmp_path):
    table = built(tmp_path, spec(*two(tmp_path, optimizer__lr=0.5)))
    assert table.rows[2].cells[0].hole == "other recipe"
    assert "optimizer.lr (--mix shows it)" in table.holes[0].reason
    assert table.rows[1].cells[0].mark == "best"
    assert [o.verdict for o in table.orders].count("no result") == 2


def test_mixed_rows_are_marked_and_never_best(tmp_path):
    table = built(tmp_path, spec(*two(tmp_path, optimizer__lr=0.5)), mix=True)
    cell = table.rows[2].cells[0]
    assert (cell.mixed, cell.mark, cell.ours.value) == (True, "", pytest.approx(90))
    assert table.rows[1].cells[0].mark == "best"
    assert table.certificates[0].rows == ("a", "b")
    assert [c.mixed for c in table.compared] == [True]


def test_a_difference_that_the_matrix_declares_is_shown_and_marked(tmp_path):
    a, b, c = two(tmp_path, model__backbone="resnet101")
    declared = replace(c, differs="model.backbone=resnet101")
    write(tmp_path, "c1", record(seed=1, model__backbone="resnet101", data__workers=9), result(0.9))
    table = built(tmp_path, spec(a, b, declared))
    assert table.rows[2].cells[0].mixed and table.holes == ()


def test_what_has_no_effect_does_not_split_rows(tmp_path):
    table = built(tmp_path, spec(*two(tmp_path, data__workers=7)))
    assert table.rows[2].cells[0].mark == "best"


def test_unequal_seeds_are_compared_where_both_have_them(tmp_path):
    a, b = finished(tmp_path, "a", (0.1, 0.2, 0.3)), finished(tmp_path, "b", (0.2, 0.31))
    (versus,) = built(tmp_path, spec(row("a", a), row("b", b, against="a"))).rows[1].versus
    assert versus.found.seeds == 2 and versus.found.value == pytest.approx(10.5)
    apart = spec(row("a", {0: "a0"}), row("b", {1: "b1"}, against="a"))
    assert built(tmp_path, apart).rows[1].versus[0].note == "no seed in common"


def with_matches(runs, name, qualities, images=60, **of):
    ids = {}
    for seed, quality in enumerate(qualities):
        folder = write(runs, f"{name}{seed}", record(seed=seed, **of))
        folder.write_done(result(write_matches(folder, quality, images, noise=seed)))
        ids[seed] = folder.path.name
    return ids


def test_orders_that_hold_are_reversed_or_cannot_be_told(tmp_path):
    low, high = with_matches(tmp_path, "l", (0.3, 0.31, 0.3)), with_matches(tmp_path, "h", (0.7, 0.71, 0.7))
    same = with_matches(tmp_path, "s", (0.31, 0.3, 0.31))
    rows = [row("low", low, {"AP": 10}), row("high", high, {"AP": 30}), row("same", same, {"AP": 20})]
    table = built(tmp_path, spec(*rows))
    found = {(o.ours.row, o.ours.against): o.verdict for o in table.orders}
    assert found == {("high", "low"): "agrees", ("high", "same"): "agrees", ("same", "low"): "cannot tell"}
    turned = [replace(rows[0], paper={"AP": 50}), rows[1]]
    assert [o.verdict for o in built(tmp_path, spec(*turned)).orders] == ["disagrees"]
    alike = [replace(rows[0], paper={"AP": 30}), rows[1]]
    assert built(tmp_path, spec(*alike)).orders == ()  # the paper has no order


def test_p_values_are_corrected_within_the_table(tmp_path):
    a = finished(tmp_path, "a", (0.1, 0.11, 0.1))
    rows = [row(n, finished(tmp_path, n, (0.2, 0.22, 0.19)), against="a") for n in ("b", "c")]
    versus = [r.versus[0] for r in built(tmp_path, spec(row("a", a), *rows)).rows[1:]]
    assert [v.p for v in versus] == pytest.approx([2 * v.found.p for v in versus])


@pytest.mark.parametrize("damage", ["missing", "empty", "foreign", "shorter"])
def test_damaged_matches_leave_the_seeds_noise_and_say_so(tmp_path, damage):
    a, b = with_matches(tmp_path, "a", (0.3, 0.31)), with_matches(tmp_path, "b", (0.5, 0.52))
    path = tmp_path / "b1" / "matches.npz"
    if damage == "foreign":
        write_matches(read(collect(tmp_path), tmp_path)["b1"], 0.9, 60)
    elif damage == "shorter":
        folder = write(tmp_path, "b1", record(seed=1))
        folder.write_done(result(write_matches(folder, 0.5, 30)))
    else:
        path.unlink() if damage == "missing" else path.write_bytes(b"")
    (versus,) = built(tmp_path, spec(row("a", a), row("b", b, against="a"))).rows[1].versus
    assert versus.found.images == 0 and versus.p is not None
    assert versus.note.startswith("noise of the images not known: ")


def test_the_noise_of_the_images_counts(tmp_path):
    a, b = with_matches(tmp_path, "a", (0.3, 0.31)), with_matches(tmp_path, "b", (0.5, 0.52))
    table = spec(row("a", a), row("b", b, against="a"))
    with_images = built(tmp_path, table).rows[1].versus[0].found
    for run in (*a.values(), *b.values()):
        (tmp_path / run / "matches.npz").unlink()
    alone = built(tmp_path, table).rows[1].versus[0].found
    assert with_images.images == 60 and with_images.value == pytest.approx(alone.value)
    assert with_images.half != alone.half


def test_cells_of_several_data_sets_are_compared_one_by_one(tmp_path):
    columns = tuple(ColumnSpec(f"{c} AP", c, "AP") for c in ("voc", "widerface"))
    rows = []
    for name, aps in (("a", (0.1, 0.11)), ("b", (0.2, 0.21))):
        cells = {
            c: CellSpec(f"shapes-{c}", c, finished(tmp_path, name + c, aps, dataset=f"shapes-{c}"), "")
            for c in ("voc", "widerface")
        }
        paper = {"voc AP": 50.0 + len(rows), "widerface AP": 40.0}
        rows.append(RowSpec(name, "fcos", "a" if rows else "", "", "", cells, paper))
    table = built(tmp_path, TableSpec(7, "Sets", "cpu", "", columns, tuple(rows)))
    assert [c.cell for c in table.rows[1].versus] == ["voc", "widerface"]
    assert [o.ours.cell for o in table.orders] == ["voc"]
    assert table.data == ("shapes-voc for voc", "shapes-widerface for widerface")
    assert [c.cell for c in table.certificates] == ["voc", "widerface"]


def test_tables_round_trip_and_wrong_ones_are_sentences(tmp_path):
    table = spec(row("a", {0: "x", 10: "y"}, {"AP": 1.5}), row("b", {}, against="a", reason="not implemented"))
    path = write_table(tmp_path, table)
    assert tables_in(tmp_path) == [table]
    assert tables_in(tmp_path / "nowhere") == []
    good = json.loads(path.read_text())
    for change in (
        {"profile": "../x"},
        {"columns": 3},
        {"rows": good["rows"] * 2},
        {"rows": good["rows"][1:]},
        {"table": None},
    ):
        with pytest.raises((ValueError, TypeError)):
            parse(good | change)
        path.write_text(json.dumps(good | change))
        with pytest.raises(RecordError, match=r"cpu-table2\.json"):
            tables_in(tmp_path)


def test_draws_are_the_same_for_all_runs_and_of_their_seed(tmp_path):
    with_matches(tmp_path, "a", (0.3, 0.3))
    runs = read(collect(tmp_path), tmp_path)
    first, again, other = Draws(50, 0), Draws(50, 0), Draws(50, 1)
    assert np.array_equal(first.of(runs["a0"]).ap, again.of(runs["a0"]).ap)
    assert not np.array_equal(first.of(runs["a0"]).ap, other.of(runs["a0"]).ap)
    assert first.of(runs["a0"]) is first.of(runs["a0"])
