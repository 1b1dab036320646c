"""Runs under way: side by side, in several processes, killed, stopped, failed: the records are as undisturbed_grid.

Only the first test's driver and workers are started as a user's are: each imports torch, 3 s.
"""

import os
import signal
import time

import pytest

from experiments.records.run_folder import runs_in
from tests.tiny_grids import BOTH, as_typed, call_forked, orphans, owner, records, started_grid
from tests.tiny_runs import thaw


def test_a_killed_worker_loses_nothing_but_time(tmp_path, undisturbed_grid):
    process, folder = started_grid(tmp_path, 10, *BOTH, "--workers", "2", start=as_typed)
    killed = owner(folder)
    os.kill(killed, signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0 and "2 of 2 runs done" in err
    assert records(tmp_path) == records(undisturbed_grid) and not folder.failed.exists()
    assert owner(folder) != killed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_driver_leaves_no_process_and_the_same_command_resumes(tmp_path, undisturbed_grid, number):
    process, folder = started_grid(tmp_path, 3, *BOTH, "--workers", "2")
    process.send_signal(number)
    time.sleep(0.5)  # the driver tells its workers
    thaw(owner(folder))
    _, err = process.communicate(timeout=300)
    assert process.returncode == (-9 if number == signal.SIGKILL else 75) and "Traceback" not in err
    until = time.monotonic() + 60
    while orphans(tmp_path) and number == signal.SIGKILL and time.monotonic() < until:
        time.sleep(0.1)  # they finish their step
    assert orphans(tmp_path) == []
    assert folder.checkpoint.is_file() and not folder.is_done()
    before = len(folder.read_metrics())
    code, _ = call_forked(tmp_path, *BOTH, "--workers", "2")
    assert code == 0 and before >= 3
    assert records(tmp_path) == records(undisturbed_grid)


def test_a_run_that_fails_by_itself_says_why_and_is_left_alone(tmp_path):
    bad = ("optimizer.kind=sgd", "optimizer.lr=1e30", "optimizer.clip=0", "schedule.warmup=0")
    words = ("--only", "row=both", "--workers", "1")
    code, err = call_forked(tmp_path, *words, overrides=bad)
    (folder,) = runs_in(tmp_path)
    failed = folder.read_failed()
    assert code == 1 and failed.kind == "permanent" and failed.tries == 1 and "not finite" in failed.reason
    assert "failed: table 2, both, shapes, seed 0" in err and "not finite" in err and "--retry-failed" in err
    before = folder.failed.stat().st_mtime_ns
    assert call_forked(tmp_path, *words, overrides=bad)[0] == 1 and folder.failed.stat().st_mtime_ns == before
    assert call_forked(tmp_path, *words, "--retry-failed", overrides=bad)[0] == 1
    assert folder.failed.stat().st_mtime_ns != before


def test_two_processes_a_run_train_as_one(tmp_path):
    """With a network whose rounding stays small: the sums of two halves are other ones."""
    overrides = ("schedule.evaluations=2", "model.backbone=mobilenet_v2", "model.width=1")
    losses = []
    for processes in ("1", "2"):
        runs = tmp_path / processes
        words = ("--only", "row=both", "--processes-per-run", processes, "--workers", "1")
        code, err = call_forked(runs, *words, overrides=overrides)
        assert code == 0, err
        (folder,) = runs_in(runs)
        assert len(folder.read_curve()) == 1
        assert folder.read_run().environment["processes"] == int(processes)
        losses.append(records(runs)[folder.path.name]["losses"])
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)


def test_one_of_two_processes_dies_and_the_run_is_tried_again(tmp_path):
    process, folder = started_grid(tmp_path, 3, "--only", "row=both", "--processes-per-run", "2", "--workers", "1")
    other = next(pid for pid in orphans(tmp_path) if int(pid) != owner(folder))
    os.kill(int(other), signal.SIGKILL)
    thaw(owner(folder))
    process.communicate(timeout=300)
    assert process.returncode == 0 and folder.is_done() and orphans(tmp_path) == []
