"""Records as a run and a table leave them, small: for whoever reads them."""

from __future__ import annotations

from dataclasses import replace

from experiments.records.schema import METRICS, Priors, ProtocolRecord, Result, RunRecord, SplitRecord
from experiments.records.table_schema import ColumnRecord, EntryRecord, RowRecord, TableRecord

RECIPE = {
    "assigner": "fcos",
    "dataset": "shapes",
    "seed": 0,
    "settings": {"radius": 1.5},
    "data": {"short": [128], "workers": 2},
    "model": {"backbone": "resnet18"},
    "schedule": {"iterations": 200, "milestones": [0.5, 0.75]},
}


def run_record(recipe: dict | None = None, **changes) -> RunRecord:
    """recipe: keys in place of RECIPE's; changes: fields of the record."""
    values = RECIPE | (recipe or {})
    record = RunRecord(
        id="0123456789ab",
        recipe=values,
        backbone="resnet18",
        iterations=200,
        steps=200,
        data={name: SplitRecord(digest=name, images=16, boxes=40, cleaned={"clipped": 1}) for name in ("train", "val")},
        environment={"commit": "c0ffee", "gpus": [], "memory_gib": 7.5},
        head_differs={"prior_prob": (0.01, 0.02)},
        defaults={"radius": 1.5},
        shared={"data order": "0123"},
        protocol=ProtocolRecord(name="coco", by_size=True, recall_points=101),
    )
    return replace(record, **changes)


def result(ap: float | None = 0.5, **changes) -> Result:
    """changes: fields of the result."""
    metrics = dict.fromkeys(METRICS, ap)
    done = Result(
        metrics=metrics | {"AR100": 0.75},
        per_class={"disc": ap, "ring": None},
        train_seconds=320.0,
        eval_seconds=40.0,
        evaluator="hotcoco 1.3",
        priors=Priors(
            classes=("disc", "ring"),
            values={"mu": [[0.0, 0.5]]},
            true_offsets=[[0.0, -0.375]],
            true_spreads=[[0.25, 0.2]],
            box_strides=[3.5, 3.25],
        ),
    )
    return replace(done, **changes)


def table_record(**changes) -> TableRecord:
    """Two rows, the second of which cannot run. changes: fields of the record."""
    entry = EntryRecord("shapes", "coco", {0: "0123456789ab", 4: "ba9876543210"})
    rows = (
        RowRecord("FCOS", "fcos", "", "", "", {"main": entry}, {"AP": 38.5}),
        RowRecord("SAPD", "", "FCOS", "a=1 b=2", "not implemented", {"main": EntryRecord("", "coco", reason="none")}),
    )
    columns = (ColumnRecord("AP", "main", "AP"), ColumnRecord("disc", "main", "class:disc"))
    return replace(TableRecord(2, "Settings", "cpu", "python experiments/run.py", columns, rows), **changes)
