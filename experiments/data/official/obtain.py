"""The folder of a dataset for who is about to read it; with --download, what is missing is fetched first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.data.config import DataConfig
from experiments.data.datasets import on_disk
from experiments.data.official import compare
from experiments.data.official.memory import Memory
from experiments.data.official.sources import PublicSource, source_of
from experiments.data.roots import absent, data_folder, download_folder, nowhere
from experiments.runtime.errors import UserError
from experiments.runtime.processes import announced


@dataclass(frozen=True)
class DatasetOptions:
    """A dataset, as the command line asks for it."""

    data: DataConfig
    name: str  # of the recipe
    typed: str  # as --dataset has it
    root: Path | None  # --data-root
    state: Path | None  # folder of the data check's notes
    download: bool
    command: str  # that was typed

    @property
    def source(self) -> PublicSource | None:
        """None for a recipe of one's own."""
        return source_of(self.typed)

    def memory(self, root: Path) -> Memory:
        """Absolute, so that what was checked is recognised from another folder."""
        return Memory((self.state or root / "check").absolute(), self.name)


def obtain(options: DatasetOptions) -> Path | None:
    """The folder, None for a synthetic dataset. Raises UserError where it is not there or cannot be fetched."""
    if not on_disk(options.data):
        _check_synthetic(options)
        return None
    root = data_folder(options.data, options.name, options.root)
    if options.download:
        return _fetched(options, root or download_folder(options.name))
    if root is None:
        raise absent(options.name, options.source, nowhere(options.name), options.command)
    if not root.is_dir():
        raise absent(options.name, options.source, f"There is no folder {root}.", options.command)
    if options.source and not _holds_data(root, options.source):
        raise absent(options.name, options.source, f"{root} is empty.", options.command)
    return root


def _check_synthetic(options: DatasetOptions) -> None:
    flags = {"--data-root": options.root, "--download": options.download}
    if idle := [flag for flag, value in flags.items() if value]:
        raise UserError(
            f"'{options.name}' is synthetic, nothing of it is on disk: {idle[0]} does nothing. "
            f"Leave it out, or name another dataset with --dataset."
        )


def _fetched(options: DatasetOptions, root: Path) -> Path:
    if announced().size > 1:
        raise UserError("Several processes would fetch one file: --download is for one. Run it without torchrun first.")
    compare.check_fetchable(options.typed, options.source, root)
    root.mkdir(parents=True, exist_ok=True)
    compare.fetch_missing(options.source, root, options.memory(root))
    return root


def _holds_data(root: Path, source: PublicSource) -> bool:
    """Whether there is more than a download that was cut."""
    names = {"check", *(f"{archive.name}.part" for archive in source.archives)}
    return any(path.name not in names for path in root.iterdir())
