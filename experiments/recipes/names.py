"""Which datasets have a recipe, and its file. No torch: a wrong name is said in a moment."""

from __future__ import annotations

import os
from pathlib import Path

from experiments.runtime.errors import UserError, unknown

FOLDER = Path(__file__).resolve().parent
TWINS = (
    "shapes-voc",
    "shapes-objects365",
    "shapes-widerface",
    "shapes-priors",
)  # synthetic like `shapes`, on its recipe
ENDINGS = (".yaml", ".yml")  # in any case
OWN = "A recipe of your own is a YAML file with `like: coco` or `like: voc`, data.root, data.train and data.val"


def dataset_names() -> list[str]:
    """The datasets that have a recipe."""
    return sorted([*(path.stem for path in FOLDER.glob("*.yaml")), *TWINS])


def recipe_file(dataset: str) -> Path:
    """Of a name of ours, or of the path of a YAML file. Raises UserError for what is neither."""
    if dataset in dataset_names():
        return FOLDER / f"{'shapes' if dataset in TWINS else dataset}.yaml"
    if os.path.isdir(dataset):
        raise UserError(
            f"--dataset {dataset} is a folder. {OWN}: name that file, or a dataset of ours and --data-root."
        )
    if dataset.lower().endswith(ENDINGS):
        if not os.path.isfile(dataset):
            raise UserError(f"--dataset {dataset}: there is no such file. {OWN}.")
        return Path(dataset)
    if os.path.isfile(dataset):
        raise UserError(f"--dataset {dataset} is no YAML file (.yaml or .yml). {OWN}.")
    raise unknown("dataset", dataset, dataset_names())


def dataset_name(dataset: str) -> str:
    """As the record shows it: a name of ours, or a file's stem; of a file that is called like ours, its whole name."""
    if dataset in dataset_names():
        return dataset
    path = recipe_file(dataset)
    alike = path.stem.lower() in dataset_names() and path.resolve().parent != FOLDER
    return path.name if alike else path.stem
