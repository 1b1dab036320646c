"""A run that is stopped, killed or damaged ends as if nothing had happened."""

import shutil
import signal
from pathlib import Path

import pytest

from experiments import run
from experiments.records.run_folder import RunFolder, runs_in
from tests.tiny_runs import LONGER, differences, here, started, thaw, words


@pytest.mark.parametrize(("number", "rows"), [(signal.SIGKILL, 2), (signal.SIGKILL, 14), (signal.SIGTERM, 6)])
def test_a_run_that_was_stopped_ends_as_the_undisturbed_one(command, tmp_path, undisturbed, number, rows):
    process = started(tmp_path, rows, "data.workers=2")
    process.send_signal(number)
    thaw(process.pid)
    _, err = process.communicate(timeout=120)
    folder = runs_in(tmp_path)[0]
    assert "Traceback" not in err and not folder.is_done()
    assert process.returncode == (75 if number == signal.SIGTERM else -number)
    assert command(*words(tmp_path, "--resume", overrides=LONGER))[0] == 0
    assert differences(folder, undisturbed) == []


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


DAMAGE = {
    "removed": Path.unlink,
    "flipped": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-1000]),
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Path:
    """Runs of which the one was killed after step 8 or later."""
    runs = tmp_path_factory.mktemp("killed")
    process = started(runs, 8)
    process.kill()
    process.communicate()
    return runs


@pytest.fixture(scope="module")
def finished(killed, tmp_path_factory) -> Path:
    """The same, resumed to its end."""
    runs = shutil.copytree(killed, tmp_path_factory.mktemp("finished"), dirs_exist_ok=True)
    assert here(run, *words(runs, overrides=LONGER))[0] == 0
    return runs


def copied(runs: Path, target: Path) -> RunFolder:
    """The one run of a copy that may be damaged."""
    shutil.copytree(runs, target, dirs_exist_ok=True)
    return runs_in(target)[0]


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_checkpoint_falls_back_to_the_one_before(command, tmp_path, undisturbed, killed, how):
    folder = copied(killed, tmp_path)
    DAMAGE[how](folder.checkpoint)
    with folder.metrics.open("a") as file:
        file.write('{"step": 9, "lo')  # torn
    code, _, err = command(*words(tmp_path, overrides=LONGER))
    assert code == 0 and (how == "removed" or "is damaged" in err)
    assert differences(folder, undisturbed) == []


@pytest.mark.parametrize("how", DAMAGE)
def test_a_run_that_ended_its_training_is_evaluated_again_or_goes_back_a_checkpoint(
    command, tmp_path, undisturbed, killed, finished, how
):
    """As it is left by a kill in the evaluation: weights of the end, the state before with its moments, no `done`."""
    folder = copied(finished, tmp_path)
    folder.done.unlink()
    folder.previous.write_bytes(runs_in(killed)[0].checkpoint.read_bytes())
    DAMAGE[how](folder.checkpoint)
    assert command(*words(tmp_path, overrides=LONGER))[0] == 0
    assert differences(folder, undisturbed) == []
