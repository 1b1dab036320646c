"""Votes of boxes by plain loops over numbers, one class of one image. A box is (x1, y1, x2, y2), a row (box, score)."""

from math import exp


def overlap(a, b, plus):
    width = min(a[2], b[2]) - max(a[0], b[0]) + plus
    height = min(a[3], b[3]) - max(a[1], b[1]) + plus
    inter = max(0.0, width) * max(0.0, height)
    areas = [(x[2] - x[0] + plus) * (x[3] - x[1] + plus) for x in (a, b)]
    return inter / (areas[0] + areas[1] - inter)


def mean(boxes, weights):
    return tuple(sum(w * box[i] for box, w in zip(boxes, weights, strict=True)) / sum(weights) for i in range(4))


def vote(rows, threshold, plus, least=None):
    """(box, score) after the vote, best first; least: the soft vote's."""
    rows, out = sorted(rows, key=lambda row: -row[1]), []
    while rows:
        best = rows[0][0]
        near = [row for row in rows if overlap(best, row[0], plus) >= threshold]
        rows = [row for row in rows if overlap(best, row[0], plus) < threshold]
        if len(near) == 1:
            out += near
            continue
        out.append((mean([box for box, _ in near], [score for _, score in near]), max(score for _, score in near)))
        if least is not None:
            faded = [(box, score * (1 - overlap(best, box, plus))) for box, score in near]
            out += [row for row in faded if row[1] >= least]
    return sorted(out, key=lambda row: -row[1])


def voted_box(kept, rows, plus):
    """Of score voting: where the rows of its class before NMS say that a kept box lies."""
    near = [(box, score, overlap(kept, box, plus)) for box, score in rows]
    near = [row for row in near if row[2] > 0.01]
    weights = [score * exp(-((1 - iou) ** 2) / 0.025) for _, score, iou in near]
    return mean([box for box, _, _ in near], weights)
