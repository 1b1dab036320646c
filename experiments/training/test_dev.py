"""Detections of a trained run on COCO's test-dev, whose truth is not public, as the file to upload."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from detector.detector import Detector
from experiments.data.classes import match_classes
from experiments.data.parsing.coco_image_info import ImageInfo, read_image_info
from experiments.data.parsing.image_folder import missing_data
from experiments.data.roots import data_folder
from experiments.protocols.upload import TESTSET, write_upload
from experiments.runtime.errors import UserError
from experiments.training import checkpoint, evaluate
from experiments.training.model import build_detector
from experiments.training.run_spec import RunSpec
from experiments.training.schedule import make_optimizer
from experiments.training.session import Session

ANNOTATIONS, IMAGES = f"annotations/image_info_{TESTSET}.json", "test2017"
LAYOUT = f"hold {ANNOTATIONS}, of image_info_test2017.zip, and the images in {IMAGES}/, of test2017.zip"


def find_test_dev(run: RunSpec, root: Path | None) -> ImageInfo:
    """Its images. Raises UserError where they are missing, the recipe is not of COCO, or a class has no number."""
    recipe = run.recipe
    if recipe.data.reader != "coco":
        raise UserError(
            f"--split test-dev is of COCO, and --dataset {recipe.dataset} is read by data.reader={recipe.data.reader}. "
            "Name a dataset in COCO's layout, or leave --split out."
        )
    folder = data_folder(recipe.data, recipe.dataset, root)
    path, images = folder / ANNOTATIONS, folder / IMAGES
    for required in (path, images):
        if not required.exists():
            raise missing_data("COCO's test-dev", str(required), LAYOUT, folder)
    info = read_image_info(folder, path, images, recipe.data.exif)
    if lacking := [name for name in run.train.classes if name not in info.category_ids]:
        raise UserError(
            f"--split test-dev: {ANNOTATIONS} lists no class {', '.join(lacking[:5])}, which {run.train.name} has. "
            "Train on classes of COCO, or leave --split out."
        )
    return replace(info, index=replace(info.index, reading=recipe.data.reading))


def upload_file(session: Session, info: ImageInfo) -> Path | None:
    """The zip in the run's folder; None in a process that does not write. Raises UserError, Preempted."""
    run = session.run
    images, _ = match_classes(run.train, info.index)
    detected = evaluate.detections(_trained(session), replace(session, run=replace(run, val=images)))
    if not session.world.writes:
        return None
    numbers = np.array([info.category_ids[name] for name in run.train.classes])
    algorithm = f"{run.recipe.assigner}-{run.id}"
    return write_upload(session.folder.path, algorithm, detected, images.image_ids, numbers)


def _trained(session: Session) -> Detector:
    """With the weights of the run's end. Raises UserError where they are not there."""
    recipe, device = session.run.recipe, session.world.device
    model = build_detector(recipe, len(session.run.train.classes)).to(device, memory_format=torch.channels_last)
    optimizer = make_optimizer(model, recipe.optimizer, model.assigner.priors())
    if not checkpoint.load(session.folder, model, optimizer, device).step:
        raise UserError(f"{session.folder.checkpoint} is not there: the weights of the run. Make it again: --force.")
    return model
