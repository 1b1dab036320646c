"""Puts an assigner through what every assigner must stand; one page of verdict.

python -m experiments.conformance NAME, or FILE.py:CLASS of your own. Leaves with 0 where all passed, 1 where some
failed, 2 where there is no such assigner.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from traceback import extract_tb

import assigners
from experiments.conformance.checks import Finding, Trial
from experiments.conformance.memory import milliseconds
from experiments.conformance.scenes import LARGE, faces, objects, predictions, step
from experiments.conformance.suite import CHECKS, Check


def judge(check: Check, trial: Trial) -> Finding:
    """What a check finds; an exception is a finding, too, with its line in the assigner's file."""
    try:
        return check.run(trial)
    except Exception as error:
        source = sys.modules[assigners.get(trial.name).__module__].__file__
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == source]
        place = f" (line {lines[-1]} of {source})" if lines else ""
        return Finding(False, f"{type(error).__name__}: {error}{place}")


def verdict(trial: Trial) -> int:
    """Prints a line for each check, two more for one that failed; how many failed."""
    failed = 0
    for check in CHECKS:
        found = judge(check, trial)
        failed += not found.passed
        print(f"{'pass' if found.passed else 'FAIL'}  {check.name:<14} {check.proves}")
        if found.passed:
            print(f"{'':<20} {found.figure}")
        else:
            print(f"{'':<20} found: {found.figure}\n{'':<20} likely cause: {check.cause}")
    return failed


def speed(trial: Trial) -> str:
    """Assignment and loss, forward and backward; shown, not judged."""
    assigner, batch = trial.build(), objects(faces(1000, 6, 60, LARGE))
    preds = predictions(assigner.spec(), 1, LARGE)
    ms = milliseconds(lambda: step(assigner, preds, batch))
    return f"1000 objects at 800 x 1344 take {ms:.0f} ms on this CPU (shown, not judged)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("assigner", help=f"{', '.join(assigners.available())}, or FILE.py:CLASS of your own")
    name = parser.parse_args().assigner
    try:
        assigners.get(name)
    except assigners.AssignerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        trial = Trial(name, pool)
        failed = verdict(trial)
        print(f"{failed} of {len(CHECKS)} failed." if failed else f"All {len(CHECKS)} passed. {speed(trial)}.")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
