"""What a table of the paper is made of, as `run.py --tables` wrote it into runs/tables/: rows, columns, run ids."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from experiments.records.run_folder import RecordError


@dataclass(frozen=True)
class ColumnSpec:
    name: str
    cell: str  # which cell of a row holds its runs
    metric: str  # a figure of `done`, or "class:NAME"


@dataclass(frozen=True)
class CellSpec:
    dataset: str
    stands_for: str  # the paper's data set
    runs: dict[int, str]  # seed -> run id
    reason: str  # why there is none


@dataclass(frozen=True)
class RowSpec:
    name: str
    method: str
    against: str  # the row it is compared with; "": with none
    differs: str
    reason: str  # why the row cannot run
    cells: dict[str, CellSpec]
    paper: dict[str, float] = field(default_factory=dict)  # by column, percent

    @property
    def declared(self) -> set[str]:
        """Keys of the recipe that the matrix itself sets in this row."""
        return {word.partition("=")[0] for word in self.differs.split()}


@dataclass(frozen=True)
class TableSpec:
    number: int
    title: str
    profile: str
    command: str
    columns: tuple[ColumnSpec, ...]
    rows: tuple[RowSpec, ...]

    @property
    def name(self) -> str:
        return f"{self.profile}-table{self.number}" if self.profile else f"table{self.number}"

    @property
    def cells(self) -> list[str]:
        """Keys of the cells, in the order of the columns."""
        return list(dict.fromkeys(column.cell for column in self.columns))

    def first(self, cell: str) -> ColumnSpec | None:
        """The column that ranks a cell: its AP."""
        return next((c for c in self.columns if c.cell == cell and c.metric == "AP"), None)


def tables_in(runs: Path) -> list[TableSpec]:
    """All of runs/tables/, by number; none where there is no such folder. RecordError for one that cannot be read."""
    specs = [read(path) for path in sorted((runs / "tables").glob("*.json"))]
    return sorted(specs, key=lambda spec: (spec.number, spec.profile))


def read(path: Path) -> TableSpec:
    try:
        return parse(json.loads(path.read_bytes()))
    except OSError as error:
        raise RecordError(f"Cannot read {path}: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(f"Cannot read the table {path}: {error!r}. Make it anew with run.py --tables.") from None


def parse(values: dict) -> TableSpec:
    columns = tuple(ColumnSpec(c["name"], c["cell"], c["metric"]) for c in values["columns"])
    rows = tuple(_row(row) for row in values["rows"])
    names = [row.name for row in rows]
    if len(set(names)) < len(names):
        raise ValueError("two rows of one name")
    lost = [row.against for row in rows if row.against and row.against not in names]
    if lost:
        raise ValueError(f"no row '{lost[0]}' to compare with")
    said = (values["title"], values.get("profile", ""), values.get("command", ""))
    if not re.fullmatch(r"[\w-]*", said[1]):
        raise ValueError(f"the profile '{said[1]}' cannot name a file")
    return TableSpec(int(values["table"]), *said, columns, rows)


def _row(row: dict) -> RowSpec:
    said = [str(row.get(key, "")) for key in ("name", "method", "against", "differs", "reason")]
    cells = {key: _cell(cell) for key, cell in row.get("cells", {}).items()}
    return RowSpec(*said, cells, {name: float(value) for name, value in row.get("paper", {}).items()})


def _cell(cell: dict) -> CellSpec:
    runs = {int(seed): str(run) for seed, run in cell.get("runs", {}).items()}
    return CellSpec(cell.get("dataset", ""), cell.get("stands_for", ""), runs, cell.get("reason", ""))
