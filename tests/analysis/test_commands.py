"""The commands on odd terminals and with odd words: a sentence or the letters' numbers, never a traceback."""

import os
import signal
import subprocess
import sys
import time

import pytest

from analysis import commands, report
from experiments.runtime.commit import ROOT
from tests.synthetic import write_all


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("läufe")
    write_all(folder, seeds=2, images=20)
    return folder


def called(*words: object, shell: str = "", **env: str) -> subprocess.CompletedProcess:
    line = [sys.executable, "analysis/report.py", *map(str, words)]
    if shell:
        line = ["bash", "-c", f'set -o pipefail; "$@" {shell}', "bash", *line]
    return subprocess.run(line, cwd=ROOT, env=os.environ | env, capture_output=True, text=True, errors="replace")


def test_an_ascii_terminal_gets_the_numbers_of_the_letters_and_the_files_the_letters(runs, tmp_path):
    for words, text in (((), "\\xb1"), (("--out", tmp_path), "index.html")):
        done = called(runs, "--resamples", "10", *words, PYTHONIOENCODING="ascii")
        assert (done.returncode, done.stderr) == (0, "") and text in done.stdout and done.stdout.isascii()
    assert "±" in (tmp_path / "report.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("shell", ["| head -c 1", "| true", ">&-"])
def test_a_reader_that_has_gone_is_no_error(runs, shell):
    done = called(runs, "--resamples", "10", shell=shell)
    assert done.stderr == "" and done.returncode == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--resamples", "0"), "--resamples: a whole number from 1 to 1000000, got '0'"),
        (("--seed", "-1"), "--seed: a whole number from 0 to 4294967295, got '-1'"),
    ],
)
def test_a_number_out_of_its_range_is_named(runs, words, sentence, typed, capsys):
    with pytest.raises(SystemExit) as stopped:
        typed(report, runs, *words)
    err = capsys.readouterr().err
    assert stopped.value.code == 2 and sentence in err and "Traceback" not in err


def test_an_interruption_and_a_folder_that_cannot_be_written_are_sentences(runs, tmp_path, typed, monkeypatch):
    (tmp_path / "file").touch()
    code, _, err = typed(report, runs, "--out", tmp_path / "file")
    assert code == 2 and err == f"error: Cannot write {tmp_path}/file/figures: Not a directory.\n"

    def interrupted(*_, plots):
        raise KeyboardInterrupt

    monkeypatch.setattr(report, "make_report", interrupted)
    assert typed(report, runs) == (commands.INTERRUPTED, "", "Interrupted.\n")


def test_a_signal_in_an_import_prints_no_traceback(runs):
    for wait in (0.3, 0.8):
        line = [sys.executable, "analysis/report.py", str(runs)]
        process = subprocess.Popen(line, cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.communicate(timeout=60)[1]
