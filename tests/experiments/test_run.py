"""The command, as people type it: wrong words, what is there, and complete runs."""

import os
import subprocess
import sys

import numpy as np
import pytest

import assigners
from experiments.records.arrays import Matches
from experiments.records.run_folder import runs_in
from experiments.records.schema import METRICS
from experiments.runtime.commit import ROOT
from tests.tiny_runs import words


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["--assigner", "autoasign"], "Did you mean 'autoassign'?"),
        (["--dataset", "shape"], "Did you mean 'shapes'?"),
        (["--set", "schedule.iteration=3"], "Did you mean 'iterations'?"),
        (["--set", "assigner.centre=fixed"], "Did you mean 'center'?"),
        (["--set", "assigner.center=middle"], "none, fixed, shared, category"),
        (["--set", "schedule.batch=many"], "schedule.batch is 'many'; it must be a whole number, 1 to 65536 (images)"),
        (["--set", "model"], "key=value"),
        (["--dataset", "voc"], "--data-root"),
        (["--dataset", "coco", "--data-root", "nowhere"], "instances_train2017.json"),
        (["--dataset", "nowhere.yaml"], "nowhere.yaml"),
        (["--set", "schedule.batch=4001"], "do not fill a batch"),
    ],
)
def test_wrong_words_get_one_line_and_code_2(command, tmp_path, line, sentence):
    code, out, err = command("--runs", str(tmp_path / "runs"), *line)
    assert (code, out) == (2, "")
    assert err.startswith("error: ") and err.count("\n") == 1 and sentence in err
    assert not (tmp_path / "runs").exists()


def test_what_is_there_and_what_differs(command):
    code, out, _ = command("--list")
    assert code == 0 and all(name in out for name in (*assigners.available(), "shapes-widerface", "voc", "coco"))
    code, out, _ = command("--print-config", "--set", "assigner.center=shared", "--seed", "7", "--skip-bad-images")
    assert code == 0 and "center: shared" in out and "seed: 7" in out and "skip_bad_images: true" in out
    code, out, _ = command("--explain", "--assigner", "retinanet")
    assert code == 0 and "ratios" in out and "retinanet against fcos" in out


@pytest.mark.parametrize("name", assigners.available())
def test_a_run_leaves_a_complete_folder_and_is_not_run_again(command, tmp_path, name):
    code, out, err = command(*words(tmp_path, "--assigner", name))
    assert code == 0 and "AP50" in out and "Batch 4: 3 iterations at 16 become 12" in err
    (folder,) = runs_in(tmp_path)
    for path in (folder.run, folder.metrics, folder.checkpoint, folder.detections, folder.matches, folder.done):
        assert path.is_file()
    assert [row.step for row in folder.read_metrics()] == list(range(1, 13))
    record = folder.read_run()
    assert record.assigner == name and set(record.data) == {"train", "val"} and record.steps == 12
    before = folder.checkpoint.stat().st_mtime_ns
    assert command(*words(tmp_path, "--assigner", name))[1] == out
    assert folder.checkpoint.stat().st_mtime_ns == before


@pytest.mark.parametrize("protocol", ["coco", "voc07"])
def test_a_run_keeps_matches_protocol_and_evaluator(tmp_path, command, protocol):
    line = words(tmp_path, "--assigner", "fcos", overrides=(f"test.protocol={protocol}",))
    assert command(*line)[0] == 0
    (folder,) = runs_in(tmp_path)
    done, matches = folder.read_result(), Matches.load(folder.matches)
    assert folder.read_run().protocol.name == protocol
    assert done.evaluator.split()[0] == {"coco": "hotcoco", "voc07": "numpy"}[protocol]
    assert set(METRICS) <= set(done.metrics)
    assert matches.images == 4
    by_size = [path.name for path in folder.path.glob("matches.*.npz")]
    assert sorted(by_size) == [f"matches.{name}.npz" for name in ("APl", "APm", "APs") if protocol == "coco"]
    assert folder.matches.stat().st_mtime_ns <= folder.done.stat().st_mtime_ns
    assert command(*line, "--evaluator", "pycocotools")[0] == 0
    assert len(runs_in(tmp_path)) == 1
    folder.clear()
    assert not list(folder.path.glob("*.npz"))


def test_force_starts_over_and_resume_wants_a_run(command, tmp_path):
    code, _, err = command(*words(tmp_path, "--resume"))
    assert code == 2 and "no run to resume" in err
    first = command(*words(tmp_path))[1]
    before = runs_in(tmp_path)[0].checkpoint.stat().st_mtime_ns
    assert command(*words(tmp_path, "--force"))[1] == first
    assert runs_in(tmp_path)[0].checkpoint.stat().st_mtime_ns != before


def test_a_run_of_another_version_is_refused_with_what_to_do_and_force_makes_it_again(command, tmp_path):
    first = command(*words(tmp_path))[1]
    (folder,) = runs_in(tmp_path)
    folder.done.write_text('{"AP": 0.25, "per_class": {}}\n')
    code, out, err = command(*words(tmp_path))
    assert (code, out) == (2, "")
    sentence = f"error: {folder.done} was written by another version of AssignBench. Make the run again: its command"
    assert err.splitlines()[-1] == f"{sentence} with --force."
    assert command(*words(tmp_path, "--force"))[:2] == (0, first)


def test_two_processes_train_as_one(command, tmp_path):
    """About 15 s: torchrun and its two processes import torch, 3 s each."""
    assert command(*words(tmp_path / "one"))[0] == 0
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    line += ["experiments/run.py", *words(tmp_path / "two")]
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(line, cwd=ROOT, check=True, env=env, capture_output=True, text=True)
    assert "Warning" not in done.stderr and "deprecated" not in done.stderr
    one, two = (runs_in(tmp_path / name)[0] for name in ("one", "two"))
    losses = [[row.values["loss"] for row in folder.read_metrics()] for folder in (one, two)]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
    assert two.read_run().environment["processes"] == 2 and two.is_done()


def test_the_assigner_of_the_readme_trains(command, tmp_path, monkeypatch):
    text = (ROOT / "README.md").read_text().split("```python\n")[1].split("```")[0]
    (tmp_path / "nearest_of_the_readme.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(assigners.METHODS, "nearest", "nearest_of_the_readme:Nearest")
    code, _, _ = command(*words(tmp_path / "runs", "--assigner", "nearest", "--set", "assigner.size=6"))
    assert code == 0 and runs_in(tmp_path / "runs")[0].is_done()
