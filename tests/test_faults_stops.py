"""What stops a run from outside: signals at any time, killed helpers, no terminal, a disk or a device that is full."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from detector.detector import Detector
from experiments import run
from experiments.data.readers import shapes
from experiments.protocols import evaluate
from experiments.records.run_folder import RunFolder, runs_in
from experiments.runtime.processes import _AGAIN, joined
from experiments.runtime.signals import ECHO, SIGNALS, stop_on_signal
from experiments.training import checkpoint, train
from tests.soak.runs import Plan, differences

ROOT = Path(__file__).parents[1]
PLAN = Plan("fcos")


@pytest.fixture
def command(typed):
    """Exit code and stderr of a command line on a tiny run."""

    def call(runs: Path, *overrides: str) -> tuple[int, str]:
        return typed(run, *PLAN.words(runs, "data.workers=0", *overrides))[::2]

    return call


def process(runs: Path, *overrides: str, **streams) -> subprocess.Popen:
    line = [sys.executable, "experiments/run.py", *PLAN.words(runs, *overrides)]
    return subprocess.Popen(line, cwd=ROOT, **streams)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> RunFolder:
    return PLAN.undisturbed(tmp_path_factory.mktemp("undisturbed"))


def raised(error: Exception):
    def raises(*_, **__):
        raise error

    return raises


def test_a_signal_that_comes_again_at_once_is_the_same_and_a_later_one_leaves():
    with stop_on_signal() as stop:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop.requested
    code = (
        "import os, signal, time; from experiments.runtime.signals import *\n"
        f"with stop_on_signal():\n os.kill(os.getpid(), 15); time.sleep({ECHO + 0.1}); os.kill(os.getpid(), 15)\n"
        " time.sleep(9)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == -signal.SIGTERM


def test_handlers_come_back_and_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        found = [signal.getsignal(number) for number in SIGNALS]
        with stop_on_signal() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop.requested
        assert [signal.getsignal(number) for number in SIGNALS] == found
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_data_are_read_leaves_with_75(command, tmp_path, monkeypatch, number):
    monkeypatch.setattr(run, "find", lambda *_: os.kill(os.getpid(), number))
    code, err = command(tmp_path)
    assert (code, err) == (75, "Stopped before the first step; the same line starts again.\n")


def test_a_signal_in_the_evaluation_leaves_with_75_and_it_is_done_again(command, tmp_path, monkeypatch, undisturbed):
    real = Detector.detect

    def detect(*words):
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*words)

    monkeypatch.setattr(Detector, "detect", detect)
    code, err = command(tmp_path)
    assert code == 75 and "Stopped in the evaluation" in err and not runs_in(tmp_path)[0].is_done()
    monkeypatch.undo()
    monkeypatch.setattr(sys, "argv", ["run.py", *PLAN.words(tmp_path)])
    assert run.main() == 0 and differences(runs_in(tmp_path)[0], undisturbed) == []


def test_torchrun_passes_a_signal_on_and_both_processes_stop_at_one_step(tmp_path):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    line = [*launcher, "experiments/run.py", *PLAN.words(tmp_path, "schedule.iterations=300")]
    begun = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while begun.poll() is None and not any(p.stat().st_size for p in tmp_path.glob("*/metrics.jsonl")):
        time.sleep(0.01)
    begun.send_signal(signal.SIGTERM)
    said, _ = begun.communicate(timeout=120)
    (folder,) = runs_in(tmp_path)
    state = checkpoint.read(folder.checkpoint, torch.device("cpu"))
    assert said.count("Stopped after step") == 2 and f"Stopped after step {state['step']} of" in said
    assert folder.read_metrics()[-1]["step"] == state["step"]


def test_a_killed_loader_worker_ends_the_run_with_a_sentence(tmp_path, command, undisturbed):
    begun = process(tmp_path, "data.workers=2", stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    children = Path(f"/proc/{begun.pid}/task/{begun.pid}/children")
    while not (workers := children.read_text().split()) or not any(tmp_path.glob("*/metrics.jsonl")):
        assert begun.poll() is None
        time.sleep(0.002)
    os.kill(int(workers[-1]), signal.SIGKILL)
    _, said = begun.communicate(timeout=60)
    assert begun.returncode == 2 and said.endswith(f"error: A loader process was killed, most often for memory: "
                                                   f"lower data.workers. {_AGAIN}\n")  # fmt: skip
    assert command(tmp_path)[0] == 0 and differences(runs_in(tmp_path)[0], undisturbed) == []


def test_errors_of_other_kinds_are_not_hidden():
    with pytest.raises(RuntimeError, match="of ours"), joined():
        raise RuntimeError("a fault of ours")


@pytest.mark.parametrize("streams", ["head", "closed"])
def test_a_run_that_nobody_hears_goes_on(tmp_path, streams, undisturbed):
    line = " ".join([sys.executable, "experiments/run.py", *PLAN.words(tmp_path, "data.workers=0")])
    how = {"head": "2>&1 <&- | head -1; exit ${PIPESTATUS[0]}", "closed": "<&- >&- 2>&-"}[streams]
    done = subprocess.run(["bash", "-c", f"{line} {how}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("\n") <= 1
    assert differences(runs_in(tmp_path)[0], undisturbed) == []


def test_a_list_that_nobody_reads_is_no_error():
    line = f"{sys.executable} experiments/run.py --list | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_out_of_memory_names_image_objects_and_setting(command, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "backward", raised(torch.OutOfMemoryError("CUDA out of memory")))
    code, err = command(tmp_path)
    ids = range(16)
    counts = {i: len(shapes.layout("shapes", "train", i)[1]) for i in ids}
    said = err.splitlines()[-1]
    image, objects = (int(said.split(word)[1].split()[0]) for word in ("is image ", "with "))
    assert code == 2 and "step 1: 4 images of 64 x 64" in said and counts[image] == objects
    assert "Raise schedule.accumulate" in said
    monkeypatch.setattr(train, "backward", raised(RuntimeError("another")))
    with pytest.raises(RuntimeError, match="another"):
        command(tmp_path)


def test_out_of_memory_in_the_evaluation_keeps_the_training(command, tmp_path, monkeypatch, undisturbed):
    monkeypatch.setattr(evaluate.Detector, "detect", raised(torch.OutOfMemoryError("CUDA out of memory")))
    code, err = command(tmp_path)
    assert code == 2 and "too small to test 2 images of 64 x 64" in err and "Lower test.batch" in err
    monkeypatch.undo()
    monkeypatch.setattr(sys, "argv", ["run.py", *PLAN.words(tmp_path)])
    assert run.main() == 0 and differences(runs_in(tmp_path)[0], undisturbed) == []


def test_too_little_space_is_said_before_the_first_step(command, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
    code, err = command(tmp_path)
    assert code == 2 and "and 1 MiB are free" in err and runs_in(tmp_path) == []


def test_a_disk_without_locks_is_not_a_folder_in_use(command, tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "lockf", raised(OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))))
    code, err = command(tmp_path)
    assert code == 2 and "No locks available" in err and "in use" not in err


def test_a_full_disk_says_what_to_free(command, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", raised(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    code, err = command(tmp_path)
    assert code == 2 and "No space left on device" in err and "a run that is done needs no checkpoint*.pt" in err
