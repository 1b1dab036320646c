"""Cells under way: side by side, in several processes, killed, stopped, failed: the records are as undisturbed."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.records.run_folder import RunFolder, runs_in

ROOT = Path(__file__).parents[1]
TINY = (
    "schedule.iterations=6 schedule.warmup=1 schedule.batch=4 schedule.checkpoint_every=2 data.train_images=16 "
    "data.val_images=4 data.workers=0 model.channels=16 model.tower_convs=1 data.short=64 data.long=64"
).split()
BOTH = ("--only", "row=none", "--only", "row=both")
WORKER = "experiments.grid.worker"


def line(runs: Path, *more: str, overrides: tuple[str, ...] = ()) -> list[str]:
    sets = [word for text in (*TINY, *overrides) for word in ("--set", text)]
    words = ["--tables", "2", "--profile", "cpu", "--seeds", "0", "--runs", str(runs), *more, *sets]
    return [sys.executable, "experiments/run.py", *words]


def call(runs: Path, *more: str, overrides: tuple[str, ...] = ()) -> tuple[int, str]:
    done = subprocess.run(line(runs, *more, overrides=overrides), cwd=ROOT, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr


def records(runs: Path) -> dict[str, dict]:
    """What the runs found, without the clock."""
    return {
        folder.path.name: {k: v for k, v in folder.read_done().items() if not k.endswith("seconds")}
        | {"losses": [row["loss"] for row in folder.read_metrics()]}
        for folder in runs_in(runs)
    }


def tables(runs: Path) -> list[str]:
    """Lines of the report's table in all formats, without the command typed, which names the folder."""
    out = runs.parent / f"{runs.name}-report"
    words = [sys.executable, "analysis/report.py", str(runs), "--out", str(out)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [line for kind in ("csv", "tex", "md") for line in (out / f"table2.{kind}").read_text().splitlines()]
    return [line for line in lines if "experiments/run.py" not in line]


def started(runs: Path, rows: int, *more: str) -> tuple[subprocess.Popen, RunFolder]:
    """A grid, and a run of it that has at least `rows` rows behind it and some before it."""
    process = subprocess.Popen(line(runs, *more), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        for path in runs.glob("*/metrics.jsonl"):
            if path.read_bytes().count(b"\n") >= rows and not (path.parent / "done").exists():
                return process, RunFolder(path.parent)
        time.sleep(0.005)
    raise AssertionError(process.stderr.read())


def owner(folder: RunFolder) -> int:
    return int(folder.lock.read_text().split()[1])


def orphans(runs: Path) -> list[str]:
    """Workers of these runs that live; their logs are open in there."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if WORKER in (folder / "cmdline").read_text() and str(runs) in os.readlink(folder / "fd" / "2"):
                found.append(folder.name)
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """Table 2, one cell after the other in one process."""
    runs = tmp_path_factory.mktemp("undisturbed")
    code, err = call(runs, *BOTH, "--executor", "serial")
    assert code == 0 and "2 of 2 cells done" in err
    return runs


def test_a_killed_worker_loses_nothing_but_time(tmp_path, undisturbed):
    process, folder = started(tmp_path, 10, *BOTH, "--workers", "2")
    killed = owner(folder)
    os.kill(killed, signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0 and "2 of 2 cells done" in err
    assert records(tmp_path) == records(undisturbed) and not folder.failed.exists()
    assert owner(folder) != killed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_driver_leaves_no_process_and_the_same_line_goes_on(tmp_path, undisturbed, number):
    process, folder = started(tmp_path, 3, *BOTH, "--workers", "2")
    process.send_signal(number)
    _, err = process.communicate(timeout=300)
    assert process.returncode == (-9 if number == signal.SIGKILL else 75) and "Traceback" not in err
    until = time.monotonic() + 60
    while orphans(tmp_path) and number == signal.SIGKILL and time.monotonic() < until:
        time.sleep(0.1)  # they finish their step
    assert orphans(tmp_path) == []
    assert folder.checkpoint.is_file() and not folder.is_done()
    before = len(folder.read_metrics())
    code, _ = call(tmp_path, *BOTH, "--workers", "2")
    assert code == 0 and before >= 3
    assert records(tmp_path) == records(undisturbed)


def test_a_cell_that_fails_by_itself_says_why_and_is_left_alone(tmp_path):
    bad = ("optimizer.kind=sgd", "optimizer.lr=1e30", "optimizer.clip=0", "schedule.warmup=0")
    words = ("--only", "row=both", "--workers", "1")
    code, err = call(tmp_path, *words, overrides=bad)
    (folder,) = runs_in(tmp_path)
    failed = json.loads(folder.failed.read_text())
    assert code == 1 and failed["kind"] == "own" and failed["tries"] == 1 and "not finite" in failed["reason"]
    assert "failed: table 2, both, shapes, seed 0" in err and "not finite" in err and "--retry-failed" in err
    before = folder.failed.stat().st_mtime_ns
    assert call(tmp_path, *words, overrides=bad)[0] == 1 and folder.failed.stat().st_mtime_ns == before
    assert call(tmp_path, *words, "--retry-failed", overrides=bad)[0] == 1
    assert folder.failed.stat().st_mtime_ns != before


def test_two_processes_a_cell_train_as_one(tmp_path, undisturbed):
    words = ("--only", "row=both", "--processes-per-cell", "2", "--workers", "1")
    code, err = call(tmp_path, *words, overrides=("schedule.evaluations=2",))
    assert code == 0, err
    (folder,) = runs_in(tmp_path)
    assert len(folder.read_curve()) == 1
    one, two = (records(runs)[folder.path.name]["losses"] for runs in (undisturbed, tmp_path))
    assert folder.read_run()["environment"]["processes"] == 2
    assert two == pytest.approx(one, rel=1e-2)


def test_one_of_two_processes_dies_and_the_cell_is_tried_again(tmp_path):
    process, folder = started(tmp_path, 3, "--only", "row=both", "--processes-per-cell", "2", "--workers", "1")
    other = next(pid for pid in orphans(tmp_path) if int(pid) != owner(folder))
    os.kill(int(other), signal.SIGKILL)
    process.communicate(timeout=300)
    assert process.returncode == 0 and folder.is_done() and orphans(tmp_path) == []
