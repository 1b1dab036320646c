"""Typed values into frozen dataclasses: from YAML and from `key=value`, with the nearest neighbour of a wrong key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import cache
from reprlib import repr  # short, also of ten lists of ten lists of ten lists
from sys import float_info
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from assigners.ranges import Limit
from experiments.runtime.errors import UserError, unknown

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "a text", tuple: "a list"}


@cache  # a grid asks for those of a few classes thousands of times, and each annotation is text to evaluate
def hints_of(cls: type) -> dict[str, Any]:
    """Field -> type, with what is annotated on it."""
    return get_type_hints(cls, include_extras=True)


def parts_of(kind: Any) -> tuple[Any, list[Any]]:
    """The type itself, and what is annotated on it: limits, or the table whose keys it may be (of X | Y, X's)."""
    kind = get_args(kind)[0] if get_origin(kind) in (Union, UnionType) else kind
    kind, *marks = get_args(kind) if get_origin(kind) is Annotated else (kind,)
    return kind, marks


def convert(key: str, value: Any, kind: Any) -> Any:
    """`value` as `kind`: int, float, bool, str, Literal, tuple, or one of them with limits or a table, Annotated.

    Raises UserError, naming `key`, the value and what it may be.
    """
    for choices in choices_of(kind):
        return _one_of(key, value, choices)
    kind, limits = parts_of(kind)
    permitted = ", ".join([KINDS.get(get_origin(kind) or kind, str(kind)), *map(str, limits)])
    typed = _typed(key, value, kind, permitted)
    if not all(limit.holds(typed) for limit in limits):
        raise _refused(key, value, permitted)
    return typed


def choices_of(kind: Any) -> list[Iterable[str]]:
    """The words of a Literal, or the table annotated on a text; [] of any other type."""
    kind, marks = parts_of(kind)
    if get_origin(kind) is Literal:
        return [get_args(kind)]
    return [mark for mark in marks if not isinstance(mark, Limit)]


def _typed(key: str, value: Any, kind: Any, permitted: str) -> Any:
    if get_origin(kind) is tuple:
        return _listed(key, value, get_args(kind))
    if kind is float and type(value) in (int, float) and abs(value) <= float_info.max:
        return float(value)
    if kind is not float and type(value) is kind:
        return value
    raise _refused(key, value, permitted)


def _listed(key: str, value: Any, kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    """A single value is a list of one."""
    items = value if isinstance(value, (list, tuple)) else [value]
    if kinds[-1] is not ... and len(items) != len(kinds):
        raise UserError(f"{key} takes {len(kinds)} values, got {repr(value)}.")
    return tuple(convert(key, item, kinds[0]) for item in items)


def _refused(key: str, value: Any, permitted: str) -> UserError:
    return UserError(f"{key} is {repr(value)}; it must be {permitted}.")


def _one_of(key: str, value: Any, choices: Iterable[str]) -> Any:
    """`value`, which must be one of `choices`. Raises UserError."""
    if value not in tuple(choices):
        raise unknown(f"value of {key}", str(value), list(choices))
    return value


def build_typed(cls: type, values: Any, where: str) -> Any:
    """A dataclass from nested dictionaries; unknown and missing keys are UserErrors that name `where`."""
    if not isinstance(values, dict):
        raise UserError(f"{where} must be a list of keys and values, got {repr(values)}.")
    hints, by_name = hints_of(cls), {f.name: f for f in fields(cls)}
    typed = {}
    for key, value in values.items():
        if key not in by_name:
            raise unknown(f"key in {where}", str(key), list(by_name))
        typed[key] = _value(f"{where}.{key}", value, hints[key])
    required = [f for f in by_name.values() if f.default is MISSING and f.default_factory is MISSING]
    missing = [f.name for f in required if f.name not in typed]
    if missing:
        raise UserError(f"{where} lacks {', '.join(missing)}.")
    return cls(**typed)


def _value(key: str, value: Any, kind: Any) -> Any:
    kind = _member(kind, value)
    return build_typed(kind, value, key) if is_dataclass(kind) else convert(key, value, kind)


def _member(kind: Any, value: Any) -> Any:
    """Of X | dataclass, the one that `value` is for; any other kind itself."""
    members = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    return next((member for member in members if is_dataclass(member) == isinstance(value, dict)), members[0])


def override(config: Any, key: str, value: Any, full_key: str) -> Any:
    """`config` with the field of dotted name `key` replaced; `full_key`: as typed."""
    head, _, tail = key.partition(".")
    names = [f.name for f in fields(config)]
    if head not in names:
        raise unknown(f"key in {full_key}:", head, names)
    inner, kind = getattr(config, head), hints_of(type(config))[head]
    if tail and is_dataclass(inner):
        return replace(config, **{head: override(inner, tail, value, full_key)})
    if tail and is_dataclass(_member(kind, {})):
        return replace(
            config, **{head: build_typed(_member(kind, {}), {tail: value}, full_key.removesuffix(f".{tail}"))}
        )
    if tail:
        raise UserError(f"{full_key}: {head} is a single value, it has no '{tail}'.")
    if is_dataclass(kind):
        keys = ", ".join(f"{full_key}.{f.name}" for f in fields(inner))
        raise UserError(f"{full_key} is a group; set one of {keys}.")
    return replace(config, **{head: _value(full_key, value, kind)})
