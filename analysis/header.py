"""When, with what and on what the runs of a report were made: all from their records, nothing of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

from analysis.runs import Run
from experiments.records.table_schema import TableRecord

Environment = dict[str, Any]  # of a RunRecord
Lines = tuple[tuple[str, str], ...]  # a title and words
HARDWARE = ("cpu", "cores", "memory_gib", "gpus", "platform", "processes")
OTHER = ("date", "commit")
AND = "; and "


def header_of(runs: list[Run], tables: list[TableRecord]) -> Lines:
    """What no record knows is left out."""
    environments = [run.record.environment for run in runs if run.record]
    of_runs = {
        "Run on": _dates(environments),
        "Commit": _different(environments, lambda e: e.get("commit", "")),
        "Versions": _different(environments, _versions),
        "Hardware": _different(environments, _hardware),
    }
    lines = tuple((title, words) for title, words in of_runs.items() if words)
    return (*lines, *_per_profile(tables))


def _dates(environments: list[Environment]) -> str:
    """The first and the last, ISO."""
    dates = sorted({e["date"] for e in environments if e.get("date")})
    return " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else ""


def _different(environments: list[Environment], words: Callable[[Environment], str]) -> str:
    """Each once; where there are several, of how many runs each is."""
    counts: dict[str, int] = {}
    for environment in environments:
        if text := words(environment):
            counts[text] = counts.get(text, 0) + 1
    several = len(counts) > 1
    return AND.join(text + f" ({count} run{'s' * (count > 1)})" * several for text, count in counts.items())


def _versions(environment: Environment) -> str:
    return ", ".join(f"{name} {value}" for name, value in environment.items() if name not in (*HARDWARE, *OTHER))


def _hardware(environment: Environment) -> str:
    e, gpus = environment, environment.get("gpus") or []
    words = [
        ", ".join(f"{gpus.count(name)} x {name}" for name in dict.fromkeys(gpus)),
        e.get("cpu", ""),
        f"{e['cores']} core{'s' * (e['cores'] != 1)}" if e.get("cores") else "",
        f"{e['memory_gib']} GiB of memory" if e.get("memory_gib") else "",
        e.get("platform", ""),
        f"{e['processes']} process{'es' * (e['processes'] != 1)} a run" if e.get("processes") else "",
    ]
    return ", ".join(filter(None, words))


def _per_profile(tables: list[TableRecord]) -> Iterable[tuple[str, str]]:
    """What was set beside each profile, and how it was tuned."""
    ordered = sorted(tables, key=lambda table: table.profile)  # stable
    for profile, items in groupby(ordered, key=lambda table: table.profile):
        of_profile = list(items)
        yield f"Set beside the profile {profile}".rstrip(), _overrides(of_profile)
        if tuned := " ".join(dict.fromkeys(table.tuned for table in of_profile if table.tuned)):
            yield f"Tuning of the profile {profile}".rstrip(), tuned


def _overrides(tables: list[TableRecord]) -> str:
    """In words; where tables differ in it, of which each is."""
    words: dict[str, list[str]] = {}
    for table in tables:
        words.setdefault(_in_words(table.overrides), []).append(str(table.number))
    several = len(words) > 1
    return AND.join(
        text + f" (table{'s' * (len(numbers) > 1)} {', '.join(dict.fromkeys(numbers))})" * several
        for text, numbers in words.items()
    )


def _in_words(overrides: tuple[str, ...]) -> str:
    pairs = (text.partition("=") for text in overrides)
    return ", ".join(f"{key} is {value}" for key, _, value in pairs) or "nothing"
