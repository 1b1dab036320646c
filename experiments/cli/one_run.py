"""`run.py` without tables: one run, from its data to its line of metrics."""

from __future__ import annotations

import shlex

from experiments.cli.options import Options
from experiments.data.official.obtain import Wanted, obtain
from experiments.recipes.recipe import Recipe, rescaled
from experiments.records.run_folder import RunFolder
from experiments.records.schema import METRICS, Result
from experiments.runtime.commands import command_typed
from experiments.runtime.console import say
from experiments.runtime.errors import UserError
from experiments.runtime.processes import World, join_processes
from experiments.runtime.signals import stop_on_signal
from experiments.training.execute import execute
from experiments.training.run_spec import RunSpec, find
from experiments.training.session import Session


def wanted(recipe: Recipe, options: Options) -> Wanted:
    """The dataset that the command line asks for."""
    return Wanted(
        data=recipe.data,
        name=recipe.dataset,
        typed=options.dataset,
        root=options.data_root,
        state=options.state,
        download=options.download,
        command=command_typed(),
    )


def train_one(recipe: Recipe, options: Options) -> None:
    """Raises UserError, RecordError, Preempted."""
    root = obtain(wanted(recipe, options))
    with join_processes() as world:
        _train(find(recipe, root), world, options)


def _train(run: RunSpec, world: World, options: Options) -> None:
    folder = RunFolder(options.runs / run.id)
    if options.resume and not folder.run.is_file():
        raise UserError(f"There is no run to resume at {folder.path}. Leave --resume out to start it.")
    if not world.writes:
        with stop_on_signal() as stop:
            execute(Session(run, folder, world, stop))
        return
    if folder.is_done() and not options.force:
        result = folder.read_result()
        say(_finished(folder, options))
    else:
        for line in _introduction(run, folder):
            say(line)
        with folder.locked(), stop_on_signal() as stop:
            if options.force:
                folder.clear()
            result = execute(Session(run, folder, world, stop))
    print(f"{_metrics(result)} {folder.path}")


def _finished(folder: RunFolder, options: Options) -> str:
    """What a person does next."""
    report = shlex.join(["python", "analysis/report.py", str(options.runs)])
    return f"{folder.path} is finished, nothing is trained. {report} compares runs; --force makes this one again."


def _introduction(run: RunSpec, folder: RunFolder) -> list[str]:
    lines = [
        f"run {folder.path}: {len(run.train)} images to train on, {len(run.val)} to test on",
        rescaled(run.recipe),
        _cleaned("train", run.train.counters),
        _cleaned("val", run.val.counters),
    ]
    return [line for line in lines if line]


def _cleaned(name: str, counters: dict[str, int]) -> str:
    counts = ", ".join(f"{count} {rule}" for rule, count in counters.items() if count)
    return f"boxes of {name} that the clean-up rules touched: {counts}" if counts else ""


def _metrics(result: Result) -> str:
    return " ".join(f"{name} {result.metrics[name]:.3f}" for name in METRICS if result.metrics[name] is not None)
