#!/bin/bash
# maskrcnn-benchmark#970, mmdetection#1732: val.json gives the same names other ids. Right: labels by name, or an error.
. "$(dirname "$(readlink -f "$0")")/../common.sh"
cat > $t/perfect.py <<E
import sys
import numpy as np
from where import get
load, find, scores = get('load', 'recipe'), get('find', 'cell'), get('scores', 'evaluate')
UserError = get('UserError')
Detections = get('Detections', 'protocols')
chosen = load(sys.argv[1], "fcos", [], 0)
try:
    found = find(chosen, None)
except UserError as error:
    print("stops:", error)
    sys.exit(0)
v, classes = found.val, list(found.train.classes)
image = np.repeat(np.arange(len(v)), np.diff(v.offsets))
# A perfect detector: it names each object of val rightly, with the labels it was trained with.
labels = np.array([classes.index(v.classes[k]) for k in v.labels])
figures = scores(v, Detections(image, v.boxes, labels, np.ones(len(labels), np.float32)), chosen).metrics
print("train", classes, "val", list(v.classes), "AP of a perfect detector", figures["AP"])
sys.exit(not (figures["AP"] or 0) > 0.999)
E
"$py" $t/perfect.py $t/data/mine.yaml || fail "a perfect detector scores below 1: val numbers its classes otherwise than train"
