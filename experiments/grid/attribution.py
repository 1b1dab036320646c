"""A matrix's `attributions:`: the parts in which a method differs from the reference, swapped in every combination."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from assigners import METHODS
from assigners.ranges import Items
from detector.config import REFERENCE, Parts
from experiments.recipes.typed import build_typed
from experiments.records.table_schema import Attribution
from experiments.runtime.errors import UserError

ASSIGNMENT = "assignment"  # the part that every method has, with all that it cannot give up


@dataclass(frozen=True)
class SwapRow:
    """A combination: whose assignment, and what is set beside it."""

    name: str
    method: str
    set: tuple[str, ...]  # key=value


@dataclass(frozen=True)
class _Part:
    """A part as it is typed: of the head's style, or settings of the assignment's loss."""

    name: str
    style: Parts = ()
    of_method: tuple[str, ...] = ()  # key=value by which the reference has the method's
    of_reference: tuple[str, ...] = ()  # key=value by which the method has the reference's


@dataclass(frozen=True)
class _Line:
    """A method as it is typed, but for its parts."""

    name: str
    method: Annotated[str, METHODS]
    same: tuple[str, ...] = ()  # parts in which it is as the reference
    kept: Annotated[tuple[str, ...], Items(distinct=True)] = ()  # parts that it cannot give up


def read_attributions(values: Any, file: str) -> tuple[list[SwapRow], tuple[Attribution, ...]]:
    """Rows of all combinations, and which of them each method has. Raises UserError."""
    rows, attributions = {}, []
    if values is None:
        return [], ()
    reference = _without(values, "methods", f"{file}: attributions").get("reference", REFERENCE)
    for line in values["methods"]:
        method = build_typed(_Line, _without(line, "parts", f"{file}: a method"), f"{file}: {line.get('name')}")
        factors = [build_typed(_Part, factor, f"{file}: {method.name}: a part") for factor in line["parts"]]
        _check(method, factors, file)
        swapped = [_row(method, reference, factors, i) for i in range(2 ** (1 + len(factors)))]
        rows |= {row.name: row for row in (swapped[0], *reversed(swapped[1:]))}
        names = (ASSIGNMENT, *(factor.name for factor in factors))
        attributions.append(
            Attribution(method.name, reference, names, tuple(r.name for r in swapped), method.same, method.kept)
        )
    return list(rows.values()), tuple(attributions)


def _without(values: Any, key: str, where: str) -> dict:
    """All but one value, which must be a list."""
    if not isinstance(values, dict) or not isinstance(values.get(key), list):
        raise UserError(f"{where} needs a list of {key}, got {values!r:.60}.")
    return {name: value for name, value in values.items() if name != key}


def _check(method: _Line, factors: list[_Part], file: str) -> None:
    names = [*(factor.name for factor in factors), *method.same, *method.kept, ASSIGNMENT]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UserError(f"{file}: {method.name} has the part {twice[0]} twice. Leave one of them out.")
    if idle := [p.name for p in factors if not p.style and not (p.of_method and p.of_reference)]:
        raise UserError(f"{file}: {method.name}: the part {idle[0]} needs a style, or of_method and of_reference.")


def _row(method: _Line, reference: str, factors: list[_Part], index: int) -> SwapRow:
    """Bit 0 of the index: the assignment is the method's; bit j: part j is."""
    swapped_in = [factor for j, factor in enumerate(factors, 1) if index >> j & 1]
    swapped_out = [factor for factor in factors if factor not in swapped_in]
    if index & 1:
        words = (*_style(REFERENCE, swapped_out), *(word for factor in swapped_out for word in factor.of_reference))
        return SwapRow(_name(method.name, reference, swapped_out), method.method, words)
    words = (*_style(method.method, swapped_in), *(word for factor in swapped_in for word in factor.of_method))
    return SwapRow(_name(reference, method.name, swapped_in), REFERENCE, words)


def _style(giver: str, factors: list[_Part]) -> Iterator[str]:
    """The style of the head that these parts take from another method."""
    if names := [name for factor in factors for name in factor.style]:
        yield from ("model.mode=controlled", f"model.reference={giver}", f"model.parts=[{','.join(names)}]")


def _name(taker: str, giver: str, factors: list[_Part]) -> str:
    return f"{taker} with {giver}'s {', '.join(factor.name for factor in factors)}" if factors else taker
