"""Naming the one record of a JSON file that is wrong, and what is wrong with it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from experiments.runtime.errors import UserError

DAMAGE = (ValueError, RecursionError, OverflowError, msgspec.MsgspecError)  # what parsers raise for a damaged file
SINGULAR = {"images": "image", "annotations": "annotation", "categories": "category"}


@dataclass(frozen=True)
class Section:
    """Some records of one list of one file."""

    path: Path
    name: str  # of the list: images, annotations, categories
    first: int  # how many records of the list came before

    def error(self, position: int, number: object, fault: str) -> UserError:
        """About the record at `position` of these, which bears the id `number`."""
        label = f"number {self.first + position + 1}" if number is None else f"id {brief(number)}"
        return UserError(f"{self.path}, {SINGULAR[self.name]} {label}: {fault}")

    def unreadable(self, text: bytes, kind: type, error: Exception) -> UserError:
        """Why `text`, a list of records that must be of `kind`, cannot be read; `error`: the parser's."""
        try:
            items = json.loads(text)
        except DAMAGE as cut:
            return self._cut(cut)
        for position, item in enumerate(items):
            for fault in faults(item, kind):
                number = item.get("id") if isinstance(item, dict) else None
                return self.error(position, number, fault)
        return self._cut(error)

    def _cut(self, error: Exception) -> UserError:
        after = f"after {SINGULAR[self.name]} number {self.first}"
        return UserError(f"{self.path}: truncated or invalid JSON, {after} ({error}). Fetch it again.")


def faults(item: Any, kind: type) -> Iterator[str]:
    """A sentence for each field that does not fit."""
    if not isinstance(item, dict):
        yield f"it is {brief(item)}; it must be an object in braces."
        return
    for field in msgspec.structs.fields(kind):
        if field.encode_name not in item:
            if field.required:
                yield f"'{field.encode_name}' is missing; it must be {form(field.type)}."
        elif not fits(item[field.encode_name], field.type):
            yield f"'{field.encode_name}' is {brief(item[field.encode_name])}; it must be {form(field.type)}."


def form(kind: Any) -> str:
    """What a field must be, in words: its description."""
    return kind.__metadata__[-1].description


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of a type and within its range, and finite."""
    try:
        msgspec.convert(value, kind)
    except DAMAGE:
        return False
    numbers = value if isinstance(value, list) else [value]
    return all(math.isfinite(x) for x in numbers if isinstance(x, float))


def brief(value: Any) -> str:
    """Enough of a value to find it by."""
    try:
        text = repr(value)
    except DAMAGE:  # a whole number of more digits than Python prints
        text = f"a {type(value).__name__} too long to show"
    return text if len(text) <= 60 else f"{text[:57]}..."
