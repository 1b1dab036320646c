"""YAML as recipes, tables and `key=value` have it: 1e-3 is a number, and a key stands once."""

from __future__ import annotations

import codecs
import re
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from experiments.runtime.errors import UserError

LONGEST, DEEPEST = 2**16, 9  # characters of a file, and values inside values
INT, FLOAT, DATE = (f"tag:yaml.org,2002:{name}" for name in ("int", "float", "timestamp"))


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the numbers of YAML 1.2, no dates, no base 60, and no key twice."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in pairs if tag not in (INT, FLOAT, DATE)]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        lines: dict[str, int] = {}
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            line = key.start_mark.line + 1
            if key.value in lines:
                problem = f"the key '{key.value}' stands twice, in line {lines[key.value]} and here. Keep one of them"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
            lines[key.value] = line
        return super().construct_mapping(node, deep)

    def construct_whole(self, node: yaml.ScalarNode) -> int:
        """A leading 0 is no octal: 010 is ten."""
        text = node.value.replace("_", "")
        return int(text, 16) if "x" in text else int(text)


_Loader.add_implicit_resolver(INT, re.compile(r"[-+]?[0-9][0-9_]*$|[-+]?0x[0-9a-fA-F]+$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    FLOAT,
    re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?$|[-+]?\.(inf|Inf|INF)$|\.(nan|NaN|NAN)$"),
    list("-+0123456789."),
)
_Loader.add_constructor(INT, _Loader.construct_whole)


def read_yaml(path: Path) -> dict:
    """The keys and values of a file in UTF-8 or UTF-16. Raises UserError."""
    try:
        values = deepcopy(_parsed(_decoded(path.read_bytes())))
    except OSError as error:
        raise UserError(f"Cannot read {path}: {error.strerror}.") from None
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise UserError(f"Cannot read {path}: {_sentence(error)}.") from None
    if not isinstance(values, dict):
        raise UserError(f"{path} must be a list of keys and values.")
    return values


def scalar(text: str) -> Any:
    """The value of a `key=value` argument, read as YAML; what is none is a text."""
    try:
        return yaml.load(text, _Loader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text


@cache  # a grid reads the recipe of a dataset once a row
def _parsed(text: str) -> Any:
    """Raises ValueError, yaml.YAMLError."""
    _check_size(text)
    return yaml.load(text, _Loader)


def _decoded(data: bytes) -> str:
    """UnicodeDecodeError, which is a ValueError, for what is no text."""
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    return data.decode("utf-16" if wide else "utf-8-sig")


def _check_size(text: str) -> None:
    """ValueError for what YAML would take for ever to read."""
    if len(text) > LONGEST:
        raise ValueError(f"it has more than {LONGEST} characters")
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or isinstance(event, yaml.AliasEvent):
            raise ValueError("it has aliases, or values inside values inside values: write them out")


def _sentence(error: Exception) -> str:
    """One line: PyYAML's own has three."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is no text in UTF-8 (byte {error.start})"
    if isinstance(error, yaml.MarkedYAMLError):
        problem = f"{error.context}, {error.problem}" if error.problem.startswith("but") else error.problem
        return f"line {error.problem_mark.line + 1}: {problem}"
    return str(error).partition("\n")[0]
