"""Tables from hand-written records whose right answer is known."""

from dataclasses import replace

import pytest

from analysis.build_table import best_rows
from analysis.sentences import our_figure
from experiments.records.table_schema import EntryRecord
from tests.synthetic import built, record, result, row, table_of, write_matches, write_run


def finished(runs, name, aps, **changes):
    """A run a seed, without matches; seed -> id."""
    for seed, ap in enumerate(aps):
        write_run(runs, f"{name}{seed}", record(seed=seed, **changes), result(ap))
    return {seed: f"{name}{seed}" for seed in range(len(aps))}


def test_a_figure_is_the_mean_over_the_seeds_beside_the_paper(tmp_path):
    ids = finished(tmp_path, "a", (0.1, 0.2, 0.3))
    (value,) = built(tmp_path, table_of(row("a", ids, {"AP": 17.7}))).rows[0].values
    assert value.ours.value == pytest.approx(20) and value.ours.n == 3
    assert value.ours.half == pytest.approx(4.3027 * 10 / 3**0.5, abs=1e-3)
    assert value.difference is None  # shapes in the place of coco
    same = replace(row("a", ids, {"AP": 17.7}), entries={"main": EntryRecord("coco", "coco", ids)})
    assert built(tmp_path, table_of(same)).rows[0].values[0].difference == pytest.approx(2.3)
    assert value.runs == ("a0", "a1", "a2")


def test_one_seed_has_no_half_width_and_decides_no_ranking(tmp_path):
    a, b = finished(tmp_path, "a", (0.1,)), finished(tmp_path, "b", (0.9,))
    table = built(tmp_path, table_of(row("a", a, {"AP": 1}), row("b", b, {"AP": 2}, "a")))
    assert table.rows[1].values[0].ours.half is None
    (versus,) = table.rows[1].versus
    assert (versus.difference.value, versus.difference.half, versus.sign) == (pytest.approx(80), None, 0)
    assert [r.outcome for r in table.rankings] == ["inconclusive"]


def test_one_seed_has_the_noise_of_its_images_marked_as_that_alone(tmp_path):
    for seed in range(2):
        folder = write_run(tmp_path, f"a{seed}", record(seed=seed))
        folder.write_result(result(write_matches(folder, 0.5, 60, noise=seed)))
    one, none = built(tmp_path, table_of(row("a", {0: "a0"}), metrics=("AP", "AP50"))).rows[0].values
    assert one.ours.half > 0 and our_figure(one).endswith("‡") and one.ours.noise == "images"
    assert none.ours.half is None and "‡" not in our_figure(none)  # no resampling of AP50
    (two,) = built(tmp_path, table_of(row("a", {0: "a0", 1: "a1"}))).rows[0].values
    assert two.ours.noise == "seeds" and "‡" not in our_figure(two) and "±" in our_figure(two)


def test_a_class_column_and_a_figure_without_truth(tmp_path):
    write_run(tmp_path, "a", record(), result(0.5, AP50=None))
    metrics = ("class:left", "AP50", "class:nowhere")
    left, none, nowhere = built(tmp_path, table_of(row("a", {0: "a"}), metrics=metrics)).rows[0].values
    assert left.ours.value == pytest.approx(60)  # third class: 0.5 * 1.2
    assert (none.hole, nowhere.hole) == ("no truth", "no truth")


def test_every_hole_has_its_reason(tmp_path):
    write_run(tmp_path, "u", record(), steps=40)
    write_run(tmp_path, "f", record(), failed="bad image 7")
    write_run(tmp_path, "bad", record(), result(0.5)).run.write_text("{")
    rows = [
        row("unfinished", {0: "u"}),
        row("failed", {0: "f"}),
        row("lost", {0: "nowhere"}),
        row("broken", {0: "bad"}),
        row("later", {}, reason="not implemented"),
        replace(row("data", {}), entries={"main": EntryRecord("coco", "coco", {}, "no images in data/coco")}),
        replace(row("unplanned", {}), entries={}),
    ]
    table = built(tmp_path, table_of(*rows))
    short = [r.values[0].hole for r in table.rows]
    assert short[:3] == ["step 40 of 100", "failed", "not run"]
    assert short[3].startswith("unreadable run.json") and len(short[3]) <= 40
    assert short[4:] == ["not implemented", "no images in data/coco", "not planned"]
    reasons = {hole.row: hole.reason for hole in table.holes}
    assert reasons["failed"] == "failed: bad image 7"
    assert reasons["unfinished"] == "not finished: step 40 of 100"
    assert set(reasons) == {r.name for r in rows}


def test_a_seed_without_result_is_listed_below_a_mean_of_the_others(tmp_path):
    ids = finished(tmp_path, "a", (0.1, 0.2)) | {2: "nowhere"}
    table = built(tmp_path, table_of(row("a", ids)))
    assert table.rows[0].values[0].ours.n == 2
    assert [(h.run, h.reason) for h in table.holes] == [("shapes seed 2, run nowhere", "not run")]


def test_the_best_row_and_all_that_it_does_not_beat_beyond_noise():
    steady = {0: 50.0, 1: 50.2, 2: 49.8}
    noisy = {0: 44.0, 1: 56.0, 2: 47.0}
    low = {0: 30.0, 1: 30.2, 2: 29.8}
    lower = {0: 20.0, 1: 20.2, 2: 19.9}
    assert best_rows({"low": low, "noisy": noisy, "steady": steady}) == ["noisy", "steady"]
    assert best_rows({"low": low, "steady": steady, "lower": lower}) == ["steady"]
    assert best_rows({"a": {0: 40.0}, "b": {0: 40.01}}) == ["a", "b"]  # printed alike
    assert best_rows({}) == []


@pytest.mark.parametrize("other", [{7: 9.0, 8: 9.1}, {0: 9.0, 7: 9.1}, {0: 9.0}])
def test_where_nothing_tells_the_noise_no_row_is_the_best(other):
    assert best_rows({"a": {0: 50.0, 1: 50.2}, "b": other}) == ["a", "b"]  # one seed in common, or none


def test_the_common_noise_of_a_seed_is_no_noise_of_the_difference():
    rough = {0: 40.0, 1: 60.0, 2: 50.0}
    better = {s: v + 1 + 0.01 * s for s, v in rough.items()}
    assert best_rows({"a": rough, "b": better}) == ["b"]


def two(tmp_path, **changes):
    a, b = finished(tmp_path, "a", (0.1, 0.12)), finished(tmp_path, "b", (0.3, 0.32))
    other = finished(tmp_path, "c", (0.9, 0.9), **changes)
    return [row("a", a, {"AP": 1}), row("b", b, {"AP": 2}), row("c", other, {"AP": 3}, "a")]


def test_another_recipe_is_left_out_and_named(tmp_path):
    table = built(tmp_path, table_of(*two(tmp_path, optimizer__lr=0.5)))
    assert table.rows[2].values[0].hole == "other recipe"
    assert "optimizer.lr (--mix shows it)" in table.holes[0].reason
    assert table.rows[1].values[0].mark == "best"
    assert [r.outcome for r in table.rankings].count("no result") == 2


def test_mixed_rows_are_marked_and_never_best(tmp_path):
    table = built(tmp_path, table_of(*two(tmp_path, optimizer__lr=0.5)), mix=True)
    value = table.rows[2].values[0]
    assert (value.mixed, value.mark, value.ours.value) == (True, "", pytest.approx(90))
    assert table.rows[1].values[0].mark == "best"
    assert table.certificates[0].rows == ("a", "b")
    assert [c.mixed for c in table.compared] == [True]


def test_a_difference_that_the_matrix_declares_is_shown_and_marked(tmp_path):
    a, b, c = two(tmp_path, model__backbone="resnet101")
    declared = replace(c, differs="model.backbone=resnet101")
    write_run(tmp_path, "c1", record(seed=1, model__backbone="resnet101", data__workers=9), result(0.9))
    table = built(tmp_path, table_of(a, b, declared))
    assert table.rows[2].values[0].mixed and table.holes == ()


def test_what_has_no_effect_does_not_split_rows(tmp_path):
    table = built(tmp_path, table_of(*two(tmp_path, data__workers=7)))
    assert table.rows[2].values[0].mark == "best"


def test_unequal_seeds_are_compared_where_both_have_them(tmp_path):
    a, b = finished(tmp_path, "a", (0.1, 0.2, 0.3)), finished(tmp_path, "b", (0.2, 0.31))
    (versus,) = built(tmp_path, table_of(row("a", a), row("b", b, against="a"))).rows[1].versus
    assert versus.difference.seeds == 2 and versus.difference.value == pytest.approx(10.5)
    apart = table_of(row("a", {0: "a0"}), row("b", {1: "b1"}, against="a"))
    assert built(tmp_path, apart).rows[1].versus[0].note == "no seed in common"


def test_only_a_mean_beyond_the_noise_of_the_next_is_bold(tmp_path):
    def marks(**aps):
        rows = [row(name, finished(tmp_path, name, values)) for name, values in aps.items()]
        return [r.values[0].mark for r in built(tmp_path, table_of(*rows)).rows]

    assert marks(a=(0.3, 0.31, 0.32), b=(0.2, 0.21, 0.22)) == ["best", ""]
    assert marks(a=(0.3, 0.2, 0.4), b=(0.25, 0.3, 0.2)) == ["", ""]
    assert marks(a=(0.9,), b=(0.1,)) == ["", ""]  # one seed tells nothing
    assert marks(a=(0.9, 0.8)) == [""]  # there is no next
