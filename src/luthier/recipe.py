"""The recipe: every setting of a run, as one pydantic model and one TOML file."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from luthier.errors import RecipeError, nearest
from luthier.other_tools import Style, hint_for
from luthier.recipe_tables import MayChange, Section

END = "# the end of the recipe"  # a run's recipe without this line is incomplete
AIM = re.compile(r"f1|(precision|recall)=(0?\.\d+|1(?:\.0*)?)")  # what a threshold is chosen for
SAMPLING = ("temperature", "top_k", "top_p")  # the generation settings that only sampling uses
Share = Annotated[float, Field(ge=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Strategy = Literal["no", "steps", "epoch"]
Size = Literal["tiny", "small", "base"]
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


class DataRecipe(Section):
    """Where the rows come from and how they are split. Before a resume, files may move but not change."""

    train: MayChange[list[str]] = Field([], description="files, folders or datasets to train on")
    validation: MayChange[list[str]] = Field(
        [], description="validation data (default: split off from the training data)"
    )
    test: MayChange[list[str]] = Field([], description="test data (default: split off from the training data)")
    columns: dict[str, str | list[str]] = Field(
        {}, description="column for each role, such as text, text_pair or label (default: inferred)"
    )
    shape: str | None = Field(None, description="form of a row, such as pair/one (default: inferred from the data)")
    label_names: dict[str, str] = Field(
        {}, description='names for labels that the data writes as codes, such as {0 = "negative", 1 = "positive"}'
    )
    positive_label: str | None = Field(None, description="label that binary precision, recall and F1 refer to")
    validation_share: Share = Field(0.1, description="share of rows held out to select the best checkpoint")
    test_share: Share = Field(0.1, description="share of rows held out for the final score")
    train_rows: Positive | None = Field(None, description="train on a stratified sample of this many rows")
    max_length: Annotated[int, Field(ge=4)] | None = Field(
        None, description="maximum tokens per row, window or block (default: the longest row, up to the model's limit)"
    )
    max_target_length: Annotated[int, Field(ge=2)] | None = Field(
        None, description="maximum tokens per target of an encoder-decoder (default: the longest target, up to a limit)"
    )
    stride: Annotated[int, Field(ge=0)] | None = Field(
        None, description="tokens shared by consecutive windows of a long text (default: a third of max_length)"
    )
    label_all_subwords: bool = Field(
        False, description="train on every subword of a word, not only its first (token-classification)"
    )
    allow: MayChange[list[str]] = Field([], description="ids of data findings that do not stop the run")

    @field_validator("label_names", mode="before")
    @classmethod
    def _codes_are_text(cls, value: Any) -> Any:
        return {str(code): name for code, name in value.items()} if isinstance(value, Mapping) else value

    @field_validator("label_names")
    @classmethod
    def _names_differ(cls, value: dict[str, str]) -> dict[str, str]:
        if "" in value.values():
            raise ValueError("a name in label_names is empty")
        shared = sorted({name for name in value.values() if list(value.values()).count(name) > 1})
        if shared:
            codes = " and ".join(code for code, name in value.items() if name == shared[0])
            raise ValueError(f"label_names gives {codes} the same name, {shared[0]!r}: each label needs its own")
        return value


class ModelRecipe(Section):
    """The model to train."""

    name: str | None = Field(None, description="short name, local directory or Hub name")
    freeze: list[str] = Field([], description="parameters to freeze, as glob patterns on their names")
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="dropout rate of every layer (default: the model's own)"
    )
    from_scratch: Size | None = Field(
        None, description="size of a new model, trained from scratch with a new tokenizer: tiny, small or base"
    )
    architecture: str | None = Field(
        None, description="architecture of a new model, such as bert, llama or t5 (default: one that fits the task)"
    )
    vocabulary_size: Annotated[int, Field(ge=64)] | None = Field(
        None, description="vocabulary size of a new tokenizer (default: chosen from the data and the model size)"
    )
    fresh_tokenizer: bool = Field(
        False, description="train a new tokenizer for a pretrained model, and its embeddings from scratch"
    )

    @property
    def title(self) -> str | None:
        """The model's name, or the size and architecture of a new one; None while it is not chosen."""
        if self.from_scratch:
            return f"{self.architecture or 'a new model'} of size {self.from_scratch}, from scratch"
        return self.name

    @model_validator(mode="after")
    def _no_clashes(self) -> Self:
        if self.from_scratch and self.name:
            raise ValueError(f"from_scratch and name ({self.name}) exclude each other: a new model has no name")
        if self.from_scratch and self.freeze:
            raise ValueError("from_scratch and freeze exclude each other: a new model has no pretrained weights")
        if self.architecture and not self.from_scratch:
            raise ValueError("architecture applies only to a new model: set from_scratch too")
        if self.vocabulary_size and not (self.from_scratch or self.fresh_tokenizer):
            raise ValueError("vocabulary_size applies only to a new tokenizer: set from_scratch or fresh_tokenizer too")
        return self


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
    epochs: Annotated[float, Field(gt=0)] = Field(3.0, description="passes over the training rows")
    max_steps: Positive | None = Field(None, description="maximum optimizer steps, even if epochs asks for more")
    batch_size: Positive = Field(16, description="examples per optimizer step, over all processes")
    gradient_accumulation_steps: Positive = Field(1, description="micro-batches per optimizer step")
    optimizer: str = Field(
        "adamw",
        description="adamw, adamw_8bit, paged_adamw_8bit, adafactor, lion, sgd, muon, adamw_schedule_free, or one of"
        " another package",
    )
    optimizer_kwargs: dict[str, float | bool] = Field({}, description="additional arguments of the optimizer")
    learning_rate: Annotated[float, Field(gt=0)] = Field(5e-5, description="peak learning rate")
    head_learning_rate: Annotated[float, Field(gt=0)] | None = Field(
        None, description="peak learning rate of the head (default: learning_rate)"
    )
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="learning rate of each layer, relative to the layer above it"
    )
    groups: list[GroupRecipe] = Field([], description="parameters with a rate or a decay of their own")
    lr_scheduler_type: Scheduler = Field("linear", description="learning rate schedule")
    lr_scheduler_kwargs: dict[str, float | str] = Field({}, description="additional arguments of the scheduler")
    warmup_ratio: Share = Field(0.0, description="share of steps for learning rate warm-up")
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
    eval_strategy: Strategy = Field("epoch", description="when to evaluate: no, steps or epoch")
    eval_on_start: bool = Field(False, description="evaluate once before the first step")
    eval_steps: Positive = Field(100, description="steps between evaluations, if eval_strategy is steps")
    save_strategy: MayChange[Strategy] = Field("epoch", description="when to save a checkpoint: no, steps or epoch")
    save_steps: MayChange[Positive] = Field(100, description="steps between checkpoints, if save_strategy is steps")
    save_total_limit: MayChange[int] = Field(2, description="newest checkpoints to keep, besides the best one")
    keep_checkpoints: MayChange[bool] = Field(False, description="keep the checkpoints when the run is complete")
    early_stopping_patience: Positive | None = Field(
        None, description="stop after this many evaluations without a better metric_for_best"
    )

    @property
    def micro_batch_size(self) -> int:
        """Examples per forward pass of a single-process run."""
        return -(-self.batch_size // self.gradient_accumulation_steps)

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
        if self.lr_scheduler_type == "reduce_lr_on_plateau":
            if self.eval_strategy == "no":
                raise ValueError("reduce_lr_on_plateau follows the validation loss, but eval_strategy is no")
            if self.warmup_ratio or self.warmup_steps:
                raise ValueError("reduce_lr_on_plateau takes no warm-up")
        if self.gradient_accumulation_steps > self.batch_size:
            raise ValueError(
                f"gradient_accumulation_steps ({self.gradient_accumulation_steps}) is above batch_size"
                f" ({self.batch_size}): batch_size counts all examples of an optimizer step"
            )
        return self


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
    eval_batch_size: Positive = Field(32, description="examples per forward pass when predicting")
    threshold: float | str = Field(
        0.5,
        description="minimum probability of a label (of two: of the positive one),"
        " or what to choose it for on the validation rows: f1, precision=0.9 or recall=0.9",
    )
    resamples: MayChange[Annotated[int, Field(ge=100)]] = Field(
        1000, description="bootstrap resamples per confidence interval"
    )
    baselines: MayChange[bool] = Field(True, description="score simple baselines alongside the model")
    samples: Annotated[int, Field(ge=0)] = Field(
        8, description="validation rows to generate answers for at each evaluation during training"
    )
    generated_rows: Annotated[int, Field(ge=0)] | None = Field(
        None, description="rows to generate answers for in the final score (default: all)"
    )

    @field_validator("threshold", mode="before")
    @classmethod
    def _number_or_aim(cls, value: Any) -> float | str:
        if isinstance(value, str) and AIM.fullmatch(value):
            return value
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
        }
        return super().takes_default(name, value) and not ruled_out.get(name)

    @model_validator(mode="after")
    def _no_clashes(self) -> Self:
        given = [name for name in SAMPLING if getattr(self, name) not in (None, 0, 1)]
        if self.do_sample and self.temperature == 0:
            raise ValueError("temperature 0 is greedy search, but do_sample is true")
        if given and self.greedy:
            why = "do_sample is false" if self.do_sample is False else "temperature 0 is greedy search"
            raise ValueError(f"{given[0]} applies only to sampling, but {why}")
        if self.length_penalty != 1 and self.num_beams == 1:
            raise ValueError("length_penalty applies only to beam search: set num_beams too")
        return self


class Recipe(Section):
    """Every setting of a run.

    Raises:
        RecipeError: From `build` and `load`, if a key is unknown, a value is invalid, or keys contradict each other.
    """

    task: str | None = Field(None, description="task, such as text-classification (default: inferred from the data)")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        42, description="seed for splits, data order and initial weights"
    )
    device: str = Field("auto", description="device to run on: auto, cpu, cuda, cuda:1, mps or xpu")
    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    training: TrainingRecipe = TrainingRecipe()
    evaluation: EvaluationRecipe = EvaluationRecipe()
    generation: GenerationRecipe = GenerationRecipe()

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a recipe from a TOML file.

        Raises:
            RecipeError: The file cannot be read, is not TOML or is not a recipe.
        """
        return cls.build(read_toml(Path(path)), where=str(path))

    @classmethod
    def elsewhere(cls, name: str, given: Mapping[str, Any], where: str) -> str:
        """See `Section.elsewhere`. The hint is written the way that the key was given."""
        style: Style = "set" if where.startswith("--set") else "python" if where.endswith("=") else "toml"
        return hint_for(name.replace("-", "_"), given, style)

    def to_toml(self) -> str:
        """Write the complete recipe with a comment on each key, and the line that marks its end."""
        return f"{super().to_toml()}\n{END}\n"


def read_toml(path: Path) -> dict[str, Any]:
    """Read the tables of a recipe file.

    Raises:
        RecipeError: The file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        beside = [found.name for found in path.parent.glob("*.toml")]
        hint = nearest(path.name, beside) or "`luthier train DATA --dry-run` prints a recipe to start from"
        raise RecipeError(f"the recipe cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except UnicodeDecodeError:
        raise RecipeError("the recipe is not UTF-8 text", where=str(path), hint="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        hint = 'keys are written as key = 1 or key = "text", tables as [training]'
        raise RecipeError(f"the recipe is not valid TOML: {error}", where=str(path), hint=hint) from None
