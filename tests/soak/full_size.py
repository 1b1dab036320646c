"""Every distinct run of the paper's tables at full size, on the real samples: it builds, takes one training step of one
image and evaluates one, at the resolutions of its recipe.

python -m tests.soak.full_size --tables 1 2 3 4 5 6 7
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from experiments.data.loader import train_loader
from experiments.grid.entries import DatasetFinder, TableEntry, entries_of
from experiments.grid.matrices import load_matrix, load_profile
from experiments.records.run_folder import RunFolder
from experiments.runtime.heap import keep_memory
from experiments.runtime.processes import World
from experiments.runtime.signals import Stop
from experiments.training import evaluate
from experiments.training.model import build_detector
from experiments.training.schedule import make_optimizer
from experiments.training.session import Session
from experiments.training.step import backward
from tests.samples import REAL

ALONE = World(0, 1, torch.device("cpu"))
OVERRIDES = ["schedule.batch=1", "schedule.accumulate=1", "test.batch=1", "data.workers=0", "model.weights=none"]


@dataclass(frozen=True)
class Passed:
    """What one image of training and one of testing took."""

    step_seconds: float
    test_seconds: float
    peak: int  # bytes of the process
    detections: int


def samples(root: Path) -> Path:
    """The real samples, each where a recipe looks for it. Objects365 may not be copied: COCO's images stand for it."""
    for name, folder in (("coco", "coco_sample"), ("voc", "voc_format/voc2012_100")):
        (root / name).symlink_to(REAL / folder)
    faces = REAL / "widerface"
    (root / "widerface" / "wider_face_split").mkdir(parents=True)
    for split in ("train", "val"):
        (root / "widerface" / f"WIDER_{split}").symlink_to(faces / f"WIDER_{split}")
        listing = f"wider_face_split/wider_face_{split}_bbx_gt"
        (root / "widerface" / f"{listing}.txt").symlink_to(faces / f"{listing}_sample.txt")
    for patch, split in enumerate(("train", "val")):
        _as_objects365(root / "objects365", f"images/v1/patch{patch}", split)
    return root


def _as_objects365(root: Path, patch: str, split: str) -> None:
    """A split of COCO's sample in the layout of Objects365, with its 365 classes."""
    (root / patch).parent.mkdir(parents=True, exist_ok=True)
    (root / patch).symlink_to(REAL / "coco_sample" / f"{split}2017")
    data = json.loads((REAL / "coco_sample" / "annotations" / f"instances_{split}2017.json").read_text())
    data["categories"] = json.loads((REAL / "objects365" / "objects365_v2_categories.json").read_text())["categories"]
    for image in data["images"]:
        image["file_name"] = f"{patch}/{image['file_name']}"
    (root / "annotations").mkdir(exist_ok=True)
    (root / "annotations" / f"zhiyuan_objv2_{split}.json").write_text(json.dumps(data))


def distinct(tables: list[int], finder: DatasetFinder) -> Iterator[TableEntry]:
    """An entry of each run of the full profile, with seed 0; a reason in the place of a run is an error."""
    profile, seen = load_profile("full"), set()
    for table in tables:
        for entry in entries_of(load_matrix(table, profile), profile, [0], OVERRIDES, finder):
            if entry.reason:
                raise ValueError(f"{entry.label}: {entry.reason}")
            if entry.id not in seen:
                seen.add(entry.id)
                yield entry


def passed(entry: TableEntry, finder: DatasetFinder) -> Passed:
    """Raises AssertionError where a loss is not finite, and what the run would raise."""
    keep_memory()
    spec = finder.spec(entry.recipe)[0]
    recipe = spec.recipe
    model = build_detector(recipe, len(spec.train.classes)).to(memory_format=torch.channels_last)
    optimizer = make_optimizer(model, recipe.optimizer, model.assigner.priors())
    batch = next(iter(train_loader(spec.train, recipe.data, 1, recipe.seed, range(1))))
    begin = time.perf_counter()
    figures = backward(model, batch, recipe.schedule, 0.0, ALONE.device)
    nn.utils.clip_grad_norm_(model.parameters(), recipe.optimizer.clip or math.inf)
    optimizer.step()
    trained = time.perf_counter()
    assert all(x.isfinite() for x in figures.values()), f"{entry.label}: {figures}"
    crowded = int(np.diff(spec.val.offsets).argmax())
    one = replace(spec, val=spec.val.part(np.array([crowded])))
    found = evaluate.detections(model, Session(one, RunFolder(Path("none")), ALONE, Stop()))
    evaluate.scores(one.val, found, recipe)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 2**10
    return Passed(trained - begin, time.perf_counter() - trained, peak, len(found.scores))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, nargs="+", default=[1, 2, 3, 4, 5, 6, 7])
    parser.add_argument("--row", default="", help="only rows whose name has this in it")
    words = parser.parse_args()
    if not REAL.is_dir():
        print(f"The real samples are not at {REAL}: nothing was run.")
        return 0
    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["ASSIGNBENCH_CACHE"] = f"{folder}/cache"  # not the person's
        finder = DatasetFinder(samples(Path(folder)))
        entries = [entry for entry in distinct(words.tables, finder) if words.row in entry.row.name]
        print(f"{len(entries)} runs: s of a step, s of a test, GiB at the peak, detections; one image each")
        for entry in entries:
            failures += not _said(entry, finder)
    print(f"{len(entries) - failures} of {len(entries)} passed")
    return min(failures, 1)


def _said(entry: TableEntry, finder: DatasetFinder) -> bool:
    """Prints what became of a run, in a process of its own, whose peak of memory is its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        try:
            p = pool.submit(passed, entry, finder).result()
        except Exception as error:  # whatever it is, a killed process too: the others still have their turn
            print(f"{entry.label:<60} FAILED: {type(error).__name__}: {error}", flush=True)
            return False
    row = f"{p.step_seconds:>7.1f}{p.test_seconds:>8.1f}{p.peak / 2**30:>7.1f}{p.detections:>7}"
    print(f"{entry.label:<60}{row}", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
