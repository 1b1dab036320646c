"""Whether rows of a table were compared fairly: what they share, by hash, and all in which they differ."""

from __future__ import annotations

from collections.abc import Iterable

from analysis.runs import Run
from analysis.table import Certificate, RowDifference, SharedHash
from experiments.records.files import hash_of
from experiments.records.schema import dotted, effective

NONE = "-"
HASHED = {"optimiser": "optimizer", "schedule": "schedule", "input": "data"}  # hash -> the group of the recipe it is of

Rows = dict[str, dict[int, Run]]  # row -> seed -> its run


def certify(entry: str, rows: Rows, searched: frozenset[str] = frozenset()) -> Certificate:
    """rows: with readable records. searched: keys of the recipe that the same search set for each method."""
    bare = [row for row, by_seed in rows.items() if not all(run.record.shared for run in by_seed.values())]
    problems = [f"{row}: no hashes in its run.json; run it again to know what it shares" for row in bare]
    names = dict.fromkeys(n for by_seed in rows.values() for run in by_seed.values() for n in run.record.shared)
    shared = tuple(_shared(name, rows, searched) for name in names)
    problems += _protocols(rows)
    differences = (*_searched(rows, searched), *_differences(rows, names))
    return Certificate(entry, tuple(rows), shared, differences, tuple(problems))


def _shared(name: str, rows: Rows, searched: frozenset[str]) -> SharedHash:
    hashes, broken = [], {}
    for seed in sorted({seed for by_seed in rows.values() for seed in by_seed}):
        by_row = {row: _hash(name, by_seed[seed], searched) for row, by_seed in rows.items() if seed in by_seed}
        groups = _grouped({row: value for row, value in by_row.items() if value})
        hashes += [groups[0][0]] if groups else []
        if len(groups) > 1:
            broken[seed] = "; ".join(f"{value} in {', '.join(names)}" for value, names in groups)
    seeds = ", ".join(map(str, broken))
    sentence = next((f"{name} differ at seed {seeds}; at seed {s}: {text}" for s, text in broken.items()), "")
    return SharedHash(name, tuple(dict.fromkeys(hashes)), sentence)


def _hash(name: str, run: Run, searched: frozenset[str]) -> str | None:
    """As the run took it; of a group of the recipe in which a search set something, that of the others of the group."""
    recorded, group = run.record.shared.get(name), HASHED.get(name, "")
    values = effective(group, run.record.recipe.get(group, {}))
    unsearched = {key: value for key, value in values.items() if f"{group}.{key}" not in searched}
    return hash_of(unsearched) if len(unsearched) < len(values) and recorded == hash_of(values) else recorded


def _searched(rows: Rows, searched: Iterable[str]) -> Iterable[RowDifference]:
    for key in sorted(searched):
        values = {row: _each(run.record.options.get(key, NONE) for run in b.values()) for row, b in rows.items()}
        yield from _differ(f"{key}, found for each method by the same search", values)


def _protocols(rows: Rows) -> list[str]:
    groups = _grouped({row: _each(run.record.protocol.name for run in b.values()) for row, b in rows.items()})
    sentence = "; ".join(f"{value} in {', '.join(names)}" for value, names in groups)
    return [f"scored by different protocols: {sentence}"] if len(groups) > 1 else []


def _differences(rows: Rows, names: Iterable[str]) -> Iterable[RowDifference]:
    """The method, its settings, its head; then software and machine."""
    records = {row: [run.record for run in by_seed.values()] for row, by_seed in rows.items()}
    yield from _differ("method", {row: _each(r.assigner for r in b) for row, b in records.items()})
    yield from _settings({row: b[0].settings for row, b in records.items()})
    yield from _heads({row: b[0].head_differs for row, b in records.items()})
    for name in names:  # weights that not all rows have
        has = {row: any(name in r.shared for r in b) for row, b in records.items()}
        yield from _differ(name, {row: "has" if yes else "has none" for row, yes in has.items()})
    environments = {row: [dotted(r.environment) for r in b] for row, b in records.items()}
    for key in dict.fromkeys(key for b in environments.values() for e in b for key in e if key != "date"):
        yield from _differ(key, {row: _each(e.get(key, NONE) for e in b) for row, b in environments.items()})
    engines = {row: _each(run.result.evaluator for run in by_seed.values()) for row, by_seed in rows.items()}
    yield from _differ("evaluator", engines)


def _settings(settings: dict[str, dict]) -> Iterable[RowDifference]:
    """Settings that are not equal in all rows; each row with its own, as methods have different ones."""
    keys = dict.fromkeys(key for by_name in settings.values() for key in by_name)
    changing = [key for key in keys if len({repr(b.get(key, NONE)) for b in settings.values()}) > 1]
    texts = {row: ", ".join(f"{k}={b[k]}" for k in changing if k in b) or NONE for row, b in settings.items()}
    yield from _differ("settings", texts)


def _heads(heads: dict[str, dict]) -> Iterable[RowDifference]:
    """Fields of the head; a record holds those that differ from one reference, as [its value, the row's]."""
    reference = {name: pair[0] for by_name in heads.values() for name, pair in by_name.items()}
    for name, base in reference.items():
        values = {row: b[name][1] if name in b else base for row, b in heads.items()}
        yield from _differ(f"head: {name}", {row: _short(value) for row, value in values.items()})


def _differ(name: str, values: dict[str, str]) -> Iterable[RowDifference]:
    groups = _grouped(values)
    if len(groups) > 1:
        yield RowDifference(name, tuple((value, tuple(rows)) for value, rows in groups))


def _grouped(values: dict[str, str]) -> list[tuple[str, list[str]]]:
    """Each value with its rows, in the order of the rows."""
    groups: dict[str, list[str]] = {}
    for row, value in values.items():
        groups.setdefault(value, []).append(row)
    return list(groups.items())


def _each(values: Iterable[object]) -> str:
    return " and ".join(dict.fromkeys(str(value) for value in values))


def _short(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(_short(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
