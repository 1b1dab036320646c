"""WIDER FACE's lists of the faces that count as easy, medium and hard: wider_{easy,medium,hard}_val.mat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from experiments.runtime.errors import UserError

SETTINGS = ("easy", "medium", "hard")
FOLDERS = ("wider_face_split/ground_truth", "ground_truth", "eval_tools/ground_truth")
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
        boxes.append(lists[-1][name][0])
        counts.append(_counts(folder, name, len(boxes[-1]), [faces[name][1] for faces in lists]))
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
        faces = {}
        for event, files, boxes, counted in zip(*(mat[name][:, 0] for name in VARIABLES), strict=True):
            for file, box, rows in zip(files[:, 0], boxes[:, 0], counted[:, 0], strict=True):
                value = (box.astype(np.float64).reshape(-1, 4), rows.astype(np.int64).reshape(-1))
                faces[str(event.item()), str(file.item())] = value
        return faces
    except Exception as error:  # scipy raises whatever the bytes lead it to
        raise UserError(f"Cannot read {path}: {error}. Unpack eval_tools.zip of WIDER FACE again.") from None


def _counts(folder: Path, name: tuple[str, str], count: int, rows: list[np.ndarray]) -> np.ndarray:
    """(count, 3) bool."""
    flags = np.zeros((count, len(SETTINGS)), dtype=bool)
    for column, (setting, numbers) in enumerate(zip(SETTINGS, rows, strict=True)):
        if len(numbers) and not 1 <= numbers.min() <= numbers.max() <= count:
            raise UserError(
                f"{folder}/wider_{setting}_val.mat counts a face that {'/'.join(name)} does not have. "
                "Unpack eval_tools.zip of WIDER FACE again."
            )
        flags[numbers - 1, column] = True
    return flags
