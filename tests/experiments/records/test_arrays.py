"""detections.npz and matches.npz: what is saved comes back, what is damaged is named, and no code is run."""

from dataclasses import fields

import numpy as np
import pytest

from experiments.records.arrays import Matches, StoredDetections
from experiments.records.files import RecordError

BOX, FAR = (10, 10, 60, 60), (200, 200, 250, 250)


def stored(*rows):
    """rows: (image id, box, label, score)."""
    ids, boxes, labels, scores = zip(*rows, strict=True) if rows else ((), (), (), ())
    return StoredDetections(
        image_id=np.array(ids, dtype=np.int64),
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        labels=np.array(labels, dtype=np.int64),
        scores=np.array(scores, dtype=np.float32),
    )


def matches(detections=3, thresholds=2):
    """Of two objects in images 3 and 7."""
    return Matches(
        image=np.array([0, 1, 1], dtype=np.int32)[:detections],
        label=np.array([0, 0, 1], dtype=np.int32)[:detections],
        score=np.array([0.9, 0.8, 0.7], dtype=np.float32)[:detections],
        object=np.array([[0, 0], [1, -1], [-1, -1]], dtype=np.int32)[:detections, :thresholds],
        ignored=np.array([[False, False], [False, False], [True, False]])[:detections, :thresholds],
        thresholds=np.array([0.5, 0.75])[:thresholds],
        truth_image=np.array([0, 1], dtype=np.int32),
        truth_label=np.array([0, 0], dtype=np.int32),
        truth_box=np.array([BOX, FAR], dtype=np.float32),
        image_ids=np.array([3, 7], dtype=np.int64),
    )


EXAMPLES = [stored(), stored((7, BOX, 1, 0.9), (3, FAR, 0, 0.1)), matches(), matches(0), matches(3, 1)]


@pytest.mark.parametrize("arrays", EXAMPLES, ids=lambda arrays: type(arrays).__name__)
def test_arrays_come_back_equal_with_their_types(tmp_path, arrays):
    path = tmp_path / "arrays.npz"
    arrays.save(path)
    back = type(arrays).load(path)
    assert [field.name for field in fields(back)] == list(vars(arrays))
    for name, array in vars(arrays).items():
        assert np.array_equal(getattr(back, name), array)
        assert getattr(back, name).dtype == array.dtype and getattr(back, name).shape == array.shape
    assert [p.name for p in tmp_path.iterdir()] == ["arrays.npz"]


@pytest.mark.parametrize("example", [matches(), matches(0), matches(3, 1)])
def test_matched_is_where_an_object_has_a_row(tmp_path, example):
    example.save(tmp_path / "matches.npz")
    back = Matches.load(tmp_path / "matches.npz")
    assert back.matched.dtype == bool and back.matched.shape == back.object.shape
    assert np.array_equal(back.matched, back.object >= 0)
    assert back.images == 2


@pytest.mark.parametrize("kind", [StoredDetections, Matches])
@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04broken", b"PK\x03\x04", b"text"])
def test_unreadable_arrays_are_named(tmp_path, kind, content):
    path = tmp_path / "arrays.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(RecordError, match=r"Cannot read .*arrays\.npz"):
        kind.load(path)


@pytest.mark.parametrize("example", [stored((7, BOX, 1, 0.9)), matches()])
def test_a_flipped_bit_is_noticed(tmp_path, example):
    path = tmp_path / "arrays.npz"
    example.save(path)
    data = bytearray(path.read_bytes())
    data[data.index(b"NUMPY") + 130] ^= 1  # beyond the header of the first array
    path.write_bytes(data)
    with pytest.raises(RecordError, match=r"arrays\.npz: it is damaged"):
        type(example).load(path)


@pytest.mark.parametrize("example", [stored((7, BOX, 1, 0.9)), matches()])
def test_a_file_without_one_of_the_arrays_names_the_array(tmp_path, example):
    for missing in vars(example):
        np.savez(tmp_path / "arrays.npz", **{name: array for name, array in vars(example).items() if name != missing})
        with pytest.raises(RecordError, match=rf"arrays\.npz .*\b{missing}\b"):
            type(example).load(tmp_path / "arrays.npz")


@pytest.mark.parametrize("kind", [StoredDetections, Matches])
def test_pickled_arrays_are_refused(tmp_path, kind):
    path = tmp_path / "arrays.npz"
    np.savez(path, **{field.name: np.array([{}], dtype=object) for field in fields(kind)})
    with pytest.raises(RecordError):
        kind.load(path)
