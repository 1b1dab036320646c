"""Words of the command line: what is not typed, ranges, and words that do not exist."""

import sys

import pytest

from experiments.cli.arguments import parse
from experiments.cli.options import Options


def test_what_is_not_typed_has_its_default_and_is_told_apart():
    assert parse([]) == (Options(), frozenset())
    options, typed = parse(["--seed", "0", "--set", "a=1", "--set", "b=2", "--evaluator", "x", "--skip-bad-images"])
    assert typed == {"seed", "set", "evaluator", "skip_bad_images"} and options.seed == 0
    assert options.overrides == ["a=1", "b=2", "test.evaluator=x", "data.skip_bad_images=true"]


def test_the_command_alone_prints_help_and_three_examples(command):
    code, out, err = command()
    assert (code, err) == (0, "") and "--print-config" in out
    assert out.split("examples:\n")[1].count("python experiments/run.py ") == 3


COUNTS = ("--workers", "--cpus-per-run", "--processes-per-run", "--retries", "--tables", "--seeds", "--gpus-per-run")


@pytest.mark.parametrize("name", (*COUNTS, "--seed"))
@pytest.mark.parametrize("text", ["-1", "9" * 30, "9" * 5000, "nan", "inf", "1.5", "one", ""])
def test_a_number_out_of_its_range_is_one_sentence_and_code_2(command, name, text):
    chosen = [] if name in ("--seed", "--tables") else ["--tables", "2"]
    code, out, err = command(*chosen, name, text)
    assert (code, out) == (2, "") and err.startswith(f"error: {name} is ") and err.count("\n") == 1
    assert f"got {text[:40]}" in err.replace("'", "") and len(err) < 200


@pytest.mark.parametrize("name", ["--workers", "--cpus-per-run"])
def test_none_is_too_few(command, name):
    assert command("--tables", "2", name, "0")[2] == f"error: {name} is 1 or more, got 0. See run.py --help.\n"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (["--lst"], "--lst is no flag of run.py. Did you mean --list?"),
        (["voc"], "voc is no flag of run.py."),
        (["--runs", ""], "--runs is a word, got nothing."),
        (["--tables", "2", "--address", ""], "--address is a word, got nothing."),
        (["--data-root", ""], "--data-root is a word, got nothing."),
        (["--resume", "--force"], "--force not allowed with argument --resume."),
        (["--executor", "x"], "--executor invalid choice: 'x'"),
        (["--tables"], "--tables expected at least one argument."),
    ],
)
def test_a_word_that_does_not_fit_is_one_sentence_and_code_2(command, line, sentence):
    code, out, err = command(*line)
    assert (code, out) == (2, "") and err.startswith(f"error: {sentence}") and err.count("\n") == 1


@pytest.mark.parametrize("columns", ["80", "50"])
def test_the_list_keeps_within_the_terminal(command, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    out = command("--list")[1]
    assert max(map(len, out.splitlines())) <= int(columns)
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr(sys, "__stdout__", None)  # no terminal
    assert command("--list")[1].split() == out.split()
    assert len(command("--list")[1].splitlines()) < len(out.splitlines())
