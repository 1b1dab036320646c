"""SETTINGS.md, from the fields: python -m experiments.recipes.settings_page > SETTINGS.md"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import MISSING

import assigners
from experiments.recipes.load import OF_THE_COMMAND
from experiments.recipes.recipe import Recipe, as_read
from experiments.recipes.settings import Setting, settings_of

HEAD = """# Settings

Written from the fields by `python -m experiments.recipes.settings_page > SETTINGS.md`; a test compares.

`--set NAME=VALUE` sets any of them; a recipe file has those of the groups data, model, schedule, optimizer and test, as
`group: {name: value}`. A value outside of what is permitted is an error that says so. What has no default stands in
every recipe file; `--print-config` prints all values of a run. What fields ask of each other: `recipes/rules.py`.
"""
COLUMNS = ("name", "type", "permitted", "unit", "default", "meaning and source")


def page() -> str:
    """The text of SETTINGS.md."""
    return "\n".join([HEAD, *_groups(), *_methods()])


def _groups() -> Iterator[str]:
    settings = [s for s in settings_of(Recipe).values() if s.name not in OF_THE_COMMAND]
    for group in dict.fromkeys(s.name.partition(".")[0] for s in settings):
        yield f"## {group}\n"
        yield from _table(s for s in settings if s.name.startswith(f"{group}."))


def _methods() -> Iterator[str]:
    for name in assigners.METHODS:
        cls = assigners.get(name)
        yield f"## {name}\n"
        yield from _table(settings_of(cls, prefix="assigner.").values())


def _table(settings: Iterable[Setting]) -> Iterator[str]:
    yield _row(COLUMNS)
    yield _row(["---"] * len(COLUMNS))
    for s in settings:
        default = "" if s.default is MISSING else f"`{_shown(s.default)}`"
        yield _row((f"`{s.name}`", s.type_name, s.permitted, s.unit, default, s.comment))
    yield ""


def _shown(value: object) -> str:
    """As it is written in a recipe file."""
    return str(as_read({"": value})[""]).replace("True", "true").replace("False", "false")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


if __name__ == "__main__":
    print(page(), end="")
