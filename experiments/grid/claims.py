"""What the paper, or a user, claims of the rows of a matrix: read from its `claims:`, checked against its rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any

from assigners.ranges import Items, Range
from experiments.recipes.typed import build_typed
from experiments.records.schema import METRICS
from experiments.records.table_schema import Claim, ClaimKind
from experiments.runtime.errors import UserError, unknown

Names = Annotated[tuple[str, ...], Items(least=1)]
AP = "AP, percent"


@dataclass(frozen=True)
class ClaimWords:
    """What the claims of a matrix may name."""

    file: str
    rows: tuple[str, ...]
    datasets: tuple[str, ...]  # the paper's
    metrics: dict[str, str]  # as typed -> as the result has it


@dataclass(frozen=True)
class _Line:
    """A claim as it is typed."""

    id: str
    kind: ClaimKind
    better: Names
    worse: Names
    published: Annotated[float, Range(-100, 100, AP)]
    margin: Annotated[float, Range(0, 100, AP, "(]")] | None = None
    dataset: tuple[str, ...] = ()  # () : all of the table
    metric: Names = ("AP",)
    worse_metric: tuple[str, ...] = ()
    said: str = ""


def vocabulary(file: str, rows: Iterable[str], columns: dict[str, str], datasets: Iterable[str]) -> ClaimWords:
    """columns: metric as typed -> as the result has it."""
    return ClaimWords(file, tuple(rows), tuple(datasets), dict(zip(METRICS, METRICS, strict=True)) | columns)


def read_claims(values: Any, words: ClaimWords) -> tuple[Claim, ...]:
    """Raises UserError for a claim that does not fit the table."""
    if not isinstance(values, list):
        raise UserError(f"{words.file}: claims must be a list, got {values!r:.40}.")
    claims = tuple(_claim(value, words) for value in values)
    ids = [claim.id for claim in claims]
    if twice := [name for name in ids if ids.count(name) > 1]:
        raise UserError(f"{words.file}: two claims have the id {twice[0]}. Rename one of them.")
    return claims


def _claim(value: Any, words: ClaimWords) -> Claim:
    name = value.get("id") if isinstance(value, dict) else value
    where = f"{words.file}: claim {name!s:.40}"
    line = build_typed(_Line, value, where)
    dataset = line.dataset or words.datasets
    _check_names("row", (*line.better, *line.worse), words.rows, where)
    _check_names("dataset", dataset, words.datasets, where)
    _check_names("metric", (*line.metric, *line.worse_metric), words.metrics, where)
    _check_form(line, dataset, where)
    metric, worse_metric = (tuple(words.metrics[name] for name in names) for names in (line.metric, line.worse_metric))
    return Claim(
        line.id,
        line.kind,
        line.better,
        line.worse,
        dataset,
        metric,
        line.published,
        line.margin,
        line.said,
        worse_metric,
    )


def _check_names(kind: str, names: Iterable[str], permitted: Iterable[str], where: str) -> None:
    for name in names:
        if name not in permitted:
            raise unknown(f"{kind} in {where}:", name, list(permitted))


def _check_form(line: _Line, dataset: tuple[str, ...], where: str) -> None:
    """What the kind of a claim asks of its rows, datasets and margin."""
    counts = (len(line.better), len(line.worse))
    pairs = line.kind == "difference of differences"
    if pairs and any(count % 2 for count in counts):
        raise UserError(f"{where} needs pairs of rows in better and worse, got {counts[0]} and {counts[1]} rows.")
    if not pairs and (counts[0] > 1 or (counts[1] > 1 and line.kind != "summary")):
        raise UserError(f"{where} is a {line.kind}: it compares single rows, got {counts[0]} and {counts[1]}.")
    if not pairs and set(line.better) & set(line.worse):
        raise UserError(f"{where} compares the row {line.better[0]} with itself. Name another row.")
    if line.kind != "summary" and len(dataset) != 1:
        raise UserError(f"{where} needs one dataset of {', '.join(dataset)}.")
    if (line.margin is None) != (line.kind == "summary"):
        raise UserError(f"{where} {'takes no' if line.kind == 'summary' else 'needs a'} margin.")
