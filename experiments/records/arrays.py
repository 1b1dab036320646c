"""What an evaluation leaves behind as arrays: detections, and which object each was matched with. No pickle."""

from __future__ import annotations

import io
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np

from experiments.records.files import OLD, RecordError, is_whole_zip, write_atomic


class Arrays:
    """A dataclass of arrays, one file of them, replaced whole or not at all."""

    def save(self, path: Path) -> None:
        buffer = io.BytesIO()
        np.savez(buffer, **{name: np.asarray(array) for name, array in vars(self).items()})
        write_atomic(path, buffer.getvalue())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises RecordError for a file that cannot be read."""
        try:
            if not is_whole_zip(path):
                raise ValueError("it is damaged")
            with np.load(path, allow_pickle=False) as file:
                names = [field.name for field in fields(cls)]
                if lacking := [name for name in names if name not in file.files]:
                    raise RecordError(f"{path} {OLD}: it has no '{lacking[0]}'. Make its run again with --force.")
                return cls(*(file[name] for name in names))
        except RecordError:
            raise
        except OSError as error:
            raise RecordError(f"Cannot read {path}: {error.strerror or error}.") from None
        except Exception as error:  # zipfile and numpy raise a dozen kinds for a damaged file
            raise RecordError(f"Cannot read {path}: {error}.") from None


@dataclass(frozen=True, eq=False)
class StoredDetections(Arrays):
    """`detections.npz`: D detections, in pixels of the original images."""

    image_id: np.ndarray  # (D,) int64, of the dataset, whatever its order
    boxes: np.ndarray  # (D, 4) float32 x1 y1 x2 y2
    labels: np.ndarray  # (D,)
    scores: np.ndarray  # (D,) float32, or as the detections had them


@dataclass(frozen=True, eq=False)
class Matches(Arrays):
    """`matches.npz`: which of G objects each of D detections found at T IoU thresholds: AP without the ground truth.

    `matches.APs.npz`, APm and APl: the same of the objects of one size, and of the detections that count there.
    Rows are in the order in which the protocol breaks ties, so a stable sort by falling score alone is its ranking.
    """

    image: np.ndarray  # (D,) int32 place in `image_ids`
    label: np.ndarray  # (D,) int32
    score: np.ndarray  # (D,) float32; float64 where the scores are no float32
    object: np.ndarray  # (D, T) int32 row of the object below, -1: none that counts
    ignored: np.ndarray  # (D, T) bool: neither right nor wrong
    thresholds: np.ndarray  # (T,) IoU
    truth_image: np.ndarray  # (G,) int32 place in `image_ids`; objects that count
    truth_label: np.ndarray  # (G,) int32
    truth_box: np.ndarray  # (G, 4) float32 x1 y1 x2 y2, pixels of the original image
    image_ids: np.ndarray  # (V,) int64 of all images, rising

    @property
    def matched(self) -> np.ndarray:
        """(D, T) bool: the detection is right."""
        return self.object >= 0

    @property
    def images(self) -> int:
        """V"""
        return len(self.image_ids)

    def rows(self, keep: np.ndarray) -> Self:
        """Of some detections, in the order of `keep`: places or (D,) bool."""
        columns = ("image", "label", "score", "object", "ignored")
        return replace(self, **{name: getattr(self, name)[keep] for name in columns})

    def judged(self) -> Self:
        """Without detections that are neither right nor wrong at any threshold: no AP sees them."""
        return self.rows(~self.ignored.all(1))
