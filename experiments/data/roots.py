"""Where a dataset lies on disk: one rule for run.py, its data check, the grid and draw.py."""

from __future__ import annotations

import os
from pathlib import Path

from experiments.data.config import DataConfig
from experiments.data.official.sources import PublicSource
from experiments.runtime.errors import UserError

VARIABLE = "ASSIGNBENCH_DATA"  # of the environment: a folder with a folder for each dataset
LOCAL = Path("data")  # the same, below the current folder


def data_folder(data: DataConfig, dataset: str, typed: Path | None) -> Path | None:
    """`typed` (--data-root), else the recipe's own root, else the first usual folder that is there; None: none is."""
    if typed or data.root:
        return typed or Path(data.root)
    return next((folder for folder in _usual_folders(dataset) if folder.is_dir()), None)


def download_folder(dataset: str) -> Path:
    """Where a download goes that was not told where to: one for `coco` and `coco-2x`."""
    return _bases()[0] / _family(dataset)


def absent(dataset: str, source: PublicSource | None, why: str, command: str) -> UserError:
    """The error for a dataset that is not there; `command`, with --download, fetches one that can be fetched."""
    advice = f"{why} Say where its files are with --data-root DIR"
    if source is None:
        return UserError(f"{advice}, or with data.root in the recipe.")
    if not source.fetchable:
        return UserError(
            f"{advice}, or get it at {source.page} (licence: {source.licence}) and lay it out "
            f"in {download_folder(dataset)} as {source.layout}."
        )
    size = sum(archive.size for archive in source.archives) / 1e9
    return UserError(
        f"{advice} ({source.layout}), or fetch it ({size:.1f} GB, twice that on disk; licence: {source.licence}) "
        f"with: {command} --download"
    )


def nowhere(dataset: str) -> str:
    """The sentence that says where it was looked for."""
    name = _family(dataset)
    variable = f"${VARIABLE}/{name}" + ("" if os.environ.get(VARIABLE) else " (not set)")
    return f"The dataset '{dataset}' is read from files, and neither {variable} nor {LOCAL / name} is a folder."


def _usual_folders(dataset: str) -> list[Path]:
    names = dict.fromkeys((dataset, _family(dataset)))
    return [base / name for base in _bases() for name in names]


def _bases() -> list[Path]:
    return [Path(folder) for folder in (os.environ.get(VARIABLE), LOCAL) if folder]


def _family(dataset: str) -> str:
    """coco-2x has the files of coco."""
    return dataset.partition("-")[0]
