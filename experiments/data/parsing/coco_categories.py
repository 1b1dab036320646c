"""The categories of a file in COCO's form: classes by label, and which of two of one name counts."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from experiments.data.parsing.coco_records import Category
from experiments.runtime.errors import UserError, unknown


@dataclass(frozen=True, eq=False)
class Labels:
    """Names by label, and the label of each category's id, -1 for one that is left out."""

    classes: tuple[str, ...]
    by_id: dict[int, int]
    alike: dict[str, list[int]]  # name -> ids of the categories that share it


def labels_of(categories: list[Category], path: Path, classes: tuple[str, ...], all_listed: bool) -> Labels:
    """Labels follow the ids, or `classes`; all_listed: each of `classes` must be among the categories.

    Categories of one name have one label, as exports write the project's name as a root beside its only class; of them
    only one may have objects, see `check_names`. Raises UserError.
    """
    if not categories:
        raise UserError(f"{path}: it lists no category. Write each class into its list 'categories', with id and name.")
    names: dict[int, str] = {}
    for category in categories:
        if category.id in names:
            raise UserError(f"{path}, category id {category.id}: the id is used twice. Give each its own.")
        names[category.id] = category.name.strip()
    ids: dict[str, list[int]] = defaultdict(list)
    for number, name in sorted(names.items()):
        ids[name].append(number)
    listed = sorted(ids, key=lambda name: ids[name][-1])  # a root stands before its classes
    for name in classes:
        if all_listed and name not in listed:
            raise UserError(f"{path}: {unknown('class', name, listed)}")
    label = {name: i for i, name in enumerate(classes or listed)}
    return Labels(
        classes=tuple(classes or listed),
        by_id={number: label.get(name, -1) for number, name in names.items()},
        alike={name: numbers for name, numbers in ids.items() if len(numbers) > 1},
    )


def check_names(labels: Labels, used: set[int], path: Path) -> None:
    """UserError where two categories of one name have objects; `used`: ids of the categories that have any."""
    for name, numbers in labels.alike.items():
        again = [number for number in numbers if number in used][1:]
        if again:
            where = f"{path}, category id {again[0]}"
            raise UserError(f"{where}: the name '{name}' is used twice. Give every category its own.")
