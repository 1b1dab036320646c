"""What became of a run is read from its folder alone."""

import subprocess
import sys

from experiments.grid.command import begin
from experiments.grid.job import Job, Outcome, record_outcome
from experiments.grid.states import state_of_run
from experiments.records.run_folder import RunFolder
from experiments.records.schema import Failure, StepRow
from experiments.runtime.commit import ROOT
from tests.sample_records import result

HOLD = (
    "import sys; from pathlib import Path; from experiments.records.run_folder import RunFolder\n"
    "with RunFolder(Path(sys.argv[1])).locked():\n"
    "    print(flush=True); sys.stdin.read()"
)


def test_the_state_is_read_from_the_folder_alone(tmp_path):
    folder = RunFolder(tmp_path / "run")
    job = Job("run", {}, None, str(tmp_path))
    assert state_of_run(folder).kind == "new"
    folder.path.mkdir()
    folder.append([StepRow(1, {"images_per_s": 3.0}), StepRow(2, {"images_per_s": 4.0})])
    with folder.metrics.open("a") as file:
        file.write('{"step": 3, "im')
    state = state_of_run(folder)
    assert (state.kind, state.step, state.images_per_s) == ("stopped", 2, 4.0)
    line = [sys.executable, "-c", HOLD, str(folder.path)]
    with subprocess.Popen(line, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        assert state_of_run(folder).kind == "running"
        other.stdin.close()
    assert state_of_run(folder).kind == "stopped"
    outcomes = (Outcome("transient", "killed"), Outcome("permanent", "NaN"))
    assert [record_outcome(job, outcome) for outcome in outcomes] == [1, 2]
    state = state_of_run(folder)
    assert (state.kind, state.reason, state.permanent) == ("failed", "NaN", True)
    assert folder.read_failed() == Failure(reason="NaN", kind="permanent", tries=2)
    folder.write_result(result(0.5))
    assert (state_of_run(folder).kind, state_of_run(folder).ap) == ("done", 0.5)


def test_force_takes_a_result_away_before_any_run_starts(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.write_result(result(0.5))
    jobs = [Job("run", {}, None, str(tmp_path))]
    begin(jobs, force=False)
    assert state_of_run(folder).kind == "done"
    begin(jobs, force=True)
    assert state_of_run(folder).kind == "new" and not folder.failed.exists()


def test_a_result_of_another_version_is_a_failure_that_says_what_to_do(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.done.write_text('{"AP": 0.5}')
    state = state_of_run(folder)
    assert (state.kind, state.permanent) == ("failed", True) and "with --force" in state.reason
    assert state.unreadable
    folder.done.unlink()
    folder.failed.write_text("[")
    state = state_of_run(folder)
    assert (state.kind, state.permanent, state.unreadable) == ("failed", True, False)  # --retry-failed removes it
