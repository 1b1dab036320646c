"""The command that writes the report: its files, the same bytes twice, loose runs and damaged records."""

import re
import subprocess
import sys

import pytest

from analysis import report
from experiments.records.cost_schema import Cost, Costs, write_costs
from experiments.records.run_folder import RunFolder, write_table
from experiments.records.schema import Priors
from experiments.runtime.commit import ROOT
from tests.pages import parsed
from tests.synthetic import record, result, row, table_of, write_all, write_run


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_all(folder / "runs", seeds=2, images=30)
    costs = [Cost("shapes", name, record(assigner=name).common_hash, 0.2) for name in ("autoassign", "fcos")]
    write_costs(folder / "runs", Costs(10, {"cpu": "a chip"}, tuple(costs)))
    write_run(folder / "runs", "loose", record(assigner="freeanchor"), result(0.3), steps=5)
    words = [folder / "runs", "--out", folder / "out", "--resamples", "50"]
    line = [sys.executable, "analysis/report.py", *map(str, words)]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (0, "")
    return folder, done.stdout


def test_the_command_writes_all_formats(written):
    folder, printed = written
    names = {path.relative_to(folder / "out").as_posix() for path in (folder / "out").rglob("*") if path.is_file()}
    tables = {f"table{n}.{kind}" for n in (2, 3, 5) for kind in ("md", "csv", "tex")}
    pictures = ("priors", "offsets", "curves", "cost", "sizes")
    figures = {f"figures/{name}.{kind}" for name in pictures for kind in ("png", "pdf", "csv")}
    assert names == {"report.md", "index.html", "runs.csv"} | tables | figures
    assert "<" not in printed and printed.endswith(f"{folder / 'out' / 'index.html'}\n")
    assert all(len(line) <= 80 for line in printed.splitlines()[:-1]) and printed.startswith("Table 2: ")
    printed = (folder / "out" / "report.md").read_text(encoding="utf-8")
    text = (folder / "out" / "index.html").read_text(encoding="utf-8")
    assert parsed(text).tags >= {"table", "figure", "details"}
    assert not re.findall(r'(?:src|href)="(?!data:|#)', text)  # it needs nothing else
    assert "failed: step 40: the loss is not finite" in text and "## Other runs" in printed and "loose" in printed


def test_the_same_command_twice_gives_the_same_bytes(written, tmp_path, typed):
    """Of a process and of this one, whose sets have another order."""
    folder, _ = written
    typed(report, folder / "runs", "--out", tmp_path, "--resamples", "50")
    for path in (p for p in (folder / "out").rglob("*") if p.is_file()):
        assert (tmp_path / path.relative_to(folder / "out")).read_bytes() == path.read_bytes(), path


def test_without_out_nothing_is_written(written, typed):
    folder, _ = written
    before = sorted(folder.rglob("*"))
    assert "## Table 2" in typed(report, folder / "runs", "--resamples", "2")[1]
    assert sorted(folder.rglob("*")) == before


def test_loose_runs_get_a_page_too(tmp_path, typed):
    write_run(tmp_path / "runs", "a", record(), result(0.3))
    code, _, _ = typed(report, tmp_path / "runs", "--out", tmp_path / "out")
    assert code == 0 and (tmp_path / "out" / "report.md").read_text().startswith("| dataset | assigner |")
    assert parsed((tmp_path / "out" / "index.html").read_text(encoding="utf-8")).tags >= {"table"}
    assert not list((tmp_path / "out").glob("table*"))


def test_a_table_without_any_result_takes_one_line(tmp_path, typed):
    write_table(tmp_path, table_of(row("a", {0: "nowhere"}, {"AP": 40.5})))
    code, out, err = typed(report, tmp_path, "--out", tmp_path / "out")
    assert (code, err) == (0, "")
    text = (tmp_path / "out" / "report.md").read_text(encoding="utf-8")
    assert "- Table 2: planned, no result yet: not run (1).\n" in text and "## Table" not in text
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "planned, no result yet" in page and "<h2" not in page and "<a href" not in page
    assert out.startswith("Table 2: planned, no result yet: not run (1).\n")
    assert not list((tmp_path / "out").glob("table*"))


def test_a_damaged_curve_leaves_the_other_figures(tmp_path, typed):
    priors = Priors(classes=("x",), values={"mu": [[1.0]]})
    write_run(tmp_path / "runs", "a", record(), result(0.3, priors=priors))
    RunFolder(tmp_path / "runs" / "a").metrics.write_text("{\n")
    assert typed(report, tmp_path / "runs", "--out", tmp_path / "out")[0] == 0
    assert {p.stem for p in (tmp_path / "out" / "figures").iterdir()} == {"sizes"}
