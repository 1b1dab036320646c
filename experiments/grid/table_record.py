"""`runs/tables/<profile>-table<N>.json`: what a table consists of, for the analysis, which knows no matrix."""

from __future__ import annotations

from pathlib import Path

from experiments.grid.entries import Spot
from experiments.grid.matrix import Matrix, Row
from experiments.records.run_folder import write_json


def write(runs: Path, matrix: Matrix, profile: str, command: str, spots: list[Spot]) -> Path:
    """The whole table, whatever part of it is about to run. Returns the file."""
    path = runs / "tables" / f"{profile}-table{matrix.table}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [vars(column) for column in matrix.columns]
    rows = [_row(row, matrix, [spot for spot in spots if spot.row == row]) for row in matrix.rows]
    head = {"table": matrix.table, "title": matrix.title, "profile": profile, "command": command}
    write_json(path, head | {"columns": columns, "rows": rows})
    return path


def _row(row: Row, matrix: Matrix, spots: list[Spot]) -> dict:
    return {
        "name": row.name,
        "method": row.method,
        "against": row.against,
        "differs": " ".join(text.removeprefix("assigner.") for text in row.set),
        "reason": row.reason,
        "cells": {key: _cell([spot for spot in spots if spot.key == key]) for key in matrix.datasets},
        "paper": row.paper,
    }


def _cell(seeds: list[Spot]) -> dict:
    first = seeds[0]
    runs = {str(spot.seed): spot.id for spot in seeds if spot.id}
    return {"dataset": first.dataset, "stands_for": first.stands_for, "runs": runs, "reason": first.reason}
