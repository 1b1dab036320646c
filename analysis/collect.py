"""From run folders to one flat table: a row a run, and the reason of every hole."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from experiments.records.run_folder import NO_EFFECT, RecordError, RunFolder, hash_of, runs_in

FIGURES = ("AP", "AP50", "AP75", "APs", "APm", "APl")
NAMES = ("run", "assigner", "dataset", "seed", "backbone", "iterations", "recipe", "settings", "status")
NUMBERS = (*FIGURES, "train_seconds")
COLUMNS = (*NAMES, *NUMBERS, "reason")


def collect(runs: Path) -> pd.DataFrame:
    """One row a run folder in `runs`, with COLUMNS; RecordError where there is no such folder.

    recipe: hash of all that is neither method nor seed, so equal where two runs may be compared.
    settings: of the method, those that differ from `defaults` in run.json; all where the record has no `defaults`.
    """
    table = pd.DataFrame([_row(folder) for folder in runs_in(runs)], columns=COLUMNS)
    numbers = dict.fromkeys(NUMBERS, "float64") | dict.fromkeys(("seed", "iterations"), "Int64")
    return table.astype(numbers)


def _row(folder: RunFolder) -> dict:
    row = {"run": folder.path.name, "status": "unfinished", "reason": ""}
    try:
        record = folder.read_run()
    except RecordError as error:
        return row | {"reason": f"unreadable run.json: {error}"}
    try:
        row |= _identity(record)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return row | {"reason": f"unreadable run.json: {folder.run} does not hold a recipe as it should ({error!r})."}
    if folder.is_done():
        return row | _result(folder)
    failed = _failure(folder)
    return row | (failed or {"reason": _progress(folder, record["recipe"]["schedule"])})


def _identity(record: dict) -> dict:
    recipe = record["recipe"]
    settings, defaults = recipe.get("settings", {}), record.get("defaults", {})
    numbers = recipe["seed"], recipe["schedule"]["iterations"], recipe["schedule"].get("batch", 16)
    if any(type(number) is not int for number in numbers) or numbers[2] < 1:
        raise ValueError(f"seed, iterations and batch are {numbers}")
    changed = {name: value for name, value in settings.items() if name not in defaults or defaults[name] != value}
    return {
        "assigner": recipe["assigner"],
        "dataset": recipe["dataset"],
        "seed": recipe["seed"],
        "backbone": recipe["model"]["backbone"],
        "iterations": recipe["schedule"]["iterations"],
        "recipe": _shared(recipe, record.get("data")),
        "settings": ", ".join(f"{name}={value}" for name, value in sorted(changed.items())),
    }


def _shared(recipe: dict, data: object) -> str:
    """Hash of the part that runs to compare have in common."""
    rest = {key: value for key, value in recipe.items() if key not in ("assigner", "settings", "seed")}
    for group, keys in NO_EFFECT.items():
        rest[group] = {key: value for key, value in rest.get(group, {}).items() if key not in keys}
    return hash_of({"recipe": rest, "data": data})


def _result(folder: RunFolder) -> dict:
    try:
        done = folder.read_done()
    except RecordError as error:
        return {"reason": f"unreadable done: {error}"}
    missing = [name for name in NUMBERS if not isinstance(done.get(name, ""), (int, float, type(None)))]
    if missing:
        return {"reason": f"unreadable done: {folder.done} has no number for {', '.join(missing)}."}
    sized = done.get("protocol", "coco") in ("coco", "height")  # the others have no figures by size
    empty = [name for name in FIGURES if done[name] is None and (sized or name not in FIGURES[3:])]
    reason = f"no ground truth for {', '.join(empty)}" if empty else ""
    return {"status": "done", "reason": reason, **{name: done[name] for name in NUMBERS}}


def _failure(folder: RunFolder) -> dict:
    """What the run's `failed` says: it stopped for a reason of its own. Nothing where there is none."""
    try:
        found = folder.read_failed()
    except RecordError as error:
        found = {"reason": f"its reason is unreadable: {error}"}
    if not found:
        return {}
    reason = " ".join(str(found.get("reason", f"{folder.failed} names no reason")).split())
    return {"status": "failed", "reason": f"failed: {reason}"}


def _progress(folder: RunFolder, schedule: dict) -> str:
    """Why an unfinished run has no figures yet, as far as its files tell."""
    try:
        rows = folder.read_metrics()
    except RecordError as error:
        return f"unreadable metrics.jsonl: {error}"
    last = rows[-1] if rows else {"step": 0}
    total = max(1, round(schedule["iterations"] * 16 / schedule.get("batch", 16)))  # iterations are stated at 16 images
    if last["step"] >= total:
        return f"not evaluated: all {total} steps are trained"
    broken = ", the loss is not finite" if last.get("loss", 0) is None else ""
    return f"not finished: step {last['step']} of {total}{broken}"
