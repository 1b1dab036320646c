"""Measures a training step of each method of a folder of runs, one at a time in this process, for the report's cost.

python -m experiments.bench.costs RUNS
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from statistics import median

import torch

import assigners
from experiments.data.loader import Batch, train_loader
from experiments.recipes.recipe import Recipe, from_dict
from experiments.records.cost_schema import NAME, Cost, Costs, write_costs
from experiments.records.run_folder import RunFolder, runs_in
from experiments.records.schema import RunRecord
from experiments.runtime.commands import exit_code
from experiments.runtime.environment import environment
from experiments.runtime.errors import UserError
from experiments.runtime.heap import keep_memory
from experiments.training.model import build_detector
from experiments.training.run_spec import find
from experiments.training.schedule import learning_rate, make_optimizer, set_rate
from experiments.training.step import backward

ROUNDS, WARMUP = 12, 2  # steps of each method, taken in turns, so that a slow minute of the machine is all methods'


def records_of(runs: Path) -> list[RunRecord]:
    """Of finished runs with default settings one a method, dataset and recipe. Raises UserError, RecordError."""
    done = (folder.read_run() for folder in runs_in(runs) if folder.is_done())
    kinds: dict[tuple[str, str, str], RunRecord] = {}
    for record in done:
        if not record.changed and record.assigner in assigners.available():  # not the code that a record names
            kinds.setdefault((record.dataset, record.common_hash, record.assigner), record)
    if not kinds:
        raise UserError(f"{runs} holds no finished run of a method with its default settings.")
    return [record for _, record in sorted(kinds.items())]


def measured(runs: Path, root: Path | None) -> Costs:
    keep_memory()  # as a training does
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    costs: list[Cost] = []
    for key, group in groupby(records_of(runs), key=lambda r: (r.dataset, r.common_hash)):
        records = list(group)
        recipes = [from_dict(record.recipe, str(RunFolder(runs / record.id).run)) for record in records]
        taken = _in_turns([_steps(recipe, root, device) for recipe in recipes])
        costs += [Cost(key[0], r.assigner, key[1], median(s[WARMUP:])) for r, s in zip(records, taken, strict=True)]
    return Costs(ROUNDS - WARMUP, environment(), tuple(costs))


def _in_turns(methods: list[Iterator[float]]) -> list[list[float]]:
    """Seconds of ROUNDS steps of each."""
    rounds = [[next(steps) for steps in methods] for _ in range(ROUNDS)]
    return [list(seconds) for seconds in zip(*rounds, strict=True)]


def _steps(recipe: Recipe, root: Path | None, device: torch.device) -> Iterator[float]:
    """Seconds of each step, from the first of the training on."""
    spec = find(recipe, root)
    model = build_detector(spec.recipe, len(spec.train.classes)).to(device, memory_format=torch.channels_last)
    optimizer = make_optimizer(model, recipe.optimizer, model.assigner.priors())
    for step, batch in enumerate(
        train_loader(spec.train, recipe.data, recipe.schedule.batch, recipe.seed, range(ROUNDS))
    ):
        set_rate(optimizer, learning_rate(recipe, step))
        begin = time.perf_counter()
        _step(model, optimizer, batch, recipe, device)
        yield time.perf_counter() - begin


def _step(model, optimizer: torch.optim.Optimizer, batch: Batch, recipe: Recipe, device: torch.device) -> None:
    backward(model, batch, recipe.schedule, 0.0, device)
    optimizer.step()
    if device.type == "cuda":
        torch.cuda.synchronize()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments.bench.costs", description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="folder of the run folders; the costs go there")
    parser.add_argument("--data-root", type=Path, help="where the images are, as of run.py")
    options = parser.parse_args()
    return exit_code(lambda: _measure(options))


def _measure(options: argparse.Namespace) -> int:
    costs = measured(options.runs, options.data_root)
    write_costs(options.runs, costs)
    for cost in costs.costs:
        print(f"{cost.dataset:<24}{cost.assigner:<16}{cost.seconds:>8.3f} s")
    print(options.runs / NAME)
    return 0


if __name__ == "__main__":
    sys.exit(main())
