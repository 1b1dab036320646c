"""Which datasets have a recipe, and its file. No torch: a wrong name is said in a moment."""

from __future__ import annotations

from pathlib import Path

from experiments.runtime.errors import unknown

FOLDER = Path(__file__).parent
TWINS = ("shapes-voc", "shapes-objects365", "shapes-widerface")  # synthetic like `shapes`, on its recipe
ENDINGS = (".yaml", ".yml")


def dataset_names() -> list[str]:
    """The datasets that have a recipe."""
    return sorted([*(path.stem for path in FOLDER.glob("*.yaml")), *TWINS])


def recipe_file(dataset: str) -> Path:
    """Of a name, or of the path of a YAML file. Raises UserError for an unknown name."""
    if dataset.endswith(ENDINGS):
        return Path(dataset)
    path = FOLDER / f"{'shapes' if dataset in TWINS else dataset}.yaml"
    if not path.is_file():
        raise unknown("dataset", dataset, dataset_names())
    return path


def dataset_name(dataset: str) -> str:
    """As the record shows it: the name, or the stem of the file."""
    return dataset if dataset in TWINS else recipe_file(dataset).stem
