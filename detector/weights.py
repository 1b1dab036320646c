"""What a backbone starts from: drawn numbers, one of torchvision's sets of ImageNet weights, or a file of one's own."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

NONE = "none"
SETS = {"imagenet": "IMAGENET1K_V1", "imagenet_v2": "IMAGENET1K_V2"}  # word of a recipe -> torchvision's name
CLASSIFIERS = ("fc.", "classifier.")  # of an ImageNet network; a detector has none
COUNTER = "num_batches_tracked"  # of torch's BatchNorm, which no norm here has
SHOWN = 3  # names in a message


class WeightsError(Exception):
    """Says why weights do not fit the backbone."""


def is_file(weights: str) -> bool:
    """Whether a recipe's `model.weights` is a path; blanks are none."""
    return weights.strip() not in ("", NONE, *SETS)


def weights_url(backbone: str, weights: str) -> str:
    """Of the file that torchvision loads for one of SETS."""
    return _published(backbone, weights).url


def published_state(backbone: str, weights: str) -> Mapping[str, Tensor]:
    """One of SETS, from torchvision's cache. Raises OSError where it lacks or is damaged."""
    try:
        return _published(backbone, weights).get_state_dict(check_hash=True)
    except OSError:
        raise
    except Exception as error:  # torch has a class for each way in which a file is damaged
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise OSError(f"its file does not load, {reason}") from None


def _published(backbone: str, weights: str):
    from torchvision.models import get_model_weights

    return get_model_weights(backbone)[SETS[weights]]


def fill(net: nn.Module, state: Mapping[str, Tensor]) -> None:
    """All of the network but its classifier, by torchvision's names. Raises WeightsError for what does not fit."""
    state_of_net = net.state_dict()
    provided = {name: x for name, x in state.items() if _of_backbone(name)}
    required = {name: x for name, x in state_of_net.items() if _of_backbone(name)}
    if lacking := [name for name in required if name not in provided]:
        raise WeightsError(f"it lacks {_some(lacking)}")
    if extra := [name for name in provided if name not in required]:
        raise WeightsError(f"it holds {_some(extra)}, which this backbone has not")
    for name, x in provided.items():
        if x.shape != required[name].shape:
            raise WeightsError(f"its {name} is {_shape(x)}, that of this backbone is {_shape(required[name])}")
    net.load_state_dict(state_of_net | provided)


def _of_backbone(name: str) -> bool:
    return not name.startswith(CLASSIFIERS) and not name.endswith(COUNTER)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _shape(x: Tensor) -> str:
    return " x ".join(map(str, x.shape)) or "a single number"
