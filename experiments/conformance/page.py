"""Runs the conformance kit on an assigner and prints one page of verdict."""

from __future__ import annotations

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from traceback import extract_tb

import assigners
from experiments.conformance.checks import Trial, Verdict
from experiments.conformance.memory import milliseconds
from experiments.conformance.scenes import LARGE, random_boxes, random_predictions, to_objects, training_step
from experiments.conformance.suite import CHECKS, Check


def print_verdict(name: str) -> int:
    """`run.py --check NAME`: 0 where all passed, 1 where some failed. Raises AssignerError."""
    assigners.get(name)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        try:
            trial = Trial(name, pool)
            failed = print_checks(trial)
            print(f"{failed} of {len(CHECKS)} failed." if failed else f"All {len(CHECKS)} passed. {_speed(trial)}.")
        except KeyboardInterrupt:
            for process in multiprocessing.active_children():  # each may wait for the other
                process.kill()
            raise
    return int(failed > 0)


def print_checks(trial: Trial) -> int:
    """Prints a line for each check, two more for one that failed; how many failed."""
    failed = 0
    for check in CHECKS:
        verdict = judge(check, trial)
        failed += not verdict.passed
        print(f"{'pass' if verdict.passed else 'FAIL'}  {check.name:<14} {check.proves}")
        if verdict.passed:
            print(f"{'':<20} {verdict.figure}")
        else:
            print(f"{'':<20} found: {verdict.figure}\n{'':<20} likely cause: {check.cause}")
    return failed


def judge(check: Check, trial: Trial) -> Verdict:
    """What a check says; an exception is a failure, with its line in the assigner's file."""
    try:
        return check.run(trial)
    except Exception as error:
        source = sys.modules[assigners.get(trial.name).__module__].__file__
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == source]
        where = f" (line {lines[-1]} of {source})" if lines else ""
        return Verdict(False, f"{type(error).__name__}: {error}{where}")


def _speed(trial: Trial) -> str:
    """Assignment and loss, forward and backward; printed, not judged."""
    assigner, batch = trial.build(), to_objects(random_boxes(1000, 6, 60, LARGE))
    preds = random_predictions(assigner.spec(), 1, LARGE)
    ms = milliseconds(lambda: training_step(assigner, preds, batch))
    return f"1000 objects at 800 x 1344 take {ms:.0f} ms on this CPU (shown, not judged)"
