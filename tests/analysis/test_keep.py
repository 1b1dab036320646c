"""A kept report makes its page again from small records alone, byte for byte."""

import shutil
import subprocess
import sys

import pytest

from analysis.draws import Draws
from analysis.keep import keep_records, report_source
from analysis.kept import POINTS, decoded, encoded, kept_run, loss_curve
from analysis.runs import read_runs
from experiments.records.cost_schema import Cost, Costs, write_costs
from experiments.records.files import RecordError
from experiments.records.run_folder import RunFolder
from experiments.records.schema import CurvePoint, StepRow
from experiments.records.search_schema import searches_in, write_search
from experiments.runtime.commit import ROOT
from tests.analysis.test_tuning import SEARCH
from tests.synthetic import record, result, write_all, write_matches, write_run

SMALL = 16 * 2**10  # bytes of a run
AGAIN = (".md", ".csv", ".html", ".tex")


def command(*words):
    line = [sys.executable, "analysis/report.py", *map(str, words)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Finished, failed, unfinished, missing and loose runs, some with a curve, and their kept report."""
    folder = tmp_path_factory.mktemp("kept")
    write_all(folder / "runs", seeds=2, images=30)
    loose = write_run(folder / "runs", "loose", record(assigner="freeanchor"), result(0.3), steps=90)
    loose.write_curve([CurvePoint(45, {"AP": 0.2})])
    RunFolder(folder / "runs" / "t2bo0").write_curve([CurvePoint(50, {"AP": 0.2})])
    write_costs(folder / "runs", Costs(10, {}, (Cost("shapes", "fcos", record(assigner="fcos").common_hash, 0.2),)))
    write_search(folder / "runs", SEARCH)
    for path in (folder / "runs").glob("*/run.json"):
        (path.parent / "checkpoint.pt").write_bytes(b"weights")
    done = command(folder / "runs", "--keep", folder / "report", "--resamples", "60", "--seed", "3")
    assert (done.returncode, done.stderr) == (0, "")
    return folder


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix in AGAIN}


def same(one, other):
    assert files(one) == files(other)
    for name in files(one):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def test_the_kept_records_make_every_file_again(kept, tmp_path):
    (kept / "runs").rename(kept / "gone")
    try:
        done = command(kept / "report", "--out", tmp_path / "again")
    finally:
        (kept / "gone").rename(kept / "runs")
    assert (done.returncode, done.stderr) == (0, "")
    again = files(tmp_path / "again")
    assert again >= {
        "report.md",
        "runs.csv",
        "table2.csv",
        "figures/curves.csv",
        "figures/sizes.csv",
        "figures/cost.csv",
    }
    assert again == files(kept / "report")
    same(kept / "report", tmp_path / "again")


def test_the_page_of_the_kept_records_is_that_of_the_runs(kept, tmp_path):
    done = command(kept / "runs", "--out", tmp_path / "direct", "--resamples", "60", "--seed", "3")
    assert done.returncode == 0
    same(kept / "report", tmp_path / "direct")


@pytest.mark.parametrize("folder", sorted((ROOT / "analysis" / "reports").iterdir()), ids=lambda folder: folder.name)
def test_what_the_project_keeps_makes_its_page_and_the_data_of_its_figures_again(folder, tmp_path):
    """Without the pictures themselves, and the page that holds them: they are of the matplotlib that drew them."""
    done = command(folder, "--out", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    names = {name for name in files(tmp_path) if name.endswith((".md", ".csv"))}
    assert {"report.md", "claims.csv", "figures/curves.csv"} <= names <= files(folder)
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_without_out_the_kept_page_is_printed(kept):
    done = command(kept / "report")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (kept / "report" / "report.md").read_text(encoding="utf-8")
    assert "±" in done.stdout and "60 draws (seed 3)" in done.stdout


def test_the_records_are_small_and_hold_no_weights(kept):
    records = kept / "report" / "records"
    names = {path.name for path in records.glob("*/*") if path.parent.name not in ("tables", "tuning")}
    assert names == {"run.json", "done", "failed", "curve.json", "metrics.jsonl", "kept.json"}
    sizes = [sum(path.stat().st_size for path in run.iterdir()) for run in records.iterdir() if run.is_dir()]
    assert len(sizes) > 15 and max(sizes) < SMALL


def test_the_record_of_a_search_is_kept(kept):
    assert searches_in(kept / "report" / "records") == [SEARCH]


def test_a_report_is_kept_again_from_what_was_kept(kept, tmp_path):
    assert command(kept / "report", "--keep", tmp_path / "second").returncode == 0
    same(kept / "report", tmp_path / "second")
    for path in (path for path in (kept / "report" / "records").rglob("*") if path.is_file()):
        again = tmp_path / "second" / "records" / path.relative_to(kept / "report" / "records")
        assert again.read_bytes() == path.read_bytes(), path


@pytest.mark.parametrize("asked", [(1000, None, None), (None, 0, None), (None, None, True)])
def test_other_draws_than_the_kept_are_refused(kept, asked):
    with pytest.raises(RecordError, match="kept report of 60 draws, seed 3"):
        report_source(kept / "report", *asked)
    assert report_source(kept / "report", 60, 3, None).kept and not report_source(kept / "runs", *asked).kept


def test_a_run_that_is_made_whole_where_the_grid_goes_on_is_read_as_any_other(kept, tmp_path):
    shutil.copytree(kept / "report" / "records", tmp_path / "runs")
    unfinished = next(path for path in (tmp_path / "runs").glob("*/kept.json") if not (path.parent / "done").exists())
    assert kept_run(unfinished.parent) is not None
    (unfinished.parent / "matches.npz").write_bytes(b"of the run as it is now")
    assert kept_run(unfinished.parent) is None


def test_a_report_is_not_kept_in_the_place_of_its_own_records(kept):
    before, source = sorted((kept / "report").rglob("*")), report_source(kept / "report", None, None, None)
    with pytest.raises(RecordError, match="keeps these records already"):
        keep_records(source, [], Draws(60, 3), kept / "report")
    assert sorted((kept / "report").rglob("*")) == before


def test_draws_of_another_number_are_a_reason_and_no_figure(kept):
    run = next(run for run in read_runs(kept / "report" / "records") if run.id == "t2bo0")
    assert "keeps 60 draws of its images, of seed 3" in Draws(1000, 0).of(run)
    assert len(Draws(60, 3).of(run).ap) == 60
    assert "keeps no draws of AP75" in Draws(60, 3).of(run, ("AP75",))


@pytest.mark.parametrize("damage", ["{", '"codes": "AAA="', '"codes": "AAAA"'])
def test_a_damaged_record_is_a_sentence(kept, tmp_path, damage):
    run = next(run for run in read_runs(kept / "report" / "records") if run.id == "t2bo0")
    path = run.path / "kept.json"
    good = path.read_text()
    begin = good.index('"codes": "')
    bad = damage if damage == "{" else good[:begin] + damage + good[good.index('"', begin + 10) + 1 :]
    path.write_text(bad)
    try:
        reason = Draws(60, 3).of(run)
    finally:
        path.write_text(good)
    assert isinstance(reason, str) and reason.startswith("Cannot read t2bo0/kept.json")


def test_draws_are_kept_to_the_step_they_are_rounded_to(tmp_path):
    folder = write_run(tmp_path, "a", record())
    folder.write_result(result(write_matches(folder, 0.5)))
    (run,) = read_runs(tmp_path)
    ap = Draws(50, 1).of(run).ap
    assert (decoded(encoded(ap)) == ap).all() and ap.std() > 0.1
    nan = decoded(encoded(ap * float("nan")))
    assert (nan != nan).all() and decoded(encoded(ap[:1] * 0 + 100)) == pytest.approx(100)


def test_a_loss_curve_is_of_means_over_equal_parts(tmp_path):
    folder = write_run(tmp_path, "a", record())
    folder.append([StepRow(step, {"loss": float(step)}) for step in range(1, 91)])
    points = loss_curve(folder)
    assert len(points) == 30 <= POINTS  # 90 steps, three each
    assert [(p.step, p.loss) for p in points[:2]] == [(3, 2.0), (6, 5.0)]
    folder.append([StepRow(91, {"loss": float("nan")})])
    assert loss_curve(folder)[-1].loss is None
