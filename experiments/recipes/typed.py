"""Typed values into frozen dataclasses: from YAML and from `key=value`, with the nearest neighbour of a wrong key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from reprlib import repr  # short, also of ten lists of ten lists of ten lists
from sys import float_info
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml

from experiments.runtime.errors import UserError, unknown

LONGEST, DEEPEST = 2**16, 9  # characters of a file, and values inside values
hints_of = partial(get_type_hints, include_extras=True)


def read_yaml(path: Path) -> dict:
    """The keys and values of a file. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8")
        _check_size(text)
        values = yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"Cannot read {path}: {error}.") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} must be a list of keys and values.")
    return values


def _check_size(text: str) -> None:
    """ValueError for what YAML would take for ever to read."""
    if len(text) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} characters")
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
            raise ValueError("it has aliases, or values inside values inside values: write them out")


def convert(key: str, value: Any, kind: Any) -> Any:
    """`value` as `kind`: int, float, bool, str, Literal, tuple[X, ...], or Annotated[str, table] for one of its keys.

    Raises UserError, naming `key`.
    """
    if get_origin(kind) is Annotated:
        kind, table = get_args(kind)
        return _one_of(key, convert(key, value, kind), table)
    if get_origin(kind) is Literal:
        return _one_of(key, value, get_args(kind))
    if get_origin(kind) is tuple:
        items, kinds = value if isinstance(value, (list, tuple)) else [value], get_args(kind)
        if kinds[-1] is not ... and len(items) != len(kinds):
            raise UserError(f"{key} takes {len(kinds)} values, got {repr(value)}.")
        return tuple(convert(key, item, kinds[0]) for item in items)
    if kind is float and type(value) in (int, float) and abs(value) <= float_info.max:
        return float(value)
    if kind is not float and type(value) is kind:
        return value
    raise UserError(f"{key} is {getattr(kind, '__name__', kind)}, got {repr(value)}.")


def _one_of(key: str, value: Any, choices: Iterable[str]) -> Any:
    """`value`, which must be one of `choices`. Raises UserError."""
    if value not in tuple(choices):
        raise unknown(f"value of {key}", str(value), list(choices))
    return value


def scalar(text: str) -> Any:
    """The value of a `key=value` argument, read as YAML; 1e-3 is a number."""
    try:
        value = yaml.safe_load(text)
        return float(value) if isinstance(value, str) and value[:1] in "+-.0123456789" else value
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


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


def settings_of(cls: type) -> dict[str, tuple[Any, Any]]:
    """Dotted name -> (type, default) of every setting of an assigner, those of its loss included."""
    settings = {}
    hints = hints_of(cls)
    for f in fields(cls):
        if f.metadata.get("given"):  # by the detector: no setting
            continue
        if is_dataclass(f.default):
            inner = hints_of(type(f.default))
            settings |= {f"{f.name}.{g.name}": (inner[g.name], getattr(f.default, g.name)) for g in fields(f.default)}
        else:
            settings[f.name] = (hints[f.name], f.default)
    return settings
