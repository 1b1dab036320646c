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
from experiments.cli import one_run
from experiments.data.readers import shapes
from experiments.records.run_folder import RunFolder, runs_in
from experiments.runtime.commit import ROOT
from experiments.runtime.processes import _AGAIN
from experiments.runtime.signals import SIGNALS
from experiments.training import checkpoint, train
from tests.soak.runs import Plan
from tests.tiny_runs import differences

PLAN = Plan("fcos")


@pytest.fixture
def call(command):
    """Exit code and stderr of a command line on a tiny run."""
    return lambda runs, *overrides: command(*PLAN.words(runs, "data.workers=0", *overrides))[::2]


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


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_data_are_read_leaves_with_75(call, tmp_path, monkeypatch, number):
    monkeypatch.setattr(one_run, "find", lambda *_: os.kill(os.getpid(), number))
    code, err = call(tmp_path)
    assert (code, err) == (75, "Interrupted before the first step. Run the same command to start again.\n")


def test_a_signal_in_the_evaluation_leaves_with_75_and_it_is_done_again(
    call, command, tmp_path, monkeypatch, undisturbed
):
    real = Detector.detect

    def detect(*words):
        os.kill(os.getpid(), signal.SIGTERM)
        return real(*words)

    monkeypatch.setattr(Detector, "detect", detect)
    code, err = call(tmp_path)
    assert code == 75 and "Stopped in the evaluation" in err and not runs_in(tmp_path)[0].is_done()
    monkeypatch.undo()
    assert command(*PLAN.words(tmp_path))[0] == 0 and differences(runs_in(tmp_path)[0], undisturbed) == []


def test_torchrun_passes_a_signal_on_and_both_processes_stop_at_one_step(tmp_path):
    """About 15 s: torchrun and its two processes import torch, 3 s each."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    line = [*launcher, "experiments/run.py", *PLAN.words(tmp_path, "schedule.iterations=300")]
    begun = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while begun.poll() is None and not any(p.stat().st_size for p in tmp_path.glob("*/metrics.jsonl")):
        time.sleep(0.01)
    begun.send_signal(signal.SIGTERM)
    output, _ = begun.communicate(timeout=120)
    (folder,) = runs_in(tmp_path)
    state = checkpoint.read(folder.checkpoint, torch.device("cpu"))
    assert output.count("Stopped after step") == 2 and f"Stopped after step {state['step']} of" in output
    assert folder.read_metrics()[-1].step == state["step"]


def test_a_killed_loader_worker_ends_the_run_with_a_sentence(tmp_path, call, undisturbed):
    begun = process(tmp_path, "data.workers=2", stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    children = Path(f"/proc/{begun.pid}/task/{begun.pid}/children")
    while not (workers := children.read_text().split()) or not any(tmp_path.glob("*/metrics.jsonl")):
        assert begun.poll() is None
        time.sleep(0.002)
    os.kill(int(workers[-1]), signal.SIGKILL)
    _, err = begun.communicate(timeout=60)
    sentence = f"error: A loader process was killed, most often for memory: lower data.workers. {_AGAIN}\n"
    assert begun.returncode == 2 and err.endswith(sentence)
    assert call(tmp_path)[0] == 0 and differences(runs_in(tmp_path)[0], undisturbed) == []


@pytest.mark.parametrize("streams", ["head", "closed"])
def test_a_run_that_nobody_hears_continues(tmp_path, streams, undisturbed):
    line = " ".join([sys.executable, "experiments/run.py", *PLAN.words(tmp_path, "data.workers=0")])
    how = {"head": "2>&1 <&- | head -1; exit ${PIPESTATUS[0]}", "closed": "<&- >&- 2>&-"}[streams]
    done = subprocess.run(["bash", "-c", f"{line} {how}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("\n") <= 1
    assert differences(runs_in(tmp_path)[0], undisturbed) == []


def test_a_list_that_nobody_reads_is_no_error():
    line = f"{sys.executable} experiments/run.py --list | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_out_of_memory_names_image_objects_and_setting(call, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "backward", raised(torch.OutOfMemoryError("CUDA out of memory")))
    code, err = call(tmp_path)
    ids = range(16)
    counts = {i: len(shapes.layout("shapes", "train", i)[1]) for i in ids}
    sentence = err.splitlines()[-1]
    image, objects = (int(sentence.split(word)[1].split()[0]) for word in ("is image ", "with "))
    assert code == 2 and "step 1: 4 images of 64 x 64" in sentence and counts[image] == objects
    assert "Raise schedule.accumulate" in sentence
    monkeypatch.setattr(train, "backward", raised(RuntimeError("another")))
    with pytest.raises(RuntimeError, match="another"):
        call(tmp_path)


def test_out_of_memory_in_the_evaluation_keeps_the_training(call, command, tmp_path, monkeypatch, undisturbed):
    monkeypatch.setattr(Detector, "detect", raised(torch.OutOfMemoryError("CUDA out of memory")))
    code, err = call(tmp_path)
    assert code == 2 and "too small to test 2 images of 64 x 64" in err and "Lower test.batch" in err
    monkeypatch.undo()
    assert command(*PLAN.words(tmp_path))[0] == 0 and differences(runs_in(tmp_path)[0], undisturbed) == []


def test_too_little_space_is_said_before_the_first_step(call, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=2**20))
    code, err = call(tmp_path)
    assert code == 2 and "and 1 MiB are free" in err and runs_in(tmp_path) == []


def test_a_disk_without_locks_is_not_a_folder_in_use(call, tmp_path, monkeypatch):
    monkeypatch.setattr(fcntl, "lockf", raised(OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))))
    code, err = call(tmp_path)
    assert code == 2 and "No locks available" in err and "in use" not in err


def test_a_full_disk_says_what_to_free(call, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", raised(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
    code, err = call(tmp_path)
    assert code == 2 and "No space left on device" in err and "a finished run needs no checkpoint*.pt" in err
