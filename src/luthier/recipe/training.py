"""The table `training` of a recipe."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from luthier.recipe.durations import Duration, seconds_of
from luthier.recipe.tables import MayChange, Positive, Section, Share

Strategy = Literal["no", "steps", "epoch"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]
Scheduler = Literal[
    "linear",
    "cosine",
    "cosine_with_restarts",
    "polynomial",
    "constant",
    "constant_with_warmup",
    "inverse_sqrt",
    "cosine_with_min_lr",
    "cosine_warmup_with_min_lr",
    "warmup_stable_decay",
    "reduce_lr_on_plateau",
]


def _number_or_share(value: Any) -> Any:
    if isinstance(value, int | float) and not (0 < value < 1 or (value >= 1 and value == int(value))):
        raise ValueError(f"{value} is neither a number of steps nor a share of them, such as 0.1")
    return value


Interval = Annotated[int | float, BeforeValidator(_number_or_share)]


def steps_between(strategy: Strategy, every: float, total_steps: int, per_epoch: int) -> int | None:
    """Steps between two evaluations or checkpoints; None if there are none before the last step.

    Args:
        strategy: When they are done.
        every: An `Interval`, for the strategy `steps`.
        total_steps: Steps of the training.
        per_epoch: Steps of an epoch.
    """
    if strategy == "no":
        return None
    if strategy == "epoch":
        return per_epoch
    return int(every) if every >= 1 else max(1, math.ceil(round(every * total_steps, 9)))


class GroupRecipe(Section):
    """Parameters with a learning rate or a weight decay of their own."""

    match: str = Field(description="glob pattern on parameter names, such as classifier.*")
    learning_rate: Annotated[float, Field(gt=0)] | None = Field(
        None, description="their peak learning rate (default: as without this group)"
    )
    weight_decay: Annotated[float, Field(ge=0)] | None = Field(
        None, description="their weight decay (default: as without this group)"
    )


class TrainingRecipe(Section):
    """How the model is optimized. `batch_size` counts the examples of an optimizer step over all processes."""

    engine: Literal["loop", "trainer"] = Field(
        "loop", description="loop (Luthier's own, on Accelerate) or trainer (Hugging Face Trainer)"
    )
    epochs: Annotated[float, Field(gt=0)] = Field(
        3.0, description="passes over the training rows (default: by their number)"
    )
    max_steps: Positive | None = Field(None, description="maximum optimizer steps, even if epochs asks for more")
    max_time: Duration | None = Field(
        None, description="time limit for the whole command, such as 90s, 10m or 1h30m; the steps that fit are planned"
    )
    planned_steps: Positive | None = Field(
        None, description="optimizer steps planned for max_time (default: measured when the training starts)"
    )
    planned_for: MayChange[Duration | None] = Field(
        None, description="max_time that planned_steps was planned for; with another one, the steps are planned again"
    )
    replanned: MayChange[list[tuple[Positive, Positive]]] = Field(
        [], description="steps planned later, as the time left allowed: after a step, how many in all"
    )
    batch_size: Positive | None = Field(
        16, description="examples per optimizer step, over all processes (default: by the rows)"
    )
    tokens_per_batch: Positive | None = Field(
        None, description="maximum tokens per optimizer step, with padding, instead of batch_size"
    )
    gradient_accumulation_steps: Positive = Field(1, description="micro-batches per optimizer step")
    optimizer: str = Field(
        "adamw",
        description="adamw, adamw_8bit, paged_adamw_8bit, adafactor, lion, sgd, muon, adamw_schedule_free, or one of"
        " another package",
    )
    optimizer_kwargs: dict[str, float | bool] = Field({}, description="additional arguments of the optimizer")
    learning_rate: Annotated[float, Field(gt=0)] = Field(
        5e-5, description="peak learning rate (default: by the size of the model)"
    )
    head_learning_rate: Annotated[float, Field(gt=0)] | None = Field(
        None, description="peak learning rate of the head (default: learning_rate)"
    )
    fit_head: bool = Field(
        True, description="fit a new linear head to the frozen model's features before the first step"
    )
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="learning rate of each layer, relative to the layer above it"
    )
    groups: list[GroupRecipe] = Field([], description="parameters with a rate or a decay of their own")
    lr_scheduler_type: Scheduler = Field("linear", description="learning rate schedule")
    lr_scheduler_kwargs: dict[str, float | str] = Field({}, description="additional arguments of the scheduler")
    warmup_ratio: Share = Field(
        0.0, description="share of steps for learning rate warm-up (default: 0.1, if it suits the schedule)"
    )
    warmup_steps: Annotated[int, Field(ge=0)] = Field(0, description="steps for learning rate warm-up")
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.01, description="weight decay of matrices; biases and norms have none"
    )
    adam_beta1: Share = Field(0.9, description="AdamW beta1: decay rate of the first moment")
    adam_beta2: Share = Field(0.999, description="AdamW beta2: decay rate of the second moment")
    adam_epsilon: Annotated[float, Field(gt=0)] = Field(1e-8, description="AdamW epsilon")
    max_grad_norm: Annotated[float, Field(gt=0)] = Field(1.0, description="maximum gradient norm, for clipping")
    label_smoothing: Share = Field(0.0, description="label smoothing: probability spread over all labels")
    neftune_noise_alpha: Annotated[float, Field(gt=0)] | None = Field(
        None, description="NEFTune: noise on the embeddings of training rows, such as 5 (default: none)"
    )
    r_drop_alpha: Annotated[float, Field(gt=0)] | None = Field(
        None, description="R-Drop: weight of the divergence between two passes with dropout, such as 1 (default: none)"
    )
    ema_decay: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="EMA: moving average of the weights, such as 0.999, evaluated beside them (default: none)"
    )
    average_best: Annotated[int, Field(ge=2)] | None = Field(
        None, description="average up to this many of the best checkpoints, if that improves the metric (default: none)"
    )
    class_weights: Literal["balanced"] | dict[str, float] | None = Field(
        None, description="loss weight of each label, or balanced"
    )
    precision: Precision = Field("auto", description="fp32, bf16, fp16, or auto (the fastest measured on this machine)")
    gradient_checkpointing: bool = Field(
        False, description="recompute activations in the backward pass: less memory, same losses, slower steps"
    )
    length_grouping: bool = Field(True, description="batch rows of similar length together, to reduce padding")
    dataloader_num_workers: MayChange[Annotated[int, Field(ge=0)]] = Field(
        0, description="worker processes that prepare batches"
    )
    logging_steps: MayChange[Positive] = Field(10, description="steps between reading metrics from the device")
    eval_strategy: Strategy = Field("epoch", description="when to evaluate: no, steps or epoch (default: steps)")
    eval_on_start: bool = Field(False, description="evaluate once before the first step")
    eval_steps: Interval = Field(
        0.1, description="steps between evaluations, or their share of all steps, if eval_strategy is steps"
    )
    save_strategy: MayChange[Strategy] = Field(
        "epoch", description="when to save a checkpoint: no, steps or epoch (default: steps)"
    )
    save_steps: MayChange[Interval] = Field(
        0.1, description="steps between checkpoints, or their share of all steps, if save_strategy is steps"
    )
    save_total_limit: MayChange[int] = Field(2, description="newest checkpoints to keep, besides the best one")
    keep_checkpoints: MayChange[bool] = Field(False, description="keep the checkpoints when the run is complete")
    early_stopping_patience: Annotated[int, Field(ge=0)] | None = Field(
        None, description="stop after this many evaluations in a row without a metric as good as the best; 0 for never"
    )

    @property
    def max_seconds(self) -> float | None:
        """The seconds of `max_time`."""
        return None if self.max_time is None else seconds_of(self.max_time)

    @property
    def planned(self) -> int | None:
        """`planned_steps`, unless `max_time` was edited since they were planned."""
        return self.planned_steps if self.planned_for in (None, self.max_time) else None

    def steps_per_epoch(self, rows: int, mean_length: float) -> int:
        """About how many optimizer steps rows of a mean length in tokens take; exactly with a `batch_size`."""
        if self.batch_size is not None:
            return -(-rows // self.batch_size)
        return math.ceil(rows * mean_length / (self.tokens_per_batch or 1))

    def asked_steps(self, per_epoch: int) -> int:
        """Optimizer steps without a limited time: the epochs, rounded up to a whole step, at most `max_steps`."""
        # Rounded first: 1.1 * 100 is 110.00000000000001.
        steps = max(1, math.ceil(round(self.epochs * per_epoch, 9)))
        return min(steps, self.max_steps or steps)

    def total_steps(self, per_epoch: int, step: int | None = None) -> int:
        """Optimizer steps: those asked for, at most those planned in the end, or after a step."""
        asked = self.asked_steps(per_epoch)
        if self.planned is None:
            return asked
        later = [total for done, total in self.replanned if step is None or done <= step]
        return min(asked, later[-1] if later else self.planned)

    def takes_default(self, name: str, value: Any) -> bool:
        """See `Section.takes_default`. What was set can rule out a warm-up, early stopping or small batches."""
        ruled_out = {
            "warmup_ratio": "warmup_steps" in self.model_fields_set
            or self.lr_scheduler_type in ("constant", "reduce_lr_on_plateau"),
            "early_stopping_patience": self.eval_strategy == "no",
            "batch_size": name == "batch_size"
            and (self.tokens_per_batch is not None or value < self.gradient_accumulation_steps),
        }
        return super().takes_default(name, value) and not ruled_out.get(name)

    @field_validator("save_total_limit")
    @classmethod
    def _newest_is_kept(cls, value: int) -> int:
        if value < 1:
            raise ValueError(
                f"save_total_limit is {value}, but a run keeps its newest checkpoint, to resume from: set 1 or more,"
                ' or save_strategy = "no" to save none'
            )
        return value

    @model_validator(mode="after")
    def _plan_is_whole(self) -> Self:
        if self.planned_steps and self.max_time is None:
            raise ValueError(
                "planned_steps is a plan for max_time, which is not set: set max_time too, or use max_steps"
            )
        if self.replanned and not self.planned_steps:
            raise ValueError("replanned changes planned_steps, which is not set: set it too, or remove replanned")
        steps = [step for step, _ in self.replanned]
        if steps != sorted(set(steps)) or any(total <= step for step, total in self.replanned):
            raise ValueError("replanned must be pairs of a step and a larger total, by step: remove it to plan again")
        return self

    @model_validator(mode="after")
    def _no_clashes(self) -> Self:
        if self.warmup_ratio and self.warmup_steps:
            raise ValueError("warmup_ratio and warmup_steps are both set: keep one of them")
        if self.lr_scheduler_type == "constant" and (
            self.warmup_ratio or self.warmup_steps or self.lr_scheduler_kwargs
        ):
            raise ValueError(
                "lr_scheduler_type constant takes no warm-up and no lr_scheduler_kwargs:"
                " use constant_with_warmup for a warm-up"
            )
        if self.early_stopping_patience and self.eval_strategy == "no":
            raise ValueError("early_stopping_patience needs evaluations, but eval_strategy is no")
        if self.average_best and self.eval_strategy == "no":
            raise ValueError(
                "average_best averages the best checkpoints of several evaluations, but eval_strategy is no"
            )
        if self.lr_scheduler_type == "reduce_lr_on_plateau":
            if self.eval_strategy == "no":
                raise ValueError("reduce_lr_on_plateau follows the validation loss, but eval_strategy is no")
            if self.warmup_ratio or self.warmup_steps:
                raise ValueError("reduce_lr_on_plateau takes no warm-up")
        if self.tokens_per_batch is not None:
            if self.batch_size is not None and "batch_size" in self.model_fields_set:
                raise ValueError("batch_size and tokens_per_batch are both set: keep one of them")
            self.__dict__["batch_size"] = None  # to assign it would validate again
        elif self.batch_size is None:
            self.__dict__["batch_size"] = type(self).model_fields["batch_size"].default
        if self.batch_size is not None and self.gradient_accumulation_steps > self.batch_size:
            raise ValueError(
                f"gradient_accumulation_steps ({self.gradient_accumulation_steps}) is above batch_size"
                f" ({self.batch_size}): batch_size counts all examples of an optimizer step"
            )
        return self
