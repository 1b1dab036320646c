"""Oracles of the VOC and WIDER FACE rules: one detection, threshold and class at a time, in the tools' own pixels."""

from __future__ import annotations


def pixel_iou(a, b):
    """Boxes x1 y1 x2 y2 whose last pixel is inside."""
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    area = lambda box: (box[2] - box[0] + 1) * (box[3] - box[1] + 1)  # noqa: E731
    return width * height / (area(a) + area(b) - width * height)


def best_of(box, others):
    """Position and IoU of the first box that overlaps most."""
    best, position = -1.0, -1
    for i, other in enumerate(others):
        if pixel_iou(box, other) > best:
            best, position = pixel_iou(box, other), i
    return position, best


def by_area(points):
    """points: (recall, precision) in order; every step of recall times the best precision there or later."""
    total, before = 0.0, 0.0
    for i, (recall, _) in enumerate(points):
        total += (recall - before) * max(precision for _, precision in points[i:])
        before = recall
    return total


def by_eleven(points):
    """The best precision at or beyond each of eleven recalls; i * .1 in floating point, as the tools have it."""
    return sum(max((p for r, p in points if r >= i * 0.1), default=0.0) / 11 for i in range(11))


def voc_ap(truth, detections, label, threshold, average):
    """AP of one class at one IoU; None without objects. Boxes of the index become VOC's: 1-based, last pixel inside."""
    voc = lambda box: (box[0] + 1, box[1] + 1, box[2], box[3])  # noqa: E731
    objects = {}
    for image in range(len(truth.image_ids)):
        rows = range(truth.offsets[image], truth.offsets[image + 1])
        objects[image] = [i for i in rows if truth.labels[i] == label]
    count = sum(not truth.ignore[i] for rows in objects.values() for i in rows)
    if count == 0:
        return None
    rows = [i for i in range(len(detections.scores)) if detections.labels[i] == label]
    rows.sort(key=lambda i: (-detections.scores[i], truth.image_ids[detections.image[i]], i))
    taken, right, wrong, points = set(), 0, 0, []
    for i in rows:
        others = objects[detections.image[i]]
        position, iou = best_of(voc(detections.boxes[i].tolist()), [voc(truth.boxes[j].tolist()) for j in others])
        if iou <= threshold:
            wrong += 1
        elif not truth.ignore[others[position]]:
            right, wrong = (right, wrong + 1) if others[position] in taken else (right + 1, wrong)
            taken.add(others[position])
        points.append((right / count, right / (right + wrong) if right + wrong else 0.0))
    return average(points)


def official_ap(images, predictions):
    """WIDER FACE's tool on one setting. images: name -> (faces as x y w h, numbers from 1 of those that count);

    predictions: name -> rows (x, y, w, h, score), best first.
    """
    scores = [row[4] for rows in predictions.values() for row in rows]
    low, high = min(scores), max(scores)
    steps = [[0, 0] for _ in range(1000)]  # detections that are right or wrong, faces it recalls
    for name, (faces, counting) in images.items():
        rows = predictions.get(name, [])
        if not faces or not rows:
            continue
        for t in range(1000):
            judged, recalled = image_at(rows, faces, counting, low, high, 1 - (t + 1) / 1000)
            steps[t][0] += judged
            steps[t][1] += recalled
    count = sum(len(counting) for _, counting in images.values())
    return by_area([(recalled / count, recalled / judged if judged else 0.0) for judged, recalled in steps])


def image_at(rows, faces, counting, low, high, threshold):
    """Of one image at one threshold: detections that are right or wrong, and faces it recalls."""
    corners = [(x, y, x + w, y + h) for x, y, w, h in faces]
    judged, recalled = 0, set()
    for x, y, w, h, score in rows:
        if (score - low) / (high - low) < threshold:
            break
        position, iou = best_of((x, y, x + w, y + h), corners)
        if iou >= 0.5 and position + 1 not in counting:
            continue
        judged += 1
        if iou >= 0.5:
            recalled.add(position)
    return judged, len(recalled)
