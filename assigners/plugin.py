"""The class at MODULE:CLASS or FILE.py:CLASS, and whether it is an assigner at all."""

from __future__ import annotations

import sys
from dataclasses import MISSING, fields
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from assigners.assigner import Assigner
from assigners.errors import AssignerError


def load_class(location: str) -> type[Assigner]:
    """The class at MODULE:CLASS or FILE.py:CLASS. Raises AssignerError, whatever goes wrong on the way."""
    where, _, name = location.rpartition(":")
    module = _of_file(Path(where)) if where.endswith(".py") else _installed(where)
    cls = getattr(module, name, None)
    if cls is None:
        raise AssignerError(f"{where} holds no class '{name}'. {_classes(module, name)}")
    if not (isinstance(cls, type) and issubclass(cls, Assigner)):
        raise AssignerError(f"{name} in {where} is no assigner: make it a subclass of assigners.assigner.Assigner.")
    if "__dataclass_fields__" not in vars(cls) or cls.__hash__ is None:
        raise AssignerError(f"{name} in {where} needs @dataclass(eq=False) above it: its fields are its settings.")
    if "loss" not in cls.__dataclass_fields__:
        raise AssignerError(f"{name} in {where} has no loss: give it a field `loss: PointLoss = PointLoss()`.")
    bare = [f.name for f in fields(cls) if f.default is MISSING and not f.metadata.get("given")]
    if bare:
        raise AssignerError(f"{name} in {where} has settings without a plain default: {', '.join(bare)}.")
    return cls


def _classes(module: ModuleType, name: str) -> str:
    """A sentence: which assigners a module defines, the nearest to `name` first."""
    defined = {key: v for key, v in vars(module).items() if getattr(v, "__module__", None) == module.__name__}
    classes = [key for key, v in defined.items() if isinstance(v, type) and issubclass(v, Assigner)]
    near = "".join(f"Did you mean '{n}'? " for n in get_close_matches(name, classes, n=1, cutoff=0.4))
    return f"{near}Assigners in it: {', '.join(classes) or 'none'}."


def _of_file(path: Path) -> ModuleType:
    """Runs the file anew, whatever an earlier call made of it."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise AssignerError(
            f"Cannot read {path}: {error.strerror}. An assigner of your own is FILE.py:CLASS."
        ) from None
    module = ModuleType(str(path.resolve()))
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # where dataclasses look up the types of their fields
    try:
        exec(compile(source, path, "exec"), vars(module))
    except Exception as error:
        lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == str(path)]
        line = (lines or [getattr(error, "lineno", None)])[-1]
        raise AssignerError(f"{path} does not load. Line {line}: {type(error).__name__}: {error}.") from error
    return module


def _installed(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:
        raise AssignerError(f"{name} does not load: {type(error).__name__}: {error}.") from error
