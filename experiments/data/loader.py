"""Batches of a dataset. Order and augmentation follow from (seed, step, image id), whatever the workers do."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from assigners.interface import Objects
from experiments.data import shared_memory, transforms
from experiments.data.config import DataConfig
from experiments.data.index import Index
from experiments.data.pixels import BadImage
from experiments.data.views import View
from experiments.runtime.errors import UserError
from experiments.runtime.signals import obey_parent

BAD_SHARE = 0.01  # of the dataset's images, or of those read where they are more; above it a run that skips them stops


@dataclass(frozen=True)
class Batch:
    """B images on their way to the device."""

    images: Tensor  # (B, 3, H, W) uint8, padded
    objects: Objects
    index: Tensor  # (B,) position in the Index
    scale: Tensor  # (B,) resized / original
    sizes: Tensor  # (B, 2) height and width before padding
    bad: int  # images that did not decode

    def pin_memory(self) -> Batch:
        """DataLoader's pinning thread calls it: from pinned memory a copy to the device does not wait."""
        return _pinned(replace(self, objects=_pinned(self.objects)))


@dataclass(frozen=True)
class Sample:
    """One image of a batch."""

    image: Tensor  # (3, h, w) uint8
    boxes: Tensor  # (n, 4) px of the resized image
    labels: Tensor  # (n,)
    ignore: Tensor  # (n,) bool
    position: int
    scale: float
    bad: int


def _pinned(tensors: Batch | Objects) -> Batch | Objects:
    return replace(tensors, **{name: x.pin_memory() for name, x in vars(tensors).items() if isinstance(x, Tensor)})


def batch_order(index: Index, batch: int, seed: int) -> Iterator[list[int]]:
    """Positions of every training batch from step 0 on, without end; wide and tall images never share one."""
    wide = index.sizes[:, 1] >= index.sizes[:, 0]
    groups: dict[bool, list[int]] = {True: [], False: []}
    for epoch in count():
        for i in np.random.default_rng([seed, epoch]).permutation(len(index)):  # no list: it may be 1.7 million
            group = groups[bool(wide[i])]
            group.append(int(i))
            if len(group) == batch:
                yield group.copy()
                group.clear()


def augmentation_stream(seed: int, step: int, image_id: int) -> np.random.Generator:
    """What augments an image at a training step; the first number decides the flip."""
    return np.random.default_rng([seed, step + 1, image_id])


class _Images(Dataset):
    """Keys are (step, position); step -1 - n is view n of an evaluation. A UserError is handed on, not raised in a
    worker.
    """

    def __init__(self, index: Index, data: DataConfig, seed: int, views: Sequence[View]):
        self.index, self.data, self.seed, self.views = index, data, seed, views

    def __getitem__(self, key: tuple[int, int]) -> Sample | UserError:
        try:
            return self._sample(*key)
        except UserError as error:
            return error

    def _sample(self, step: int, position: int) -> Sample:
        image, position, bad = self._read(step, position)
        boxes, labels, ignore = (torch.from_numpy(x.copy()) for x in self.index.of(position))
        if step < 0:
            view = self.views[-1 - step]
            image, scale = view.resized(image)
            image, boxes = transforms.flip(image, boxes * scale) if view.flipped else (image, boxes * scale)
            return Sample(image, boxes, labels, ignore, position, scale, bad)
        data, rng = self.data, augmentation_stream(self.seed, step, int(self.index.image_ids[position]))
        flips, short = rng.random() < data.flip, data.short[rng.integers(len(data.short))]
        if data.crop:
            window = transforms.random_window(boxes[~ignore].numpy(), *image.shape[1:], data.crop, rng)
            image, boxes, keep = transforms.crop(image, boxes, window)
            boxes, labels, ignore = boxes[keep], labels[keep], ignore[keep]
        image, scale = transforms.resize(image, short, data.long)
        boxes = boxes * scale
        if data.jitter:
            image = transforms.colours(image, data.jitter, rng)
        if flips:
            image, boxes = transforms.flip(image, boxes)
        return Sample(image, boxes, labels, ignore, position, scale, bad)

    def _read(self, step: int, position: int) -> tuple[Tensor, int, int]:
        """The image; if bad images are skipped, the next good one in training and a black one in evaluation."""
        for bad in range(len(self.index)):
            try:
                return self.index.read(position), position, bad
            except BadImage:
                if not self.data.skip_bad_images:
                    raise
                if step < 0:
                    return torch.zeros(3, *self.index.sizes[position].tolist(), dtype=torch.uint8), position, 1
                position = (position + 1) % len(self.index)
        raise UserError(f"No image of {self.index.name} decodes.")


def collate(samples: list[Sample | UserError]) -> Batch | UserError:
    """One batch, or the first error."""
    for sample in samples:
        if isinstance(sample, UserError):
            return sample
    image = torch.cat([torch.full((len(s.labels),), b) for b, s in enumerate(samples)]).long()
    boxes, labels, ignore = (torch.cat([getattr(s, name) for s in samples]) for name in ("boxes", "labels", "ignore"))
    objects = Objects(
        boxes=boxes[~ignore],
        labels=labels[~ignore],
        image=image[~ignore],
        ignore=boxes[ignore],
        ignore_image=image[ignore],
        images=len(samples),
    )
    return Batch(
        transforms.stack([s.image for s in samples]),
        objects,
        torch.tensor([s.position for s in samples]),
        torch.tensor([s.scale for s in samples]),
        torch.tensor([s.image.shape[1:] for s in samples]),
        sum(s.bad for s in samples),
    )


def train_loader(
    index: Index, data: DataConfig, batch: int, seed: int, steps: range, rank: int = 0, size: int = 1
) -> Iterator[Batch]:
    """The batches of these steps; of each, the share of process `rank` of `size`.

    Raises UserError, also for what went wrong in a worker.
    """
    groups = islice(batch_order(index, batch, seed), steps.start, steps.stop)
    keys = ([(step, i) for i in group[rank::size]] for step, group in enumerate(groups, steps.start))
    yield from _load(index, data, seed, keys, batch // size)


def eval_loader(
    index: Index, data: DataConfig, batch: int, rank: int = 0, size: int = 1, views: Sequence[View] = ()
) -> Iterator[Batch]:
    """Every image once, images of like shape together; of the batches, every `size`th.

    views: each batch comes so many times, in their order; (): one, as `data` says.
    """
    views = views or (View(*data.at_test),)
    by_shape = np.argsort(index.sizes[:, 1] / index.sizes[:, 0], kind="stable")
    starts = range(rank * batch, len(index), size * batch)
    keys = ([(-1 - v, i) for i in by_shape[n : n + batch].tolist()] for n in starts for v in range(len(views)))
    largest = max(views, key=lambda view: view.short * view.long)
    yield from _load(index, replace(data, short=(largest.short,), long=largest.long), 0, keys, batch, views)


def _load(
    index: Index, data: DataConfig, seed: int, keys: Iterator[list], batch: int, views: Sequence[View] = ()
) -> Iterator[Batch]:
    """`keys` are taken as the batches are: a long run's would fill the memory."""
    images = _Images(index, data, seed, views)
    workers = shared_memory.fitting_workers(data, batch)
    generator = torch.Generator().manual_seed(seed)  # DataLoader draws a seed for its workers, else from the global one
    loader = DataLoader(
        images,
        batch_sampler=keys,
        num_workers=workers,
        multiprocessing_context="fork" if workers and sys.platform == "linux" else None,  # shares the index
        collate_fn=collate,
        pin_memory=torch.cuda.is_available(),
        generator=generator,
        worker_init_fn=obey_parent,
    )
    total = bad = 0
    for loaded in loader:
        if isinstance(loaded, UserError):
            raise loaded
        total, bad = total + len(loaded.images), bad + loaded.bad
        if bad > max(1, BAD_SHARE * max(total, len(index))):
            raise UserError(
                f"{bad} of {total} images read of {index.name} do not decode, more than 1 %. Fetch the data again."
            )
        yield loaded
