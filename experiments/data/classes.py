"""Classes of two splits, matched by name: files number theirs as they like, a network has one list."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np

from experiments.data.index import Index
from experiments.runtime.errors import UserError


def match_classes(train: Index, val: Index) -> tuple[Index, str]:
    """`val` with the classes and labels of `train`, and a sentence about what was done, "" for nothing.

    Raises UserError where val has objects of a class that train lacks.
    """
    if val.classes == train.classes:
        return val, ""
    counts = np.bincount(val.labels, minlength=len(val.classes))
    alone = [(name, int(n)) for name, n in zip(val.classes, counts, strict=True) if name not in train.classes]
    if any(n for _, n in alone):
        raise _unmatched(train, val, [f"'{name}' ({n})" for name, n in alone if n])
    label = {name: i for i, name in enumerate(train.classes)}
    labels = np.array([label.get(name, -1) for name in val.classes], np.int64)[val.labels]
    matched = replace(val, classes=train.classes, labels=labels, hashed=_digest(train, val))
    return matched, _sentence(train, val, [name for name, _ in alone])


def _digest(train: Index, val: Index) -> str:
    return sha256(repr((val.digest(), val.classes, train.classes)).encode()).hexdigest()[:16]


def _sentence(train: Index, val: Index, dropped: list[str]) -> str:
    lacking = [name for name in train.classes if name not in val.classes]
    notes = [f"without an object and left out of val: {', '.join(dropped)}"] if dropped else []
    notes += [f"not in val: {', '.join(lacking)}"] if lacking else []
    return "; ".join(["classes of train and val are matched by name", *notes])


def _unmatched(train: Index, val: Index, alone: list[str]) -> UserError:
    train_names, val_names = ", ".join(train.classes), ", ".join(val.classes)
    return UserError(
        f"val has objects of classes that train lacks: {', '.join(alone)}. Classes of train: {train_names}. "
        f"Classes of val: {val_names}. Name them alike in both, or set data.classes to those that count."
    )
