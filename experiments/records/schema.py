"""What a run leaves behind, with types: written by experiments, read by analysis, which knows nothing else.

`run.json` holds a RunRecord, `done` a Result, `failed` a Failure, each line of `metrics.jsonl` a StepRow, `curve.json`
a Curve. What a table consists of is in table_schema.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from experiments.records.files import hash_of

METRICS = ("AP", "AP50", "AP75", "APs", "APm", "APl")  # of every result; None where its protocol has none
SIZE_METRICS = METRICS[3:]
NO_EFFECT = {  # fields of a recipe that change no result: not in a run's hash, nor in what runs must share
    "data": ("workers", "root", "max_pixels", "exif"),  # exif: part of the data's digest
    "model": ("recompute",),
    "schedule": ("checkpoint_every", "evaluations"),
    "test": ("evaluator",),
}
LATER = {  # fields that were added: at this value a run is as without them
    "data.held_out": 0.0,
    "model.width": 1.0,
    "model.style": "pytorch",
    "model.dcn": "none",
    "model.dcn_tower": False,
    "schedule.average": 0.0,
    "optimizer.priors_lr_factor": 1.0,
    "test.scales": [],
    "test.longs": [],
    "test.flips": False,
    "test.resample": "image",
    "test.box_least": [],
    "test.box_most": [],
    "test.box_frame": "resized",
    "test.merge": "soft_vote",
    "test.vote_iou": 0.66,
    "test.score_voting": False,
    "test.plus_one": False,
}
FILE = "file "  # how RunRecord.weights begins where they are of a file
HEAD = ("mode", "reference", "parts")  # of the model group: which style a head gets; `head_differs` says the outcome
FREE = ("assigner", "settings", "seed", *(f"model.{name}" for name in HEAD))  # what compared runs may differ in


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """One of the two sets of a run."""

    digest: str  # of its content
    images: int
    boxes: int
    cleaned: dict[str, int]  # clean-up rule -> boxes it dropped or cut; kept_...: would have, in what is scored


@dataclass(frozen=True, kw_only=True)
class ProtocolRecord:
    """What the analysis must know of the protocol that scored a run."""

    name: str
    by_size: bool  # it has APs, APm and APl
    recall_points: int | None  # 101 or 11; 0: area under the curve; None: AP is not of precision at recalls
    score_steps: int = 0  # the curve is read at so many equal steps of the scores, stretched to 0..1; 0: at every score


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """`run.json`, written before the first step."""

    id: str
    recipe: dict[str, Any]  # all of it, plain values
    backbone: str
    iterations: int  # at 16 images a step
    steps: int  # of the optimiser
    data: dict[str, SplitRecord]  # train, val
    environment: dict[str, Any]  # versions, commit, hardware
    head_differs: dict[str, tuple[Any, Any]]  # field of the head -> the reference's value, this method's
    defaults: dict[str, Any]  # of the method's settings
    shared: dict[str, str]  # name -> hash of what compared runs must share
    protocol: ProtocolRecord
    weights: str = ""  # that the backbone started from, and the recipe they were trained with; "": not recorded

    def __post_init__(self):
        lacking = [key for key in ("assigner", "dataset", "seed", "settings") if key not in self.recipe]
        if lacking or type(self.seed) is not int or self.steps < 1:
            raise ValueError(f"its recipe lacks {', '.join(lacking) or 'a whole seed or steps'}")

    @property
    def assigner(self) -> str:
        return self.recipe["assigner"]

    @property
    def dataset(self) -> str:
        return self.recipe["dataset"]

    @property
    def seed(self) -> int:
        return self.recipe["seed"]

    @property
    def settings(self) -> dict[str, Any]:
        """All of the method's."""
        return self.recipe["settings"]

    @property
    def changed(self) -> dict[str, Any]:
        """Settings that are not the default, by name."""
        unknown = object()
        return {k: v for k, v in sorted(self.settings.items()) if self.defaults.get(k, unknown) != v}

    @property
    def style(self) -> dict[str, Any]:
        """Whose style its head has, and in which parts; nothing where it is the method's own."""
        model = self.recipe.get("model", {})
        own = model.get("mode") != "controlled" or model.get("reference") == self.assigner
        return {} if own else {f"model.{name}": model[name] for name in HEAD if name in model}

    @property
    def common(self) -> dict[str, Any]:
        """The recipe without what compared runs may differ in, and without what changes no result."""
        common = {key: value for key, value in self.recipe.items() if key not in FREE}
        common |= {group: effective(group, common.get(group, {})) for group in (*NO_EFFECT, "optimizer")}
        file = {"weights": self.weights} if self.weights.startswith(FILE) else {}  # wherever it lies
        return common | {"model": common["model"] | file}

    @property
    def common_hash(self) -> str:
        """Equal for two runs that may be compared: recipe and data."""
        data = {name: vars(split) for name, split in self.data.items()}
        return hash_of({"recipe": self.common, "data": data})

    @property
    def options(self) -> dict[str, str]:
        """`common` with dotted names, values as text."""
        return dotted(self.common)


@dataclass(frozen=True, kw_only=True)
class Priors:
    """Learned by the assigner, one row a class."""

    classes: tuple[str, ...]
    values: dict[str, list[list[float]]] = field(default_factory=dict)  # mu, sigma: (K, 2) or (1, 2), strides
    true_offsets: list[list[float]] = field(default_factory=list)  # (K, 2) of synthetic classes, box widths and heights
    true_spreads: list[list[float]] = field(default_factory=list)  # (K, 2), standard deviations, the same unit
    box_strides: list[float] = field(default_factory=list)  # mean box of the training set, strides of the finest level


@dataclass(frozen=True, kw_only=True)
class Result:
    """`done`, the last file of a run."""

    metrics: dict[str, float | None]  # METRICS, then the protocol's own; fractions of 1
    per_class: dict[str, float | None]  # AP
    train_seconds: float
    eval_seconds: float
    evaluator: str  # what computed the metrics, with its version
    priors: Priors

    def __post_init__(self):
        lacking = [name for name in METRICS if name not in self.metrics]
        if lacking:
            raise ValueError(f"it has no {', '.join(lacking)}")

    @property
    def ap(self) -> float | None:
        return self.metrics["AP"]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """`failed`: why a run ended without a result."""

    reason: str
    kind: Literal["permanent", "transient"]  # permanent: its recipe or data; transient: what ran it
    tries: int = 1


@dataclass(frozen=True)
class StepRow:
    """A line of `metrics.jsonl`."""

    step: int  # steps done
    values: dict[str, Any]  # loss, its terms, learning rate, speed: numbers, None where not finite


@dataclass(frozen=True)
class CurvePoint:
    """Metrics of the validation set on the way."""

    step: int
    metrics: dict[str, float | None]


@dataclass(frozen=True)
class Curve:
    """`curve.json`."""

    points: tuple[CurvePoint, ...] = ()  # by rising step; the end is in `done`


def effective(group: str, values: dict[str, Any]) -> dict[str, Any]:
    """The fields of a group of the recipe that may change a result, and that compared runs must share."""
    idle = NO_EFFECT.get(group, ())
    values = {key: value for key, value in values.items() if LATER.get(f"{group}.{key}", ...) != _listed(value)}
    return {key: value for key, value in values.items() if key not in idle and f"{group}.{key}" not in FREE}


def _listed(value: Any) -> Any:
    """A tuple as JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value


def dotted(values: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested keys as dotted names; values as text."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        flat |= dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": str(value)}
    return flat
