"""Run folders and table records as `run.py --tables` leaves them, made up: AP is drawn, matches give exactly it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from analysis.matches import ap, load
from analysis.table_spec import CellSpec, ColumnSpec, RowSpec, TableSpec
from experiments.records.run_folder import RunFolder, write_json

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl")
CLASSES = {
    "disc": (0.0, 0.0),
    "ring": (0.0, 0.0),
    "left": (-0.375, 0.0),
    "right": (0.375, 0.0),
    "top": (0.0, -0.375),
    "top-left": (-0.325, -0.325),
}
SHARED = ("images and boxes", "data order", "backbone weights", "optimiser", "evaluation")
T = 10


def recipe(assigner="autoassign", dataset="shapes", seed=0, settings=None, **changes) -> dict:
    """`changes`: keys of the recipe with `__` for the dot."""
    values = {
        "assigner": assigner,
        "dataset": dataset,
        "seed": seed,
        "data": {"short": 128, "workers": 2},
        "model": {"backbone": "resnet18"},
        "schedule": {"iterations": 100, "batch": 16, "checkpoint_every": 10},
        "optimizer": {"lr": 0.01},
        "settings": settings or {},
    }
    for key, value in changes.items():
        group, name = key.split("__")
        values[group][name] = value
    return values


def record(shared: dict | None = None, **of) -> dict:
    """run.json."""
    r = recipe(**of)
    hashes = {name: f"{name[:4]}-{r['seed']}" if name == "data order" else f"{name[:4]}" for name in SHARED}
    differs = {} if r["assigner"] == "fcos" else {"prior_prob": [0.01, 0.02]}
    defaults = dict.fromkeys(r["settings"], "default")
    return {
        "recipe": r,
        "data": {"train": {"digest": "a"}},
        "environment": {"commit": "c0ffee", "torch": "2.9"},
        "head_differs": differs,
        "defaults": defaults,
        "shared": hashes | (shared or {}),
    }


def result(ap_: float, **more) -> dict:
    """`done`, with AP as a fraction of 1."""
    scales = dict(zip(FIGURES, (1, 1.5, 1.05, 0.6, 1.1, 1.3), strict=True))
    return {
        **{name: ap_ * scale for name, scale in scales.items()},
        "per_class": {name: ap_ * (1 + 0.1 * i) for i, name in enumerate(CLASSES)},
        "train_seconds": 60.0 + 100 * ap_,
        "eval_seconds": 3.0,
        "protocol": "coco",
        "evaluator": "pycocotools 2.0",
        "priors": {"classes": list(CLASSES), "mu": [], "sigma": [], "true_offsets": []},
    } | more


def write(runs: Path, name: str, run: dict, done: dict | None = None, steps: int = 0, failed: str = "") -> RunFolder:
    folder = RunFolder(runs / name)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_run(run)
    if steps:
        folder.append([{"step": s, "loss": 2.0 / s**0.3} for s in range(1, steps + 1)])
    if failed:
        write_json(folder.path / "failed", {"reason": failed})
    if done is not None:
        folder.write_done(done)
    return folder


def write_matches(folder: RunFolder, quality: float, images: int = 40, noise: int = 0) -> float:
    """Matches of about this AP, the same images for equal `images`; returns their own AP, a fraction of 1."""
    truth = np.random.default_rng(0)
    g = np.random.default_rng([1, noise])
    owner, label = truth.integers(0, images, 5 * images), truth.integers(0, 3, 5 * images)
    hard = truth.random(5 * images)  # some objects are hard for every method
    level = np.linspace(0, 0.3, T)
    matched = (hard + 0.1 * g.standard_normal(5 * images))[:, None] + level < quality + 0.15  # (G, T)
    arrays = {
        "image": owner.astype(np.int32),
        "label": label.astype(np.int32),
        "score": (1 - 0.5 * hard + 0.1 * g.standard_normal(5 * images)).astype(np.float32),
        "matched": matched,
        "ignored": np.zeros_like(matched),
        "thresholds": np.linspace(0.5, 0.95, T),
        "truth_image": owner.astype(np.int32),
        "truth_label": label.astype(np.int32),
        "images": np.array(images),
    }
    np.savez(folder.path / "matches.npz", **arrays)
    return float(ap(load(folder.path / "matches.npz"), np.ones((images, 1), np.float32), "coco")[0])


def row(name: str, runs: dict[int, str], paper: dict | None = None, against: str = "", **more) -> RowSpec:
    said = {"method": "autoassign", "differs": "", "reason": ""} | more
    cell = CellSpec("shapes", "coco", runs, "")
    return RowSpec(name, said["method"], against, said["differs"], said["reason"], {"main": cell}, paper or {})


def spec(*rows: RowSpec, metrics=("AP",), number: int = 2) -> TableSpec:
    columns = tuple(ColumnSpec(m.removeprefix("class:"), "main", m) for m in metrics)
    return TableSpec(number, "Made up", "cpu", "python experiments/run.py --tables 2", columns, rows)


def write_table(runs: Path, table: TableSpec) -> Path:
    """In the form of runs/tables/."""
    values = {
        "table": table.number,
        "title": table.title,
        "profile": table.profile,
        "command": table.command,
        "columns": [vars(c) for c in table.columns],
        "rows": [vars(r) | {"cells": {key: vars(c) for key, c in r.cells.items()}} for r in table.rows],
    }
    path = runs / "tables" / f"{table.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))
    return path


def write_all(runs: Path, seeds: int = 3, images: int = 200) -> None:
    """Tables 2, 3 and 5 of finished, failed, unfinished and missing runs, and what no table asks for."""
    _table2(runs, seeds, images)
    _table3(runs, seeds, images)
    _table5(runs, seeds, images)


def _done(runs: Path, name: str, quality: float, images: int, of: dict) -> str:
    seed = of["seed"]
    folder = write(runs, f"{name}{seed}", record(**of), steps=100)
    own = write_matches(folder, quality, images, noise=hash_(name) + seed)
    done = result(own)
    if of["assigner"] == "autoassign":
        g = np.random.default_rng(seed)
        mu = 0.2 * np.array(list(CLASSES.values())) - 0.06 + 0.01 * g.standard_normal((len(CLASSES), 2))
        sigma = 1 + 0.2 * g.random((len(CLASSES), 2))
        truth = [list(offset) for offset in CLASSES.values()]
        done["priors"] |= {"mu": mu.tolist(), "sigma": sigma.tolist(), "true_offsets": truth}
    folder.write_done(done)
    return f"{name}{seed}"


def hash_(name: str) -> int:
    return sum(map(ord, name))


def _table2(runs: Path, seeds: int, images: int) -> None:
    rows = []
    paper = {"none": 17.7, "confidence only": 21.5, "centre only": 37.7, "both": 40.5}
    for (name, ap_), quality in zip(paper.items(), (0.3, 0.42, 0.43, 0.62), strict=True):
        own = {"center": "none"} if name in ("none", "confidence only") else {}
        ids = {s: _done(runs, f"t2{name[:2]}", quality, images, recipe_of(s, settings=own)) for s in range(seeds)}
        differs = " ".join(f"{k}={v}" for k, v in own.items())
        figures = dict(zip(FIGURES, (ap_, 1.5 * ap_, ap_ + 1, 0.6 * ap_, 1.1 * ap_, 1.3 * ap_), strict=True))
        rows.append(row(name, ids, figures, "" if name == "none" else "none", differs=differs))
    write_table(runs, spec(*rows, metrics=FIGURES, number=2))


def recipe_of(seed: int, assigner: str = "autoassign", **more) -> dict:
    return {"assigner": assigner, "seed": seed, **more}


def _table3(runs: Path, seeds: int, images: int) -> None:
    fixed = {s: _done(runs, "t3fi", 0.55, images, recipe_of(s, settings={"center": "fixed"})) for s in range(seeds)}
    write(runs, "t3sh0", record(seed=0, settings={"center": "shared"}), failed="step 40: the loss is not finite")
    write(runs, "t3sh1", record(seed=1, settings={"center": "shared"}), steps=37)
    rows = [
        row("fixed", fixed, {"AP": 40.3, "left": 32.4}, "category", differs="center=fixed"),
        row("shared", {0: "t3sh0", 1: "t3sh1", 2: "t3sh2"}, {"AP": 40.2}, "category", differs="center=shared"),
        row("category", {s: f"t2bo{s}" for s in range(seeds)}, {"AP": 40.5, "left": 34.8}),
    ]
    write_table(runs, spec(*rows, metrics=("AP", "class:left", "class:top-left", "class:absent"), number=3))


def _table5(runs: Path, seeds: int, images: int) -> None:
    rows, quality = [], iter((0.45, 0.47, 0.6, 0.61, 0.65, 0.66))
    for name, assigner in (("RetinaNet", "retinanet"), ("FCOS*", "fcos"), ("ATSS", "atss")):
        for on, ap_ in ((False, 38.0), (True, 38.4)):
            shared = {"P6 weights, from C5": "p6"} if assigner == "retinanet" else {"P6 weights, from P5": "p5"}
            own, q = {"objectness": "implicit"} if on else {}, next(quality)
            ids = {}
            for s in range(seeds):
                ids[s] = _done(
                    runs, f"t5{assigner}{on}", q, images, recipe_of(s, assigner, settings=own, shared=shared)
                )
            said = f"{name} + ImpObj" if on else name
            figures = {"AP": ap_, "AP50": ap_ + 18, "AP75": ap_ + 3}
            rows.append(row(said, ids, figures, name if on else "", method=assigner, differs="ImpObj" if on else ""))
    missing_row = row("SAPD", {}, {"AP": 41.0, "AP50": 60.0, "AP75": 44.0}, reason="not implemented", method="sapd")
    write_table(runs, spec(*rows, missing_row, metrics=("AP", "AP50", "AP75"), number=5))
