"""Run folders and table records as `run.py --tables` leaves them, made up: AP is drawn, matches give exactly it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from analysis.build_table import build_table
from analysis.draws import Draws
from analysis.matches import ap_of_draws, load_matches
from analysis.runs import read_runs
from analysis.table import Table
from experiments.records.arrays import Matches
from experiments.records.decision_schema import Decisions
from experiments.records.run_folder import RunFolder, write_table
from experiments.records.schema import METRICS, Priors, ProtocolRecord, Result, RunRecord, SplitRecord, StepRow
from experiments.records.table_schema import ColumnRecord, EntryRecord, RowRecord, TableRecord

CLASSES = {
    "disc": (0.0, 0.0),
    "ring": (0.0, 0.0),
    "left": (-0.375, 0.0),
    "right": (0.375, 0.0),
    "top": (0.0, -0.375),
    "top-left": (-0.325, -0.325),
}
PROTOCOLS = {
    "coco": ProtocolRecord(name="coco", by_size=True, recall_points=101),
    "voc07": ProtocolRecord(name="voc07", by_size=False, recall_points=11),
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


def record(shared: dict | None = None, protocol: str = "coco", defaults: dict | None = None, **changes) -> RunRecord:
    """run.json; `changes`: of the recipe. Every setting counts as changed unless `defaults` says otherwise."""
    r = recipe(**changes)
    hashes = {name: f"{name[:4]}-{r['seed']}" if name == "data order" else f"{name[:4]}" for name in SHARED}
    schedule = r["schedule"]
    return RunRecord(
        id="made up",
        recipe=r,
        backbone=r["model"]["backbone"],
        iterations=schedule["iterations"],
        steps=schedule["iterations"] * 16 // schedule["batch"],
        data={"train": SplitRecord(digest="a", images=1, boxes=1, cleaned={})},
        environment={"commit": "c0ffee", "torch": "2.9"},
        head_differs={} if r["assigner"] == "fcos" else {"prior_prob": (0.01, 0.02)},
        defaults=dict.fromkeys(r["settings"], "default") if defaults is None else defaults,
        shared=hashes | shared if shared is not None else hashes,
        protocol=PROTOCOLS[protocol],
    )


def result(ap: float, per_class: dict | None = None, seconds: float | None = None, priors=None, **metrics) -> Result:
    """`done`, with AP as a fraction of 1."""
    scales = dict(zip(METRICS, (1, 1.5, 1.05, 0.6, 1.1, 1.3), strict=True))
    return Result(
        metrics={name: ap * scale for name, scale in scales.items()} | metrics,
        per_class=per_class or {name: ap * (1 + 0.1 * i) for i, name in enumerate(CLASSES)},
        train_seconds=60.0 + 100 * ap if seconds is None else seconds,
        eval_seconds=3.0,
        evaluator="pycocotools 2.0",
        priors=priors or Priors(classes=tuple(CLASSES)),
    )


def write_run(
    runs: Path, name: str, run: RunRecord, done: Result | None = None, steps: int = 0, failed: str = ""
) -> RunFolder:
    """A run folder as far as it is given."""
    folder = RunFolder(runs / name)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_run(run)
    if steps:
        folder.append([StepRow(s, {"loss": 2.0 / s**0.3}) for s in range(1, steps + 1)])
    if failed:
        folder.write_failed(failed, "permanent")
    if done is not None:
        folder.write_result(done)
    return folder


def write_matches(folder: RunFolder, quality: float, images: int = 40, noise: int = 0) -> float:
    """Matches of about this AP, the same images for equal `images`; returns their AP, a fraction of 1."""
    truth = np.random.default_rng(0)
    g = np.random.default_rng([1, noise])
    owner, label = truth.integers(0, images, 5 * images), truth.integers(0, 3, 5 * images)
    hard = truth.random(5 * images)  # some objects are hard for every method
    level = np.linspace(0, 0.3, T)
    matched = (hard + 0.1 * g.standard_normal(5 * images))[:, None] + level < quality + 0.15  # (G, T)
    matches = Matches(
        image=owner.astype(np.int32),
        label=label.astype(np.int32),
        score=(1 - 0.5 * hard + 0.1 * g.standard_normal(5 * images)).astype(np.float32),
        object=np.where(matched, np.arange(5 * images)[:, None], -1).astype(np.int32),
        ignored=np.zeros_like(matched),
        thresholds=np.linspace(0.5, 0.95, T),
        truth_image=owner.astype(np.int32),
        truth_label=label.astype(np.int32),
        truth_box=np.zeros((5 * images, 4), np.float32),
        image_ids=np.arange(images),
    )
    matches.save(folder.matches)
    return float(ap_of_draws(load_matches(folder.matches), np.ones((images, 1), np.float32), 101)[0])


def row(name: str, runs: dict[int, str], paper: dict | None = None, against: str = "", **words) -> RowRecord:
    fields = {"method": "autoassign", "differs": "", "reason": ""} | words
    entries = {"main": EntryRecord("shapes", "coco", runs)}
    return RowRecord(name=name, against=against, entries=entries, paper=paper or {}, **fields)


def table_of(*rows: RowRecord, metrics=("AP",), number: int = 2) -> TableRecord:
    columns = tuple(ColumnRecord(m.removeprefix("class:"), "main", m) for m in metrics)
    return TableRecord(number, "Made up", "cpu", "python experiments/run.py --tables 2", columns, rows)


def built(runs: Path, table: TableRecord, mix: bool = False, decisions: Decisions | None = None) -> Table:
    """The table of the report."""
    return build_table(table, {run.id: run for run in read_runs(runs)}, runs, Draws(200, 0), mix, decisions)


def write_all(runs: Path, seeds: int = 3, images: int = 200) -> None:
    """Tables 2, 3 and 5 of finished, failed, unfinished and missing runs, and what no table asks for."""
    _table2(runs, seeds, images)
    _table3(runs, seeds, images)
    _table5(runs, seeds, images)


def _done(runs: Path, name: str, quality: float, images: int, changes: dict) -> str:
    seed = changes["seed"]
    folder = write_run(runs, f"{name}{seed}", record(**changes), steps=100)
    ap = write_matches(folder, quality, images, noise=sum(map(ord, name)) + seed)
    priors = None
    if changes["assigner"] == "autoassign":
        g = np.random.default_rng(seed)
        mu = 0.2 * np.array(list(CLASSES.values())) - 0.06 + 0.01 * g.standard_normal((len(CLASSES), 2))
        sigma = 1 + 0.2 * g.random((len(CLASSES), 2))
        truth = [list(offset) for offset in CLASSES.values()]
        values = {"mu": mu.tolist(), "sigma": sigma.tolist()}
        priors = Priors(classes=tuple(CLASSES), values=values, true_offsets=truth)
    folder.write_result(result(ap, priors=priors))
    return f"{name}{seed}"


def _changes(seed: int, assigner: str = "autoassign", **words) -> dict:
    return {"assigner": assigner, "seed": seed, **words}


def _table2(runs: Path, seeds: int, images: int) -> None:
    rows = []
    paper = {"none": 17.7, "confidence only": 21.5, "centre only": 37.7, "both": 40.5}
    for (name, ap), quality in zip(paper.items(), (0.3, 0.42, 0.43, 0.62), strict=True):
        switches = {"center": "none"} if name in ("none", "confidence only") else {}
        ids = {s: _done(runs, f"t2{name[:2]}", quality, images, _changes(s, settings=switches)) for s in range(seeds)}
        differs = " ".join(f"{k}={v}" for k, v in switches.items())
        figures = dict(zip(METRICS, (ap, 1.5 * ap, ap + 1, 0.6 * ap, 1.1 * ap, 1.3 * ap), strict=True))
        rows.append(row(name, ids, figures, "" if name == "none" else "none", differs=differs))
    write_table(runs, table_of(*rows, metrics=METRICS, number=2))


def _table3(runs: Path, seeds: int, images: int) -> None:
    fixed = {s: _done(runs, "t3fi", 0.55, images, _changes(s, settings={"center": "fixed"})) for s in range(seeds)}
    write_run(runs, "t3sh0", record(seed=0, settings={"center": "shared"}), failed="step 40: the loss is not finite")
    write_run(runs, "t3sh1", record(seed=1, settings={"center": "shared"}), steps=37)
    rows = [
        row("fixed", fixed, {"AP": 40.3, "left": 32.4}, "category", differs="center=fixed"),
        row("shared", {0: "t3sh0", 1: "t3sh1", 2: "t3sh2"}, {"AP": 40.2}, "category", differs="center=shared"),
        row("category", {s: f"t2bo{s}" for s in range(seeds)}, {"AP": 40.5, "left": 34.8}),
    ]
    write_table(runs, table_of(*rows, metrics=("AP", "class:left", "class:top-left", "class:absent"), number=3))


def _table5(runs: Path, seeds: int, images: int) -> None:
    rows, qualities = [], iter((0.45, 0.47, 0.6, 0.61, 0.65, 0.66))
    for name, assigner in (("RetinaNet", "retinanet"), ("FCOS*", "fcos"), ("ATSS", "atss")):
        for on, ap in ((False, 38.0), (True, 38.4)):
            shared = {"P6 weights, from C5": "p6"} if assigner == "retinanet" else {"P6 weights, from P5": "p5"}
            settings, quality = {"objectness": "implicit"} if on else {}, next(qualities)
            ids = {}
            for s in range(seeds):
                changes = _changes(s, assigner, settings=settings, shared=shared)
                ids[s] = _done(runs, f"t5{assigner}{on}", quality, images, changes)
            title = f"{name} + ImpObj" if on else name
            figures = {"AP": ap, "AP50": ap + 18, "AP75": ap + 3}
            rows.append(row(title, ids, figures, name if on else "", method=assigner, differs="ImpObj" if on else ""))
    sapd = row("SAPD", {}, {"AP": 41.0, "AP50": 60.0, "AP75": 44.0}, reason="not implemented", method="sapd")
    write_table(runs, table_of(*rows, sapd, metrics=("AP", "AP50", "AP75"), number=5))
