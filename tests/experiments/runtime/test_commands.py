"""What the commands do on odd machines: no home, an ASCII terminal, closed streams, disks that are not ours."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from experiments import draw, run
from experiments.data import cache
from experiments.data.datasets import load_index
from experiments.recipes.load import load
from experiments.runtime.commands import command_for_records, command_typed, exit_code
from experiments.runtime.commit import ROOT
from tests.tiny_runs import words


def called(*line: str, shell: str = "", env: dict | None = None) -> subprocess.CompletedProcess:
    line = [sys.executable, "experiments/run.py", *line]
    if shell:
        line = ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *line]
    return subprocess.run(line, cwd=ROOT, env=os.environ | (env or {}), capture_output=True, text=True)


def test_an_ascii_terminal_gets_the_numbers_of_the_letters(tmp_path):
    line = words(tmp_path / "läufe", "--assigner", "fcos")
    for _ in range(2):  # a new run and a finished one
        done = called(*line, env={"PYTHONIOENCODING": "ascii"})
        assert done.returncode == 0 and "l\\xe4ufe" in done.stdout and "Traceback" not in done.stderr, done.stderr


def test_a_user_without_a_home_has_no_cache_and_is_told_so_once(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("ASSIGNBENCH_CACHE")
    monkeypatch.setattr(cache.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert cache.folder() is None
    index = load_index(load("shapes", "fcos", [], 0).data, "shapes", None, "val")
    assert len(cache.cached(("a",), tmp_path, [], lambda: index)) == len(index)
    sentence = (
        "The index is not cached: this user has no home folder. Set ASSIGNBENCH_CACHE to a folder that has room.\n"
    )
    assert capsys.readouterr().err == sentence


@pytest.mark.parametrize("line", [("--list",), ("--help",), ("--print-config",), ("--check-data",)])
@pytest.mark.parametrize("shell", ["| head -c 1", "| true", ">&-", ">&- 2>&- <&-"])
def test_a_reader_that_has_gone_is_no_error(line, shell):
    done = called(*line, shell=shell)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_page_that_nobody_reads_is_no_fault_of_the_disk(typed, tmp_path, monkeypatch):
    def broken(*_):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("experiments.data.official.check._check", broken)
    monkeypatch.setattr("experiments.runtime.commands.redirect_to_devnull", lambda _: None)
    assert typed(run, "--check-data", "--dataset", "voc", "--data-root", tmp_path) == (0, "", "")


@pytest.mark.parametrize("name", ["a file", "below a file", "of nobody"])
def test_a_folder_that_cannot_be_written_is_one_sentence(typed, tmp_path, name):
    (tmp_path / "file").touch()
    runs = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "runs", "of nobody": "/proc/runs"}[name]
    code, out, err = typed(run, *words(runs))
    assert (code, out) == (2, "") and err.splitlines()[-1].startswith(f"error: {runs}"), err
    code, _, err = typed(draw, "--out", runs)
    assert code == 2 and err.count("\n") == 1 and err.startswith(f"error: {runs}"), err


def test_a_signal_at_the_start_is_one_sentence(tmp_path):
    """While it imports torch, mostly."""
    for wait in (0.6, 1.2):
        line = [sys.executable, "experiments/run.py", *words(tmp_path)]
        process = subprocess.Popen(line, cwd=ROOT, stderr=subprocess.PIPE, text=True)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=60)[1]
        assert process.returncode in (75, 130) and "Traceback" not in err, err
    shutil.rmtree(tmp_path)


def test_a_signal_in_an_import_waits_for_its_end(tmp_path):
    """A library half loaded hides the exception."""
    (tmp_path / "slow.py").write_text(
        "import os, signal, time\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(0.2)\n"
        "except BaseException:\n"
        "    pass\n"
        "whole = True\n"
    )
    code = (
        "import time; from experiments.runtime.commands import exit_code\n"
        "def act():\n"
        "    import slow; print(slow.whole, flush=True); time.sleep(20)\n"
        "raise SystemExit(exit_code(act))"
    )
    env = os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(tmp_path)))}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (75, "True\n") and done.stderr.startswith("Interrupted"), done.stderr


def test_what_nobody_foresaw_is_not_hidden(monkeypatch):
    def fault() -> int:
        raise RuntimeError("a fault of ours")

    with pytest.raises(RuntimeError, match="of ours"):
        exit_code(fault)
    monkeypatch.setattr(sys, "argv", ["experiments/run.py", "--set", "a=b c"])
    assert command_typed() == "python experiments/run.py --set 'a=b c'"


@pytest.mark.parametrize(
    "typed",
    [
        ["--tables", "2", "--runs", "/home/me/runs", "--set", "a=b"],
        ["--runs=/home/me/runs", "--tables", "2", "--data-root", "/home/me/data", "--set", "a=b"],
        ["--tables", "2", "--set", "a=b", "--data-root=/home/me/data", "--runs", "/home/me/runs"],
    ],
)
def test_a_record_has_the_command_without_the_folders_of_the_machine(monkeypatch, typed):
    monkeypatch.setattr(sys, "argv", ["experiments/run.py", *typed])
    assert command_for_records() == "python experiments/run.py --tables 2 --set a=b"
    assert command_typed().endswith(" ".join(typed))
