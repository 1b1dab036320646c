"""WIDER FACE's official evaluation of val: AP at IoU .5 on the easy, medium and hard faces.

The rules of eval_tools (wider_eval.m): scores are stretched to 0..1 over the set; precision and recall are taken at
1000 thresholds 1 - t / 1000 on them; boxes are x, y, x + w, y + h with one pixel added to each side's length; each
detection goes to the face of highest IoU in its image, which must reach .5; one on a face that does not count is
neither right nor wrong, a second one on a face that does is wrong; images without any face are left out; AP is the
area under the monotone precision. On a part of val the same is done with the faces of that part.
"""

from __future__ import annotations

import numpy as np

from experiments.protocols import matching, voc
from experiments.protocols.interface import MAIN, Detections, Matches, Scores, Truth
from experiments.protocols.overlaps import Boxes, found_boxes, pairs, positions
from experiments.protocols.wider_lists import SETTINGS, Faces, faces
from experiments.runtime.errors import UserError

IOU, STEPS = 0.5, 1000


def evaluate(truth: Truth, detections: Detections) -> Scores:
    """AP and AP50, the class's AP and the matches are those of the hard faces. Raises UserError without the lists."""
    if len(truth.classes) != 1:
        raise UserError(f"The protocol 'official' is WIDER FACE's, of one class; here are {len(truth.classes)}.")
    listed, (found, score) = faces(truth.paths), found_boxes(truth, detections)
    image = positions(truth)[found.image]
    of = Boxes(image, found.label, found.xywh)
    known = Boxes(listed.image, np.zeros_like(listed.image), listed.xywh)
    near = pairs(of, known, grow=1.0)
    no_face = ~np.isin(image, listed.image)[:, None]
    aps, matches = {}, None
    for column, setting in enumerate(SETTINGS):
        counts = listed.counts[:, column]
        matched, ignored = matching.voc(near, len(score), ~counts, near.iou[:, None] >= IOU)
        matches = _matches(of, score, matched, ignored | no_face, listed, counts, len(truth.image_ids))
        aps[setting] = _ap(matches)
    hard = aps["hard"]
    return Scores(dict.fromkeys(MAIN) | {"AP": hard, "AP50": hard} | aps, {truth.classes[0]: hard}, matches)


def _matches(found: Boxes, score, matched, ignored, listed: Faces, counts: np.ndarray, images: int) -> Matches:
    return Matches(
        found.image.astype(np.int32),
        found.label.astype(np.int32),
        score.astype(np.float32),
        matched,
        ignored,
        np.array([IOU]),
        listed.image[counts].astype(np.int32),
        np.zeros(int(counts.sum()), dtype=np.int32),
        np.array(images),
    )


def _ap(matches: Matches) -> float | None:
    """None where no face counts."""
    count = len(matches.truth_image)
    if not count:
        return None
    score = stretched(matches.score.astype(np.float64))
    order = np.argsort(-score, kind="stable")
    above = np.searchsorted(-score[order], -(1 - np.arange(1, STEPS + 1) / STEPS), "right")  # detections at each step
    right, judged = (np.append(0, np.cumsum(x[order, 0]))[above] for x in (matches.matched, ~matches.ignored))
    return voc.area(right / count, right / np.maximum(judged, 1))


def stretched(score: np.ndarray) -> np.ndarray:
    """To 0..1; all 1 where they are equal, which eval_tools divides by zero."""
    low, high = score.min(initial=1.0), score.max(initial=0.0)
    return (score - low) / (high - low) if high > low else np.ones_like(score)
