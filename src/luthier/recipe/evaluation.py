"""The tables `evaluation` and `generation` of a recipe."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from luthier.recipe.tables import MayChange, Positive, Section

AIM = re.compile(r"f1|(precision|recall)=(0?\.\d+|1(?:\.0*)?)")  # what a threshold is chosen for
SAMPLING = ("temperature", "top_k", "top_p")  # the generation settings that only sampling uses


class EvaluationRecipe(Section):
    """How predictions are made and scored."""

    metrics: list[str] = Field(
        [], description="additional metrics: module:function or evaluate:NAME, then :min or :max"
    )
    metric_for_best: str | None = Field(
        None, description="metric that selects the best checkpoint (default: the task's)"
    )
    metric_mode: Literal["min", "max"] | None = Field(
        None, description="direction of metric_for_best, if the metric does not state it: min (lower is better) or max"
    )
    best_tolerance: Annotated[float, Field(ge=0)] = Field(
        0.0,
        description="the last checkpoint with a metric this close to the best becomes the model (default: by the rows)",
    )
    eval_batch_size: Positive = Field(32, description="examples per forward pass when predicting")
    threshold: float | str = Field(
        0.5,
        description="minimum probability of a label (with two labels, of the positive one),"
        " or a target to choose it for on the validation rows: f1, precision=0.9 or recall=0.9",
    )
    calibrate: MayChange[bool] = Field(
        True, description="fit a temperature on the validation rows, so that scores are calibrated probabilities"
    )
    resamples: MayChange[Annotated[int, Field(ge=100)]] = Field(
        1000, description="bootstrap resamples per confidence interval"
    )
    baselines: MayChange[bool] = Field(True, description="score simple baselines alongside the model")
    samples: Annotated[int, Field(ge=0)] = Field(
        8,
        description="validation rows to generate answers for at each evaluation during training; all of them if"
        " metric_for_best needs answers",
    )
    generated_rows: Annotated[int, Field(ge=0)] | None = Field(
        None, description="rows to generate answers for in the final score (default: all)"
    )

    @field_validator("threshold", mode="before")
    @classmethod
    def _number_or_aim(cls, value: Any) -> float | str:
        aim = value.lower().replace(" ", "") if isinstance(value, str) else ""
        if AIM.fullmatch(aim):
            return aim
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = 0.0
        if not 0 < number < 1:
            raise ValueError(f"threshold is {value!r}: set a number between 0 and 1, f1, precision=0.9 or recall=0.9")
        return number

    @property
    def greater_is_better(self) -> bool | None:
        """The direction that `metric_mode` states."""
        return None if self.metric_mode is None else self.metric_mode == "max"


class GenerationRecipe(Section):
    """How text is generated. It becomes the model's `generation_config`."""

    max_new_tokens: Positive | None = Field(
        None, description="maximum tokens per answer (default: inferred from the data)"
    )
    min_new_tokens: Annotated[int, Field(ge=0)] = Field(0, description="minimum tokens per answer")
    num_beams: Positive = Field(1, description="beams; 1 is greedy search, or sampling with do_sample")
    do_sample: bool | None = Field(
        None,
        description="sample tokens instead of taking the most likely one"
        " (default: if temperature, top_k or top_p is set)",
    )
    temperature: Annotated[float, Field(ge=0)] | None = Field(
        None, description="sampling temperature (default: 1); higher is more random, 0 is greedy search"
    )
    top_k: Annotated[int, Field(ge=0)] | None = Field(
        None, description="sample from the k most likely tokens (default: 0, all)"
    )
    top_p: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="nucleus (top-p) sampling (default: 1, off)"
    )
    repetition_penalty: Annotated[float, Field(gt=0)] = Field(1.0, description="penalty on repeated tokens, if above 1")
    no_repeat_ngram_size: Annotated[int, Field(ge=0)] = Field(
        0, description="size of n-grams that must not repeat; 0 is off"
    )
    length_penalty: float = Field(1.0, description="beam search: above 0 favours longer answers")

    @property
    def sampling(self) -> bool:
        """Whether tokens are sampled: as `do_sample` says, or else if a setting is set that only sampling uses."""
        if self.do_sample is not None:
            return self.do_sample
        return self.temperature != 0 and any(getattr(self, name) for name in SAMPLING)

    @property
    def greedy(self) -> bool:
        """Whether sampling was ruled out."""
        return self.do_sample is False or self.temperature == 0

    def takes_default(self, name: str, value: Any) -> bool:
        """See `Section.takes_default`. What was set can rule out sampling, greedy search or beam search."""
        ruled_out = {
            **dict.fromkeys(SAMPLING, self.greedy),
            "do_sample": self.greedy if value else self.sampling,
            "length_penalty": self.num_beams == 1,
            "min_new_tokens": name == "min_new_tokens" and not self._fit(value, self.max_new_tokens),
            "max_new_tokens": name == "max_new_tokens" and not self._fit(self.min_new_tokens, value),
        }
        return super().takes_default(name, value) and not ruled_out.get(name)

    @staticmethod
    def _fit(least: int, most: int | None) -> bool:
        return most is None or least <= most

    @model_validator(mode="after")
    def _no_clashes(self) -> Self:
        given = [name for name in SAMPLING if getattr(self, name) not in (None, 0, 1)]
        if self.do_sample and self.temperature == 0:
            raise ValueError("temperature 0 is greedy search, but do_sample is true")
        if given and self.greedy:
            why = "do_sample is false" if self.do_sample is False else "temperature 0 is greedy search"
            raise ValueError(f"{given[0]} applies only to sampling, but {why}")
        if not self._fit(self.min_new_tokens, self.max_new_tokens):
            raise ValueError(f"min_new_tokens is {self.min_new_tokens}, above max_new_tokens {self.max_new_tokens}")
        if self.length_penalty != 1 and self.num_beams == 1:
            raise ValueError("length_penalty applies only to beam search: set num_beams too")
        return self
