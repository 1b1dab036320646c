"""A device that is none: its tensors lie on the CPU, and everything that would make the host wait for a GPU is written
down.

What is on the host stays ordinary tensors, and an operation that mixes the two raises, as on a GPU. The device calls
itself `meta`, which needs no driver.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = torch.device("meta")
ROOT = Path(__file__).parents[2]
TAGS = {torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output}  # size or value of the result is data
aten = torch.ops.aten
GATHERS = (aten.index.Tensor,)
WRITES = (aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default)
COPIES = (aten._to_copy.default, aten.copy_.default)


class DeviceTensor(Tensor):
    """`data` is the same on the CPU."""

    @staticmethod
    def __new__(cls, data: Tensor) -> DeviceTensor:
        layout = {"strides": data.stride(), "storage_offset": data.storage_offset(), "dtype": data.dtype}
        self = Tensor._make_wrapper_subclass(cls, data.size(), device=DEVICE, **layout)
        self.on_cpu = data
        return self

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            if func is Tensor.tolist:  # a subclass has none
                return args[0].cpu().tolist()
            if func is Tensor.new_tensor:  # does not reach the dispatcher as a copy
                return torch.tensor(args[1], dtype=args[0].dtype).to(DEVICE)
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _on_cpu(func, args, kwargs or {})


@dataclass
class Waits:
    """What was written down: the operation and the line of ours that called it."""

    to_host: list[str] = field(default_factory=list)  # the host waits for a number or a size
    to_device: list[str] = field(default_factory=list)  # a copy from the host waits, as all do but non_blocking ones


class PretendDevice(TorchDispatchMode):
    """Within it, `torch.device("meta")` computes, and `waits` grows."""

    def __init__(self):
        super().__init__()
        self.waits = Waits()
        self.literals = _Literals()

    def __enter__(self) -> PretendDevice:
        self.literals.__enter__()
        return super().__enter__()

    def __exit__(self, *error) -> None:
        super().__exit__(*error)
        self.literals.__exit__(*error)

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        leaves = tree_leaves((args, kwargs))
        on_device = any(isinstance(x, DeviceTensor) for x in leaves)
        if on_device and waits(func, args, kwargs):
            self.waits.to_host.append(f"{func} at {_line()}")
        if func in COPIES and _is_device(_target(args, kwargs)) and _blocks(args, kwargs):
            self.waits.to_device.append(f"{func} at {_line()}")
        elif on_device and func not in COPIES and any(_is_host_array(x) for x in leaves):
            raise RuntimeError(f"{func} mixes tensors of the host and of the device, at {_line()}")
        return _on_cpu(func, args, kwargs)


class _Literals(TorchFunctionMode):
    """torch.tensor makes its values on the host, then copies them: no operation that a dispatcher sees."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.tensor and _is_device(kwargs.get("device")):
            return func(*args, **kwargs | {"device": "cpu"}).to(DEVICE)
        return func(*args, **kwargs)


def waits(func, args: tuple, kwargs: dict) -> bool:
    """Whether an operation on tensors of a GPU lets the host wait."""
    if func in COPIES:
        return not _is_device(_target(args, kwargs))
    if func in GATHERS:
        return _has_mask(args[1])
    if func in WRITES:  # one value for all of a mask is filled in without counting
        return _has_mask(args[1]) and (args[2].numel() > 1 or (*args[3:4], kwargs.get("accumulate", False))[0])
    if func is aten.repeat_interleave.Tensor:
        return kwargs.get("output_size") is None
    return bool(TAGS & set(func.tags))


def _blocks(args: tuple, kwargs: dict) -> bool:
    """Whether a copy comes from the host and says nothing of non_blocking; copy_ has (target, source, non_blocking)."""
    source = args[1] if len(args) > 1 else args[0]
    return not isinstance(source, DeviceTensor) and not (kwargs.get("non_blocking") or any(args[2:]))


def _target(args: tuple, kwargs: dict) -> object:
    """The device that a copy goes to."""
    return args[0].device if len(args) > 1 else kwargs.get("device") or args[0].device


def _is_device(device: object) -> bool:
    return device is not None and torch.device(device).type == DEVICE.type


def _is_host_array(x: object) -> bool:
    """A single number may come from the host, as on a GPU."""
    return isinstance(x, Tensor) and not isinstance(x, DeviceTensor) and x.ndim > 0


def _has_mask(indices) -> bool:
    return any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in indices)


def _on_cpu(func, args: tuple, kwargs: dict):
    """The operation on the tensors underneath; its result is of the device unless it goes to the host."""
    on_device = any(isinstance(x, DeviceTensor) for x in tree_leaves((args, kwargs)))
    target = kwargs.get("device")
    plain_args, plain_kwargs = tree_map_only(DeviceTensor, lambda x: x.on_cpu, (args, kwargs))
    out = func(*plain_args, **plain_kwargs | ({} if target is None else {"device": "cpu"}))
    stays = _is_device(target) if target is not None else on_device
    if not stays or (func is aten.copy_.default and not isinstance(args[0], DeviceTensor)):
        return args[0] if func is aten.copy_.default else out
    wrapped = tree_map_only(Tensor, DeviceTensor, out)
    return return_and_correct_aliasing(func, args, kwargs, wrapped) if on_device else wrapped


def _line() -> str:
    """The innermost line of ours, `file:number`."""
    frames = ((Path(frame.f_code.co_filename), line) for frame, line in traceback.walk_stack(None))
    path, line = next((path, line) for path, line in frames if _is_ours(path))
    return f"{path.relative_to(ROOT)}:{line}"


def _is_ours(path: Path) -> bool:
    """A file of this checkout, whose environment may lie inside it; not this one."""
    return path.is_relative_to(ROOT) and "site-packages" not in path.parts and path != Path(__file__)
