"""AP on the way: the validation set at equal distances of the training, into `curve.json`."""

from __future__ import annotations

from detector.detector import Detector
from experiments.recipes.recipe import ScheduleConfig, steps
from experiments.records.schema import CurvePoint
from experiments.runtime.console import say
from experiments.training import evaluate
from experiments.training.session import Session
from experiments.training.sheet import write_sheet


def curve_steps(schedule: ScheduleConfig) -> set[int]:
    """Steps after which the model is measured; the end is not among them, `done` has it."""
    total, points = steps(schedule), schedule.evaluations
    return {total * k // points for k in range(1, points)} - {0}


def measure_point(model: Detector, session: Session, step: int) -> None:
    """Adds the point of `step`, or puts the same one in its place after a resume. Raises Preempted."""
    detected = evaluate.detections(model, session)
    model.train()
    if session.world.writes:
        metrics = evaluate.scores(session.run.val, detected, session.run.recipe).metrics
        write_sheet(session.folder, session.run.val, detected)
        ap = "of no object" if metrics["AP"] is None else f"{metrics['AP']:.3f}"
        say(f"AP {ap} after {step} steps; {session.folder.sheet} shows what is detected")
        others = [point for point in session.folder.read_curve() if point.step != step]
        session.folder.write_curve(sorted([*others, CurvePoint(step, metrics)], key=lambda point: point.step))
