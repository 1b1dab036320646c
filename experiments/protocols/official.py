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
from experiments.protocols.interface import Detections, Protocol, Scores, Truth
from experiments.protocols.overlaps import (
    BoxColumns,
    detection_columns,
    image_ranks,
    images_by_rank,
    overlapping_pairs,
)
from experiments.protocols.wider_lists import SETTINGS, Faces, read_faces
from experiments.records.arrays import Matches
from experiments.records.schema import METRICS
from experiments.records.score_steps import step_counts, stretched
from experiments.runtime.errors import UserError

IOU, STEPS = 0.5, 1000


def evaluate_official(truth: Truth, detections: Detections, per_image: int, engine: str) -> Scores:
    """AP and AP50, the class's AP and the matches are those of the hard faces. per_image and engine are not used.

    Raises UserError without the lists.
    """
    if len(truth.classes) != 1:
        raise UserError(f"The protocol 'official' is WIDER FACE's, of one class; here are {len(truth.classes)}.")
    listed, (detected, score) = read_faces(truth.paths), detection_columns(truth, detections)
    rank = image_ranks(truth)[listed.image]
    faces = BoxColumns(rank, np.zeros_like(rank), listed.xywh)
    pairs = overlapping_pairs(detected, faces, grow=1.0)
    no_face = ~np.isin(detected.image, rank)[:, None]
    aps, matches = {}, None
    for column, setting in enumerate(SETTINGS):
        counts = listed.counts[:, column]
        matched, ignored = matching.voc(pairs, len(score), ~counts, pairs.iou[:, None] >= IOU)
        matches = _matches(truth, detected, score, matched, ignored | no_face, listed, counts)
        aps[setting] = _ap(matches)
    hard = aps["hard"]
    return Scores(dict.fromkeys(METRICS) | {"AP": hard, "AP50": hard} | aps, {truth.classes[0]: hard}, matches)


OFFICIAL = Protocol("official", evaluate_official, by_size=False, recall_points=0, score_steps=STEPS, engine="numpy")


def _matches(truth: Truth, detected: BoxColumns, score, matched, ignored, listed: Faces, counts: np.ndarray) -> Matches:
    box = listed.xywh[counts]
    return Matches(
        image=detected.image.astype(np.int32),
        label=detected.label.astype(np.int32),
        score=matching.kept_exactly(score),
        object=matching.among_counted(matched, counts),
        ignored=ignored,
        thresholds=np.array([IOU]),
        truth_image=image_ranks(truth)[listed.image[counts]].astype(np.int32),
        truth_label=np.zeros(int(counts.sum()), dtype=np.int32),
        truth_box=np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], 1).astype(np.float32),
        image_ids=np.asarray(truth.image_ids)[images_by_rank(truth)],
    )


def _ap(matches: Matches) -> float | None:
    """None where no face counts."""
    count = len(matches.truth_image)
    if not count:
        return None
    score = stretched(matches.score)
    order = np.argsort(-score, kind="stable")
    above = step_counts(score[order], STEPS)  # detections at each step
    right, judged = (np.append(0, np.cumsum(x[order, 0]))[above] for x in (matches.matched, ~matches.ignored))
    return voc.curve_area(right / count, right / np.maximum(judged, 1))
