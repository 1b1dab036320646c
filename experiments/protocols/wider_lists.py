"""WIDER FACE's lists of the faces that count as easy, medium and hard: wider_{easy,medium,hard}_val.mat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.runtime.errors import UserError

SETTINGS = ("easy", "medium", "hard")
FOLDERS = ("wider_face_split/ground_truth", "ground_truth", "eval_tools/ground_truth")
LIMIT = 10**7  # pixels: a coordinate or side above it is damage
AGAIN = "Unpack eval_tools.zip of WIDER FACE again."
VARIABLES = ("event_list", "file_list", "face_bbx_list", "gt_list")


@dataclass(frozen=True, eq=False)
class Faces:
    """All F faces of n images, those of no area and invalid ones too: the official tool matches them all."""

    image: np.ndarray  # (F,) position in the index
    xywh: np.ndarray  # (F, 4) float64, pixels
    counts: np.ndarray  # (F, 3) bool: in SETTINGS


def read_faces(paths: Sequence[str]) -> Faces:
    """Of the images .../images/<event>/<name>.jpg. Raises UserError where the lists are missing or broken."""
    folder = _folder(Path(paths[0])) if len(paths) else None
    lists = [_read(folder / f"wider_{setting}_val.mat") for setting in SETTINGS] if folder else []
    boxes, counts = [np.zeros((0, 4))], [np.zeros((0, 3), dtype=bool)]
    for path in map(Path, paths):
        name = (path.parent.name, path.stem)
        if any(name not in faces for faces in lists):
            raise UserError(f"{folder} does not list {'/'.join(name)}: the protocol 'official' knows val images only.")
        of_each, rows = zip(*(faces[name] for faces in lists), strict=True)
        if not all(np.array_equal(of_each[0], listed) for listed in of_each):
            raise UserError(f"{folder}: the three lists have different faces of {'/'.join(name)}. {AGAIN}")
        boxes.append(of_each[0])
        counts.append(_counts(len(boxes[-1]), rows))
    image = np.repeat(np.arange(len(paths)), [len(b) for b in boxes[1:]])
    return Faces(image, np.concatenate(boxes), np.concatenate(counts))


def _folder(image: Path) -> Path:
    """Beside WIDER_val, as the archives unpack."""
    root = image.parents[min(3, len(image.parents) - 1)]
    for folder in FOLDERS:
        if (root / folder).is_dir():
            return root / folder
    raise UserError(
        f"The protocol 'official' needs wider_easy_val.mat, wider_medium_val.mat and wider_hard_val.mat in "
        f"{root / FOLDERS[0]}. Unpack eval_tools.zip of the WIDER FACE page there, or take test.protocol=height."
    )


def _read(path: Path) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """(event, name) -> boxes (F, 4), rows of the faces that count, from 1."""
    from scipy.io import loadmat  # a fifth of a second, for this protocol alone

    try:
        mat = loadmat(path, variable_names=VARIABLES)
        if lacking := [name for name in VARIABLES if name not in mat]:
            raise ValueError(f"it has no {lacking[0]}")
        faces = {}
        for event, files, boxes, counted in zip(*(mat[name][:, 0] for name in VARIABLES), strict=True):
            for file, box, rows in zip(files[:, 0], boxes[:, 0], counted[:, 0], strict=True):
                name = (str(event.item()), str(file.item()))
                if name in faces:
                    raise ValueError(f"{'/'.join(name)} stands in it twice")
                faces[name] = (_boxes(box, name), _rows(rows, len(box), name))
        return faces
    except Exception as error:  # scipy raises whatever the bytes lead it to
        raise UserError(f"Cannot read {path}: {error}. {AGAIN}") from None


def _boxes(values: np.ndarray, name: tuple[str, str]) -> np.ndarray:
    """(F, 4) float64. Raises ValueError. Sides of 0 stand in the official lists."""
    if values.size and (values.ndim != 2 or values.shape[1] != 4):
        raise ValueError(f"face_bbx_list of {'/'.join(name)} is of shape {values.shape}, not faces x 4")
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all() or (np.abs(values) > LIMIT).any():
        raise ValueError(f"face_bbx_list of {'/'.join(name)} has a value that is no number up to {LIMIT} pixels")
    return values.astype(np.float64).reshape(-1, 4)


def _rows(values: np.ndarray, count: int, name: tuple[str, str]) -> np.ndarray:
    """(R,) int64. Raises ValueError."""
    numbers = values.reshape(-1)
    if numbers.dtype.kind not in "iuf" or not np.isin(numbers, np.arange(1, count + 1)).all():
        raise ValueError(f"gt_list counts a face that {'/'.join(name)} does not have: it has 1 to {count}")
    return numbers.astype(np.int64)


def _counts(count: int, rows: list[np.ndarray]) -> np.ndarray:
    """(count, 3) bool."""
    flags = np.zeros((count, len(SETTINGS)), dtype=bool)
    for column, numbers in enumerate(rows):
        flags[numbers - 1, column] = True
    return flags
