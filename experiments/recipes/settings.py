"""Every setting of a recipe or of a method as a line: its name, type, range, unit, default and comment."""

from __future__ import annotations

import ast
import inspect
import io
import tokenize
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin

from assigners.ranges import Limit, Range
from experiments.recipes.typed import choices_of, hints_of, parts_of

NAMES = {int: "whole number", float: "number", bool: "true or false", str: "text"}


@dataclass(frozen=True)
class Setting:
    """One field."""

    name: str  # dotted
    kind: Any  # type with what is annotated
    default: Any  # dataclasses.MISSING: none
    owner: type  # whose field it is

    @property
    def type_name(self) -> str:
        kind, _ = parts_of(self.kind)
        if get_origin(kind) is tuple:
            item, _ = parts_of(get_args(kind)[0])
            return f"list of {NAMES.get(item, 'value')}s"
        return "word" if choices_of(self.kind) else NAMES.get(kind, "value")

    @property
    def permitted(self) -> str:
        """In words; "" where the type says it all."""
        kind, _ = parts_of(self.kind)
        items = get_args(kind)[0] if get_origin(kind) is tuple else self.kind
        words = [", ".join(choices) for choices in choices_of(items)]
        return "; ".join([*words, *(getattr(limit, "words", str(limit)) for limit in _limits(self.kind))])

    @property
    def note(self) -> str:
        """Unit and permitted values of a number, the words of a choice; "" for names, which the page lists."""
        choice = get_origin(parts_of(self.kind)[0]) is Literal
        notes = (self.unit, self.permitted) if self.unit or choice else ()
        return ", ".join(note for note in notes if note)

    @property
    def unit(self) -> str:
        """ "" of what is no number."""
        return next((limit.unit for limit in _limits(self.kind) if isinstance(limit, Range)), "")

    @property
    def comment(self) -> str:
        """What ends the field's line in the source: meaning and source."""
        return _comments(self.owner).get(self.name.rpartition(".")[2], "")


def settings_of(cls: type, instance: object = None, prefix: str = "") -> dict[str, Setting]:
    """By dotted name, those of the dataclasses inside included. instance: whose values are the defaults."""
    settings, hints = {}, hints_of(cls)
    for f in (f for f in fields(cls) if not f.metadata.get("given")):  # given by the detector: no setting
        name, default = prefix + f.name, f.default if instance is None else getattr(instance, f.name)
        if is_dataclass(default):
            settings |= settings_of(type(default), default, f"{name}.")
        elif is_dataclass(hints[f.name]):
            settings |= settings_of(hints[f.name], None, f"{name}.")
        else:
            settings[name] = Setting(name, hints[f.name], default, cls)
    return settings


def _limits(kind: Any) -> list[Limit]:
    """What is annotated on a type, and on the items of a list."""
    kind, marks = parts_of(kind)
    items = _limits(get_args(kind)[0]) if get_origin(kind) is tuple else []
    return [*(mark for mark in marks if isinstance(mark, Limit)), *items]


@cache
def _comments(cls: type) -> dict[str, str]:
    """Field -> comment, of the classes above, too."""
    comments: dict[str, str] = {}
    for base in (c for c in reversed(cls.__mro__) if is_dataclass(c)):
        source = inspect.getsource(base)
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        by_row = {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}
        lines = (node for node in ast.parse(source).body[0].body if isinstance(node, ast.AnnAssign))
        comments |= {node.target.id: by_row.get(node.end_lineno, "").lstrip("# ") for node in lines}
    return comments
