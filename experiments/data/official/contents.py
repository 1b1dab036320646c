"""What is in the splits: objects of each class, images that are there twice or in both, how images are turned."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from textwrap import wrap

import numpy as np

from experiments.data.image_files import HASH_BYTES, SAMPLE, ImageFiles, packed
from experiments.data.index import Index
from experiments.data.official.compare import Finding
from experiments.data.official.memory import ImageState
from experiments.data.pixels import Reading

LISTED = 5  # cases on the page
WIDTH = 110  # characters of a line
HELD = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, eq=False)
class Split:
    """One of the two sets of a recipe."""

    name: str  # train or val
    split: str  # as the reader names it
    index: Index


def objects(splits: list[Split]) -> list[Finding]:
    """How many objects each class has, and the classes that have none."""
    counts = {split.name: _counts(split.index) for split in splits}
    names = list(dict.fromkeys(name for count in counts.values() for name in count))
    entries = [f"{name} {', '.join(str(count.get(name, 0)) for count in counts.values())}" for name in names]
    text = "; ".join(entry.replace(" ", HELD) for entry in entries)
    lines = wrap(f"objects of each class in {', '.join(counts)}: {text}", WIDTH, break_on_hyphens=False)
    findings = [Finding("ok", line.replace(HELD, " ")) for line in lines]
    for split, count in counts.items():
        none = [name for name, number in count.items() if not number]
        if none:
            listed = ", ".join(none[:LISTED]) + (", ..." if len(none) > LISTED else "")
            findings.append(Finding("note", f"{split}: {len(none)} of {len(count)} classes have no object: {listed}"))
    return findings


def _counts(index: Index) -> dict[str, int]:
    """Class -> objects that are learned and counted."""
    counts = np.bincount(index.labels[~index.ignore], minlength=len(index.classes))
    return dict(zip(index.classes, counts.tolist(), strict=True))


def repeated(splits: list[Split], states: dict[str, ImageState]) -> list[Finding]:
    """Images of equal content: within a split, and in two."""
    by_hash = {split.name: _by_hash(split.index, states) for split in splits}
    findings = []
    for name, paths in by_hash.items():
        twice = [same for same in paths.values() if len(same) > 1]
        findings += _pairs(f"{name}: {sum(map(len, twice)) - len(twice)} images are doubles of others", twice)
    first, second = by_hash.values()
    both = [(first[key][0], second[key][0]) for key in first if key in second]
    return findings + _pairs(
        f"{len(both)} images stand in both {' and '.join(by_hash)}, so AP on val is too high", both
    )


def _by_hash(index: Index, states: dict[str, ImageState]) -> dict[str, list[str]]:
    """Hash of the content -> paths, of all that can be read."""
    paths = defaultdict(list)
    for path in index.paths:
        if states[path].sha256:
            paths[states[path].sha256].append(path)
    return paths


def _pairs(text: str, groups: list) -> list[Finding]:
    if not groups:
        return []
    equal = [Finding("warning", f"equal: {' = '.join(group[:2])}") for group in groups[:LISTED]]
    return [Finding("warning", f"{text} (by the content of their files)"), *equal]


def orientations(splits: list[Split], states: dict[str, ImageState], reading: Reading) -> list[Finding]:
    """How many images have an EXIF orientation, and what is done about it."""
    marked = [path for split in splits for path in split.index.paths if states[path].orientation != 1]
    if not marked:
        return []
    text = f"{len(marked)} images have an EXIF orientation"
    if reading.exif == "apply":
        return [Finding("ok", f"{text}, and are turned by it (data.exif=apply)")]
    why = "wrong where their boxes were drawn on what a viewer shows"
    return [Finding("warning", f"{text}, and are not turned by it (data.exif=ignore): {why}; such as {marked[0]}")]


def files_of(index: Index, states: dict[str, ImageState]) -> ImageFiles:
    """All files of an index, hashed."""
    rows = [states[path] for path in index.paths]
    size, time = (
        np.array([getattr(x, name) if x.sha256 else -1 for x in rows], np.int64) for name in ("bytes", "mtime_ns")
    )
    empty = "0" * 2 * HASH_BYTES
    return ImageFiles(size, time, packed(bytes.fromhex(x.sha256[: 2 * HASH_BYTES] or empty) for x in rows))


def renamed(split: Split, before: str, after: str) -> list[Finding]:
    """Said where the hash of a dataset changed because more of its images are hashed."""
    n = len(split.index)
    if before == after or n <= SAMPLE:
        return []
    return [
        Finding(
            "ok",
            f"{split.name}: the dataset's hash is now of all {n} images: runs made with that of {SAMPLE} count as "
            "runs on another dataset",
        )
    ]
