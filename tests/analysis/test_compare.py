"""Comparisons of rows from hand-written records and matches whose right answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.draws import Draws
from analysis.runs import read_runs
from analysis.sentences import details
from experiments.records.arrays import Matches
from experiments.records.run_folder import RunFolder
from experiments.records.table_schema import Claim, ColumnRecord, EntryRecord, RowRecord, TableRecord
from tests.synthetic import built, record, result, row, table_of, write_matches, write_run

APS = {"a": (0.1, 0.12, 0.11), "b": (0.2, 0.21, 0.22), "c": (0.3, 0.32, 0.31), "d": (0.26, 0.27, 0.25)}


def finished(runs, name, aps, **changes):
    """A run a seed, without matches; seed -> id."""
    for seed, ap in enumerate(aps):
        write_run(runs, f"{name}{seed}", record(seed=seed, **changes), result(ap))
    return {seed: f"{name}{seed}" for seed in range(len(aps))}


def with_matches(runs, name, qualities, images=60, **changes):
    ids = {}
    for seed, quality in enumerate(qualities):
        folder = write_run(runs, f"{name}{seed}", record(seed=seed, **changes))
        folder.write_result(result(write_matches(folder, quality, images, noise=seed)))
        ids[seed] = folder.path.name
    return ids


def test_rankings_are_confirmed_contradicted_or_inconclusive(tmp_path):
    low, high = with_matches(tmp_path, "l", (0.3, 0.31, 0.3)), with_matches(tmp_path, "h", (0.7, 0.71, 0.7))
    same = with_matches(tmp_path, "s", (0.31, 0.3, 0.31))
    rows = [row("low", low, {"AP": 10}), row("high", high, {"AP": 30}), row("same", same, {"AP": 20})]
    table = built(tmp_path, table_of(*rows))
    outcomes = {(r.ours.row, r.ours.against): r.outcome for r in table.rankings}
    assert outcomes == {
        ("high", "low"): "confirmed",
        ("high", "same"): "confirmed",
        ("same", "low"): "inconclusive",
    }
    turned = [replace(rows[0], paper={"AP": 50}), rows[1]]
    assert [r.outcome for r in built(tmp_path, table_of(*turned)).rankings] == ["contradicted"]
    alike = [replace(rows[0], paper={"AP": 30}), rows[1]]
    assert built(tmp_path, table_of(*alike)).rankings == ()  # the paper ranks neither


def test_rankings_are_one_family_where_there_are_no_claims_and_each_by_itself_below_claims(tmp_path):
    rows = [row(n, finished(tmp_path, n, aps), {"AP": i}) for i, (n, aps) in enumerate(APS.items())]
    alone, claims = table_of(*rows), (Claim("x", "difference", ("b",), ("a",), ("coco",), ("AP",), 1.0, 1.0, "text"),)
    family = built(tmp_path, alone).rankings
    each = built(tmp_path, replace(alone, claims=claims)).rankings
    for one, other in zip(family, each, strict=True):
        assert one.ours.difference.value == other.ours.difference.value
        assert one.ours.difference.half > other.ours.difference.half
    assert "by itself" in str(details(built(tmp_path, replace(alone, claims=claims))))


def test_one_noise_serves_all_pairs(tmp_path):
    """The own variance of c - a is 0; it takes that of the others."""
    rows = [row(n, finished(tmp_path, n, aps), against="a" * (n != "a")) for n, aps in APS.items()]
    versus = [r.versus[0].difference for r in built(tmp_path, table_of(*rows)).rows[1:]]
    assert [d.value for d in versus] == pytest.approx([10, 20, 15]) and all(d.half > 0 for d in versus)


@pytest.mark.parametrize("damage", ["missing", "empty", "foreign", "shorter", "of other images"])
def test_damaged_matches_leave_the_seeds_noise_and_say_so(tmp_path, damage):
    a, b = with_matches(tmp_path, "a", (0.3, 0.31)), with_matches(tmp_path, "b", (0.5, 0.52))
    path = tmp_path / "b1" / "matches.npz"
    if damage == "foreign":
        write_matches(RunFolder(tmp_path / "b1"), 0.9, 60)
    elif damage == "shorter":
        folder = write_run(tmp_path, "b1", record(seed=1))
        folder.write_result(result(write_matches(folder, 0.5, 30)))
    elif damage == "of other images":
        matches = Matches.load(path)
        replace(matches, image_ids=matches.image_ids + 1).save(path)
    else:
        path.unlink() if damage == "missing" else path.write_bytes(b"")
    (versus,) = built(tmp_path, table_of(row("a", a), row("b", b, against="a"))).rows[1].versus
    assert versus.difference.noise == "seeds" and versus.difference.half > 0
    assert versus.note.startswith("noise of the images not known: ")


def test_the_noise_of_the_images_counts(tmp_path):
    a, b = with_matches(tmp_path, "a", (0.3, 0.31)), with_matches(tmp_path, "b", (0.5, 0.52))
    table = table_of(row("a", a), row("b", b, against="a"))
    with_images = built(tmp_path, table).rows[1].versus[0].difference
    for run in (*a.values(), *b.values()):
        (tmp_path / run / "matches.npz").unlink()
    alone = built(tmp_path, table).rows[1].versus[0].difference
    assert (with_images.noise, alone.noise) == ("seeds and images", "seeds")
    assert with_images.value == pytest.approx(alone.value) and with_images.half > alone.half


def test_entries_of_several_datasets_are_compared_one_by_one(tmp_path):
    columns = tuple(ColumnRecord(f"{c} AP", c, "AP") for c in ("voc", "widerface"))
    rows = []
    for name, aps in (("a", (0.1, 0.11)), ("b", (0.2, 0.21))):
        entries = {
            c: EntryRecord(f"shapes-{c}", c, finished(tmp_path, name + c, aps, dataset=f"shapes-{c}"))
            for c in ("voc", "widerface")
        }
        paper = {"voc AP": 50.0 + len(rows), "widerface AP": 40.0}
        rows.append(RowRecord(name, "fcos", "a" if rows else "", "", "", entries, paper))
    table = built(tmp_path, TableRecord(7, "Sets", "cpu", "", columns, tuple(rows)))
    assert [c.entry for c in table.rows[1].versus] == ["voc", "widerface"]
    assert [r.ours.entry for r in table.rankings] == ["voc"]
    assert table.data == ("shapes-voc for voc", "shapes-widerface for widerface")
    assert [c.entry for c in table.certificates] == ["voc", "widerface"]


def test_draws_are_the_same_for_all_runs_and_of_their_seed(tmp_path):
    with_matches(tmp_path, "a", (0.3, 0.3))
    runs = {run.id: run for run in read_runs(tmp_path)}
    first, again, other = Draws(50, 0), Draws(50, 0), Draws(50, 1)
    assert np.array_equal(first.of(runs["a0"]).ap, again.of(runs["a0"]).ap)
    assert not np.array_equal(first.of(runs["a0"]).ap, other.of(runs["a0"]).ap)
    assert first.of(runs["a0"]) is first.of(runs["a0"])
