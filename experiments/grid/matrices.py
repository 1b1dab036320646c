"""What a table of the paper consists of (`matrices/`), and which datasets stand for the paper's (`profiles/`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from experiments.grid.attribution import read_attributions
from experiments.grid.claims import read_claims, vocabulary
from experiments.grid.search_space import Search, parse_search, read_methods
from experiments.recipes.typed import build_typed
from experiments.recipes.yaml_text import read_yaml
from experiments.records.schema import METRICS
from experiments.records.table_schema import Attribution, Claim, ColumnRecord
from experiments.runtime.errors import UserError, unknown

MATRICES, PROFILES = (Path(__file__).parent / name for name in ("matrices", "profiles"))


@dataclass(frozen=True)
class MatrixRow:
    """A row as the paper has it; without a `reason` it can run."""

    name: str
    method: str  # of assigners; "" where there is none
    set: tuple[str, ...]  # key=value, as on the command line
    against: str  # the row it is compared with; "": with none
    reason: str  # why it cannot run
    paper: dict[str, float]  # column -> percent; {}: no row of the paper
    controlled: tuple[str, ...] = ()  # key=value beside `set` with a head that all rows get
    reading_of: str = ""  # the row of which this is another reading of the paper; "": of none
    stand_ins: tuple[str, ...] = ()  # those of `set` that the profile put in the place of others; they win over its own


@dataclass(frozen=True)
class Matrix:
    table: int
    title: str
    datasets: dict[str, str]  # key of an entry of a row -> the paper's dataset
    columns: tuple[ColumnRecord, ...]
    rows: tuple[MatrixRow, ...]
    claims: tuple[Claim, ...] = ()
    head: str = "native"  # or the method whose head all rows get
    tuned: bool = True  # each method has what the search chose for it; else all have the common settings
    attributions: tuple[Attribution, ...] = ()  # their rows say themselves whose head they have


@dataclass(frozen=True)
class Profile:
    """Where and how large the paper's runs are made."""

    name: str
    datasets: dict[str, str]  # the paper's dataset -> the recipe here
    classes: dict[str, str] = field(default_factory=dict)  # the paper's class -> the class here
    set: tuple[str, ...] = ()  # key=value; it wins over a row's
    instead: dict[str, tuple[str, ...]] = field(default_factory=dict)  # key=value of a row -> those in its place
    tuned: str = ""  # how it was tuned, a sentence
    search: Search | None = None  # what --tune searches for each method; None: nothing
    methods: dict[str, tuple[str, ...]] = field(default_factory=dict)  # method -> key=value that the search chose


@dataclass(frozen=True)
class _Line:
    """A row as it is typed."""

    name: str
    paper: tuple[float, ...] = ()  # (): no row of the paper
    method: str = ""
    set: tuple[str, ...] = ()
    against: str = ""
    reason: str = ""
    controlled: tuple[str, ...] = ()
    reading_of: str = ""


def table_numbers() -> list[int]:
    """The numbers that have a matrix."""
    return sorted(int(path.stem.removeprefix("table")) for path in MATRICES.glob("table*.yaml"))


def load_profile(name: str) -> Profile:
    """By name. Raises UserError."""
    names = sorted(path.stem for path in PROFILES.glob("*.yaml"))
    if name not in names:
        raise unknown("profile", name, names)
    values, where = read_yaml(PROFILES / f"{name}.yaml"), f"{name}.yaml"
    return Profile(
        name,
        values["datasets"],
        values.get("classes", {}),
        tuple(values.get("set", ())),
        {text: tuple(replacing) for text, replacing in values.get("instead", {}).items()},
        values.get("tuned", ""),
        parse_search(values["search"], where) if "search" in values else None,
        read_methods(values.get("methods", {}), where),
    )


def load_matrix(table: int, profile: Profile) -> Matrix:
    """By number, with the profile's classes. Raises UserError."""
    path = MATRICES / f"table{table}.yaml"
    if not path.is_file():
        raise unknown("table", str(table), [str(number) for number in table_numbers()])
    values = read_yaml(path)
    datasets = {paper: label or "" for paper, label in values.get("datasets", {"coco": ""}).items()}
    columns = tuple(
        _column(name, paper, label, profile.classes) for paper, label in datasets.items() for name in values["columns"]
    )
    rows = tuple(_row(line, columns, path.name, profile) for line in values.get("rows", []))
    swapped, attributions = read_attributions(values.get("attributions"), path.name)
    rows += tuple(MatrixRow(row.name, row.method, row.set, "", "", {}) for row in swapped)
    names = [row.name for row in rows]
    if lost := [row.reading_of for row in rows if row.reading_of not in ("", *names)]:
        raise unknown(f"row in {path.name}: reading_of", lost[0], names)
    metrics = dict(zip(values["columns"], (column.metric for column in columns), strict=False))  # alike on each dataset
    claims = read_claims(values.get("claims", []), vocabulary(path.name, names, metrics, datasets))
    entries = {_key(*pair): pair[0] for pair in datasets.items()}
    tuned = values.get("tuned", True)
    return Matrix(table, values["title"], entries, columns, rows, claims, tuned=tuned, attributions=attributions)


def _key(paper: str, label: str) -> str:
    """A table of one dataset names no dataset."""
    return paper if label else "main"


def _column(name: str, paper: str, label: str, classes: dict[str, str]) -> ColumnRecord:
    """A name that is no metric is a class of the paper's; where another stands for it, the column names both."""
    if name in METRICS:
        return ColumnRecord(f"{label} {name}".strip(), _key(paper, label), name)
    stand_in = classes.get(name, name)
    return ColumnRecord(name if stand_in == name else f"{stand_in} ({name})", _key(paper, label), f"class:{stand_in}")


def _row(values: dict, columns: tuple[ColumnRecord, ...], file: str, profile: Profile) -> MatrixRow:
    line = build_typed(_Line, values, f"{file}: {values.get('name')}")
    if len(line.paper) not in (0, len(columns)) or bool(line.method) == bool(line.reason):
        raise UserError(
            f"{file}: {line.name} needs {len(columns)} figures of the paper or none, and a method or a reason."
        )
    paper = {column.name: value for column, value in zip(columns, line.paper, strict=False)}
    stand_ins = tuple(word for text in line.set for word in profile.instead.get(text, ()))
    unreplaced = tuple(text for text in line.set if text not in profile.instead)
    return MatrixRow(
        line.name,
        line.method,
        unreplaced + stand_ins,
        line.against,
        line.reason,
        paper,
        line.controlled,
        line.reading_of,
        stand_ins,
    )
