"""What a table of the paper consists of, and which data stand for the paper's: `matrices/*.yaml`, `profiles/*.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from experiments.recipes.typed import build
from experiments.records.run_folder import FIGURES
from experiments.runtime.errors import UserError, unknown

MATRICES, PROFILES = (Path(__file__).parent / name for name in ("matrices", "profiles"))


@dataclass(frozen=True)
class Column:
    """A figure of one of a row's cells."""

    name: str
    cell: str  # key of the cell
    metric: str  # a figure of `done`, or class:NAME


@dataclass(frozen=True)
class Row:
    """A row as the paper has it; without a `reason` it can run."""

    name: str
    method: str  # of assigners; "" where there is none
    set: tuple[str, ...]  # key=value, as on the command line
    against: str  # the row it is compared with; "": with none
    reason: str  # why it cannot run
    paper: dict[str, float]  # column -> percent


@dataclass(frozen=True)
class Matrix:
    table: int
    title: str
    datasets: dict[str, str]  # key of a cell -> the paper's data set
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Profile:
    """Where and how large the paper's cells run."""

    name: str
    datasets: dict[str, str]  # the paper's data set -> the recipe here
    classes: dict[str, str] = field(default_factory=dict)  # the paper's class -> the class here
    set: tuple[str, ...] = ()  # key=value; it wins over a row's


@dataclass(frozen=True)
class _Line:
    """A row as it is typed."""

    name: str
    paper: tuple[float, ...]
    method: str = ""
    set: tuple[str, ...] = ()
    against: str = ""
    reason: str = ""


def tables() -> list[int]:
    """The numbers that have a matrix."""
    return sorted(int(path.stem.removeprefix("table")) for path in MATRICES.glob("table*.yaml"))


def profile(name: str) -> Profile:
    """By name. Raises UserError."""
    path = PROFILES / f"{name}.yaml"
    if not path.is_file():
        raise unknown("profile", name, sorted(path.stem for path in PROFILES.glob("*.yaml")))
    values = yaml.safe_load(path.read_text())
    return Profile(name, values["datasets"], values.get("classes", {}), tuple(values.get("set", ())))


def matrix(table: int, chosen: Profile) -> Matrix:
    """By number, with the profile's classes. Raises UserError."""
    path = MATRICES / f"table{table}.yaml"
    if not path.is_file():
        raise unknown("table", str(table), [str(number) for number in tables()])
    values = yaml.safe_load(path.read_text())
    datasets = {paper: label or "" for paper, label in values.get("datasets", {"coco": ""}).items()}
    columns = tuple(
        _column(name, paper, label, chosen.classes) for paper, label in datasets.items() for name in values["columns"]
    )
    rows = tuple(_row(line, columns, path.name) for line in values["rows"])
    return Matrix(table, values["title"], {_key(*pair): pair[0] for pair in datasets.items()}, columns, rows)


def _key(paper: str, label: str) -> str:
    """A table of one data set names no data set."""
    return paper if label else "main"


def _column(name: str, paper: str, label: str, classes: dict[str, str]) -> Column:
    """A name that is no figure is a class of the paper's; where another stands for it, the column names both."""
    if name in FIGURES:
        return Column(f"{label} {name}".strip(), _key(paper, label), name)
    here = classes.get(name, name)
    return Column(name if here == name else f"{here} ({name})", _key(paper, label), f"class:{here}")


def _row(values: dict, columns: tuple[Column, ...], place: str) -> Row:
    line = build(_Line, values, f"{place}: {values.get('name')}")
    if len(line.paper) != len(columns) or bool(line.method) == bool(line.reason):
        raise UserError(f"{place}: {line.name} needs {len(columns)} figures of the paper, and a method or a reason.")
    paper = {column.name: value for column, value in zip(columns, line.paper, strict=True)}
    return Row(line.name, line.method, line.set, line.against, line.reason, paper)
