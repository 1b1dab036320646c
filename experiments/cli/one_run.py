"""`run.py` without tables: one run, from its data to its line of metrics."""

from __future__ import annotations

import os
import shlex
from contextlib import nullcontext

import torch

from experiments.cli.options import Options
from experiments.data.official.obtain import DatasetOptions, obtain
from experiments.data.parsing.clean import KEPT
from experiments.data.parsing.coco_image_info import ImageInfo
from experiments.recipes.recipe import Recipe, rescaled
from experiments.records.run_folder import RunFolder
from experiments.records.schema import METRICS, Result
from experiments.runtime.commands import command_typed
from experiments.runtime.console import say
from experiments.runtime.errors import UserError
from experiments.runtime.processes import World, join_processes
from experiments.runtime.signals import stop_on_signal
from experiments.runtime.threads import usable_cores
from experiments.training.execute import execute
from experiments.training.run_spec import RunSpec, find
from experiments.training.session import Session
from experiments.training.test_dev import find_test_dev, upload_file


def dataset_options(recipe: Recipe, options: Options) -> DatasetOptions:
    """The dataset that the command line asks for."""
    return DatasetOptions(
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
    root = obtain(dataset_options(recipe, options))
    with join_processes() as world:
        run = find(recipe, root)
        test_dev = find_test_dev(run, root) if options.split == "test-dev" else None  # before hours of training
        _train(run, world, options)
        if test_dev:
            _upload(run, world, options, test_dev)


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


def _upload(run: RunSpec, world: World, options: Options, test_dev: ImageInfo) -> None:
    folder = RunFolder(options.runs / run.id)
    with folder.locked() if world.writes else nullcontext(), stop_on_signal() as stop:
        path = upload_file(Session(run, folder, world, stop), test_dev)
    if path:
        say(f"{path} holds the detections on test-dev. COCO's server has taken no file since January 2026.")


def _finished(folder: RunFolder, options: Options) -> str:
    """What a person does next."""
    report = shlex.join(["python", "analysis/report.py", str(options.runs)])
    return f"{folder.path} is finished, nothing is trained. {report} compares runs; --force makes this one again."


def _introduction(run: RunSpec, folder: RunFolder) -> list[str]:
    lines = [
        f"run {folder.path}: {len(run.train)} images to train on, {len(run.val)} to test on",
        _threads(),
        rescaled(run.recipe),
        run.note,
        _boxes("train", run.train.counters),
        _boxes("val", run.val.counters),
    ]
    return [line for line in lines if line]


def _threads() -> str:
    policy = os.environ.get("OMP_WAIT_POLICY", "the default")
    return f"{torch.get_num_threads()} threads on {usable_cores()} cores; OMP_WAIT_POLICY is {policy}"


def _boxes(split: str, counters: dict[str, int]) -> str:
    """What the clean-up did to the boxes of a split, and what it left."""
    touched = [f"{n} {rule}" for rule, n in counters.items() if n and not rule.startswith(KEPT)]
    untouched = [f"{n} {rule.removeprefix(KEPT)}" for rule, n in counters.items() if n and rule.startswith(KEPT)]
    notes = [f"that the clean-up rules touched: {', '.join(touched)}"] if touched else []
    notes += [f"kept as they are, as the official tool scores them: {', '.join(untouched)}"] if untouched else []
    return f"boxes of {split} {'; '.join(notes)}" if notes else ""


def _metrics(result: Result) -> str:
    figures = [f"{name} {result.metrics[name]:.3f}" for name in METRICS if result.metrics[name] is not None]
    return " ".join(figures) or "AP n/a: there is no object to count,"
