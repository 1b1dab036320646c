"""The command, as people type it: wrong words, whole runs, runs that are stopped, killed and damaged."""

import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

import assigners
from experiments import replay, run
from experiments.records.run_folder import RecordError, RunFolder, runs_in

ROOT = Path(__file__).parents[1]
TINY = (
    "schedule.iterations=3 schedule.warmup=1 schedule.batch=4 schedule.checkpoint_every=2 data.train_images=16 "
    "data.val_images=4 data.workers=0 model.channels=16 model.tower_convs=1 data.short=64 data.long=64"
).split()


def words(runs: Path, *more: str, overrides: tuple[str, ...] = ()) -> list[str]:
    sets = [word for text in (*TINY, *overrides) for word in ("--set", text)]
    return ["--runs", str(runs), *sets, *more]


@pytest.fixture
def command(typed):
    return partial(typed, run)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> RunFolder:
    """AutoAssign on 24 steps, nothing in its way."""
    runs = tmp_path_factory.mktemp("undisturbed")
    subprocess.run([sys.executable, "experiments/run.py", *words(runs, overrides=LONGER)], cwd=ROOT, check=True)
    return runs_in(runs)[0]


LONGER = ("schedule.iterations=6",)


def same(a: RunFolder, b: RunFolder) -> None:
    """Losses of every step, weights, detections and figures, bit for bit."""
    clock = {"images_per_s", "wait"}
    rows = [[{k: v for k, v in row.items() if k not in clock} for row in x.read_metrics()] for x in (a, b)]
    assert rows[0] == rows[1]
    states = [torch.load(x.checkpoint, weights_only=True)["model"] for x in (a, b)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    with np.load(a.detections) as first, np.load(b.detections) as second:
        assert all(np.array_equal(first[name], second[name]) for name in first)
    done = [{k: v for k, v in x.read_done().items() if not k.endswith("seconds")} for x in (a, b)]
    assert done[0] == done[1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["--assigner", "autoasign"], "Did you mean 'autoassign'?"),
        (["--dataset", "shape"], "Did you mean 'shapes'?"),
        (["--set", "schedule.iteration=3"], "Did you mean 'iterations'?"),
        (["--set", "assigner.centre=fixed"], "Did you mean 'center'?"),
        (["--set", "assigner.center=middle"], "none, fixed, shared, category"),
        (["--set", "schedule.batch=many"], "schedule.batch is int, got 'many'"),
        (["--set", "model"], "key=value"),
        (["--dataset", "voc"], "--data-root"),
        (["--dataset", "coco", "--data-root", "nowhere"], "instances_train2017.json"),
        (["--dataset", "nowhere.yaml"], "nowhere.yaml"),
        (["--set", "schedule.batch=4001"], "do not fill a batch"),
    ],
)
def test_wrong_words_get_one_line_and_code_2(command, tmp_path, line, said):
    code, out, err = command("--runs", str(tmp_path / "runs"), *line)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and said in err
    assert not (tmp_path / "runs").exists()


def test_what_is_there_and_what_differs(command):
    code, out, _ = command("--list")
    assert code == 0 and all(name in out for name in (*assigners.available(), "shapes-widerface", "voc", "coco"))
    code, out, _ = command("--print-config", "--set", "assigner.center=shared", "--seed", "7", "--skip-bad-images")
    assert code == 0 and "center: shared" in out and "seed: 7" in out and "skip_bad_images: true" in out
    code, out, _ = command("--explain", "--assigner", "retinanet")
    assert code == 0 and "ratios" in out and "fcos" in out


@pytest.mark.parametrize("name", assigners.available())
def test_a_run_leaves_a_whole_folder_and_is_not_run_again(command, tmp_path, name):
    code, out, err = command(*words(tmp_path, "--assigner", name))
    assert code == 0 and "AP50" in out and "Batch 4: 3 iterations at 16 become 12" in err
    (folder,) = runs_in(tmp_path)
    for path in (folder.run, folder.metrics, folder.checkpoint, folder.detections, folder.done):
        assert path.is_file()
    assert [row["step"] for row in folder.read_metrics()] == list(range(1, 13))
    record = folder.read_run()
    assert record["recipe"]["assigner"] == name and set(record["data"]) == {"train", "val"}
    before = folder.checkpoint.stat().st_mtime_ns
    assert command(*words(tmp_path, "--assigner", name))[1] == out
    assert folder.checkpoint.stat().st_mtime_ns == before


def test_force_starts_over_and_resume_wants_a_run(command, tmp_path):
    code, _, err = command(*words(tmp_path, "--resume"))
    assert code == 2 and "no run to go on with" in err
    first = command(*words(tmp_path))[1]
    before = runs_in(tmp_path)[0].checkpoint.stat().st_mtime_ns
    assert command(*words(tmp_path, "--force"))[1] == first
    assert runs_in(tmp_path)[0].checkpoint.stat().st_mtime_ns != before


def started(runs: Path, rows: int, *overrides: str) -> subprocess.Popen:
    """A process that has at least `rows` rows of metrics behind it."""
    line = [sys.executable, "experiments/run.py", *words(runs, overrides=(*LONGER, *overrides))]
    process = subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None:
        if any(path.read_bytes().count(b"\n") >= rows for path in runs.glob("*/metrics.jsonl")):
            return process
        time.sleep(0.005)
    return process


@pytest.mark.parametrize(("number", "rows"), [(signal.SIGKILL, 2), (signal.SIGKILL, 14), (signal.SIGTERM, 6)])
def test_a_run_that_was_stopped_ends_as_the_undisturbed_one(command, tmp_path, undisturbed, number, rows):
    process = started(tmp_path, rows, "data.workers=2")
    process.send_signal(number)
    _, err = process.communicate(timeout=120)
    folder = runs_in(tmp_path)[0]
    assert "Traceback" not in err and not folder.is_done()
    assert process.returncode == (75 if number == signal.SIGTERM else -number)
    assert command(*words(tmp_path, "--resume", overrides=LONGER))[0] == 0
    same(folder, undisturbed)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "removed": Path.unlink,
    "flipped": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(command, tmp_path, undisturbed, how):
    process = started(tmp_path, 8)
    process.kill()
    process.communicate()
    folder = runs_in(tmp_path)[0]
    DAMAGE[how](folder.checkpoint)
    with folder.metrics.open("a") as file:
        file.write('{"step": 9, "lo')  # torn
    code, _, err = command(*words(tmp_path, overrides=LONGER))
    assert code == 0 and (how == "removed" or "is damaged" in err)
    same(folder, undisturbed)


def test_a_folder_in_use_is_refused(tmp_path):
    folder = RunFolder(tmp_path / "run")
    code = f"from experiments.records.run_folder import *\nwith RunFolder(Path({str(folder.path)!r})).locked(): pass"
    with folder.locked():
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert RecordError.__name__ in done.stderr and f"process {os.getpid()} on" in done.stderr
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_bad_numbers_stop_before_the_weights_and_can_be_replayed(command, tmp_path, monkeypatch, capsys):
    bad = ("optimizer.kind=sgd", "optimizer.lr=1e30", "optimizer.clip=0", "schedule.warmup=0")
    code, _, err = command(*words(tmp_path, overrides=bad))
    folder = runs_in(tmp_path)[0]
    assert code == 2 and "not finite" in err and str(folder.broken) in err
    kept = torch.load(folder.broken, weights_only=True)
    assert all(t.isfinite().all() for t in kept["model"].values() if t.is_floating_point())
    monkeypatch.setattr(sys, "argv", ["replay.py", str(folder.broken)])
    assert replay.main() == 0
    out = capsys.readouterr().out
    assert out.count("image ") == 4 and "<-- not finite" in out


def test_two_processes_train_as_one(command, tmp_path):
    assert command(*words(tmp_path / "one"))[0] == 0
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    line += ["experiments/run.py", *words(tmp_path / "two")]
    subprocess.run(line, cwd=ROOT, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True)
    one, two = (runs_in(tmp_path / name)[0] for name in ("one", "two"))
    losses = [[row["loss"] for row in folder.read_metrics()] for folder in (one, two)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
    assert json.loads(two.run.read_text())["environment"]["processes"] == 2 and two.is_done()


def test_the_assigner_of_the_readme_trains(command, tmp_path, monkeypatch):
    text = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "nearest_of_the_readme.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(assigners.METHODS, "nearest", "nearest_of_the_readme:Nearest")
    code, _, _ = command(*words(tmp_path / "runs", "--assigner", "nearest", "--set", "assigner.size=6"))
    assert code == 0 and runs_in(tmp_path / "runs")[0].is_done()
