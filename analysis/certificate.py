"""Whether rows of a table were compared fairly: what they share, by hash, and all in which they differ."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.results import Run, flat
from analysis.table import Certificate, Difference, Shared

NONE = "-"


def certify(cell: str, runs: dict[str, dict[int, Run]]) -> Certificate:
    """runs: row -> seed -> its run, all with a readable run.json."""
    rows = tuple(runs)
    bare = [row for row in rows if not all(run.record.get("shared") for run in runs[row].values())]
    problems = [f"{row}: no hashes in its run.json; run it again to know what it shares" for row in bare]
    names = dict.fromkeys(n for of in runs.values() for run in of.values() for n in run.record.get("shared", {}))
    shared = tuple(_shared(name, runs) for name in names)
    problems += _protocols(runs)
    return Certificate(cell, rows, shared, tuple(_differences(runs, names)), tuple(problems))


def _shared(name: str, runs: dict[str, dict[int, Run]]) -> Shared:
    hashes, broken = [], {}
    for seed in sorted({seed for of in runs.values() for seed in of}):
        found = {row: of[seed].record.get("shared", {}).get(name) for row, of in runs.items() if seed in of}
        groups = _grouped({row: value for row, value in found.items() if value})
        hashes += [groups[0][0]] if groups else []
        if len(groups) > 1:
            broken[seed] = "; ".join(f"{value} in {', '.join(of)}" for value, of in groups)
    seeds = ", ".join(map(str, broken))
    said = next((f"{name} differ at seed {seeds}; at seed {s}: {text}" for s, text in broken.items()), "")
    return Shared(name, tuple(dict.fromkeys(hashes)), said)


def _protocols(runs: dict[str, dict[int, Run]]) -> list[str]:
    groups = _grouped({row: _each(run.done.get("protocol", NONE) for run in of.values()) for row, of in runs.items()})
    said = "; ".join(f"{value} in {', '.join(rows)}" for value, rows in groups)
    return [f"scored by different protocols: {said}"] if len(groups) > 1 else []


def _differences(runs: dict[str, dict[int, Run]], names: Iterable[str]) -> Iterable[Difference]:
    """The method, its settings, its head; then software and machine."""
    records = {row: [run.record for run in of.values()] for row, of in runs.items()}
    yield from _differ("method", {row: _each(r["recipe"]["assigner"] for r in of) for row, of in records.items()})
    yield from _settings({row: of[0]["recipe"].get("settings", {}) for row, of in records.items()})
    yield from _heads({row: of[0].get("head_differs", {}) for row, of in records.items()})
    for name in names:  # weights that not all rows have
        has = {row: any(name in r.get("shared", {}) for r in of) for row, of in records.items()}
        yield from _differ(name, {row: "has" if yes else "has none" for row, yes in has.items()})
    environments = {row: [flat(r.get("environment", {})) for r in of] for row, of in records.items()}
    for key in dict.fromkeys(key for of in environments.values() for e in of for key in e):
        yield from _differ(key, {row: _each(e.get(key, NONE) for e in of) for row, of in environments.items()})
    engines = {row: _each(run.done.get("evaluator", NONE) for run in of.values()) for row, of in runs.items()}
    yield from _differ("evaluator", engines)


def _settings(settings: dict[str, dict]) -> Iterable[Difference]:
    """Settings that are not equal in all rows; each row with its own, as methods have different ones."""
    keys = dict.fromkeys(key for of in settings.values() for key in of)
    changing = [key for key in keys if len({repr(of.get(key, NONE)) for of in settings.values()}) > 1]
    said = {row: ", ".join(f"{k}={of[k]}" for k in changing if k in of) or NONE for row, of in settings.items()}
    yield from _differ("settings", said)


def _heads(heads: dict[str, dict]) -> Iterable[Difference]:
    """Fields of the head; a record holds those that differ from one reference, as [its value, the row's]."""
    reference = {name: pair[0] for of in heads.values() for name, pair in of.items()}
    for name, theirs in reference.items():
        values = {row: of[name][1] if name in of else theirs for row, of in heads.items()}
        yield from _differ(f"head: {name}", {row: _short(value) for row, value in values.items()})


def _differ(what: str, values: dict[str, str]) -> Iterable[Difference]:
    groups = _grouped(values)
    if len(groups) > 1:
        yield Difference(what, tuple((value, tuple(rows)) for value, rows in groups))


def _grouped(values: dict[str, str]) -> list[tuple[str, list[str]]]:
    """Each value with its rows, in the order of the rows."""
    groups: dict[str, list[str]] = {}
    for row, value in values.items():
        groups.setdefault(value, []).append(row)
    return list(groups.items())


def _each(values: Iterable[object]) -> str:
    return " and ".join(dict.fromkeys(str(value) for value in values))


def _short(value: object) -> str:
    if isinstance(value, list):
        return " ".join(_short(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
