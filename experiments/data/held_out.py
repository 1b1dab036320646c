"""A part of the training images that is held out and evaluated in the place of val: what settings are tuned on."""

from __future__ import annotations

import hashlib

import numpy as np

from experiments.data.image_files import HASH_BYTES, hash_rows, packed
from experiments.data.index import Index
from experiments.runtime.errors import UserError

DRAW = 20  # seed of the choice of images, the same for all methods and settings


def split_off(train: Index, whole: Index, share: float) -> tuple[Index, Index]:
    """What is left to train on, and the part that is evaluated. Raises UserError where either is empty.

    whole: the same images, with their boxes as the file has them. share: of the images, in (0, 1).
    """
    order = np.random.default_rng(DRAW).permutation(len(train))
    count = round(share * len(train))
    if not 0 < count < len(train):
        raise UserError(
            f"data.held_out is {share:g}: of {len(train)} training images it leaves {len(train) - count} to train on "
            f"and {count} to evaluate. Change it, so that there are some of both."
        )
    out = train.image_ids[order[:count]]
    rest = np.flatnonzero(~np.isin(train.image_ids, out))
    return train.part(rest), whole.part(np.flatnonzero(np.isin(whole.image_ids, out)))


def contents(index: Index) -> set[bytes]:
    """A hash of each image's file, or of its pixels where it is drawn."""
    if index.draw is None:
        return {row.tobytes() for row in hash_rows(index.paths, np.arange(len(index)))}
    hashes = [hashlib.sha256(index.read(i).numpy()).digest()[:HASH_BYTES] for i in range(len(index))]
    return {row.tobytes() for row in packed(hashes)}
