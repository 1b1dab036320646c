"""What a dataset in YOLO's form says of itself: data.yaml, or a list of class names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from experiments.data.parsing.image_folder import pieces
from experiments.data.parsing.json_errors import brief
from experiments.data.parsing.text_lists import read_lines
from experiments.recipes.yaml_text import read_yaml
from experiments.runtime.errors import UserError

YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
LISTS = ("classes.txt", "obj.names")  # Label Studio and labelImg; CVAT
SPLITS = ("train", "val", "valid", "validation", "test")


@dataclass(frozen=True)
class Description:
    """Of all splits."""

    path: Path  # the file that says it
    base: Path  # where the paths of its splits start
    classes: tuple[str, ...]
    splits: dict[str, tuple[str, ...]]  # name -> folders of images and image lists
    keypoints: int = 0  # numbers of a pose, after each box


def describe(root: Path, split: str) -> Description:
    """Raises UserError."""
    for name in YAML:
        if (root / name).is_file():
            return _from_yaml(root / name)
    described = [path for path in sorted(root.glob("*.y*ml")) if "names" in _values(path)]
    if len(described) == 1:
        return _from_yaml(described[0])
    for folder in _folders_of(root, split):
        for name in LISTS:
            if (folder / name).is_file():
                return Description(folder / name, root, _from_list(folder / name), {})
    raise UserError(
        f"{root}: no data.yaml, {' or '.join(LISTS)} is there. Write data.yaml with the names of the classes."
    )


def _folders_of(root: Path, split: str) -> list[Path]:
    """Where a list of classes may lie: with the images, with their labels, or above."""
    inner = root.joinpath(*pieces(split))
    before, images, after = f"{inner}/".rpartition("/images/")
    both = (inner, Path(before, "labels", after)) if images else (inner,)
    return [folder for path in both for folder in (path, *path.parents) if folder.is_relative_to(root)]


def _values(path: Path) -> dict:
    try:
        return read_yaml(path)
    except UserError:
        return {}


def _from_yaml(path: Path) -> Description:
    values, root = read_yaml(path), path.parent
    base = root.joinpath(*pieces(values["path"])) if isinstance(values.get("path"), str) else root
    inside = base.is_dir() and ".." not in base.parts
    names = {key: _folders(path, key, values[key]) for key in SPLITS if values.get(key) is not None}
    return Description(path, base if inside else root, _names(path, values), names, _keypoints(path, values))


def _names(path: Path, values: dict) -> tuple[str, ...]:
    names = values.get("names")
    if isinstance(names, dict) and sorted(names, key=str) == sorted(range(len(names)), key=str):
        names = [names[i] for i in range(len(names))]
    if not isinstance(names, list) or not names:
        value = "missing" if names is None else brief(names)
        raise UserError(f"{path}: names is {value}; it must be a list, or numbers from 0 on with a name each.")
    if values.get("nc", len(names)) != len(names):
        raise UserError(f"{path}: nc is {brief(values['nc'])}; it must be {len(names)}, the number of names.")
    return _unique(path, names)


def _unique(path: Path, names: list) -> tuple[str, ...]:
    for i, name in enumerate(names):
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"{path}: the name of class {i} is {brief(name)}; it must be a text. Put it into quotes.")
        if name in names[:i]:
            raise UserError(f"{path}: '{name:.80}' is the name of class {names.index(name)} and of {i}. Rename one.")
    return tuple(name.strip() for name in names)


def _from_list(path: Path) -> tuple[str, ...]:
    lines = [line.strip() for line in read_lines(path)]
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise UserError(f"{path}: the list is empty. Put the name of a class on each line.")
    return _unique(path, lines)


def _folders(path: Path, key: str, value: object) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    if not items or not all(isinstance(item, str) and item for item in items):
        raise UserError(f"{path}: {key} is {brief(value)}; it must be a folder or an image list, or a list of them.")
    return tuple(items)


def _keypoints(path: Path, values: dict) -> int:
    shape = values.get("kpt_shape", [0, 0])
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(n) is int and 0 <= n < 1000 for n in shape):
        raise UserError(f"{path}: kpt_shape is {brief(shape)}; it must be two whole numbers from 0 to 999.")
    return math.prod(shape)
