"""The recipe: everything that decides a run, as one pydantic model and one TOML file."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from luthier.errors import RecipeError, nearest

END = "# the end of the recipe"  # a recipe of ours that lacks it was cut off
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
]


class Section(BaseModel):
    """A table of the recipe. Unknown keys are refused and values are checked again when they are set."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, allow_inf_nan=False)


class DataRecipe(Section):
    """Where the rows come from and how they are split."""

    train: list[str] = Field([], description="files, folders or data sets to learn from")
    validation: list[str] = Field([], description="given validation data; empty: a share of the training data")
    test: list[str] = Field([], description="given test data; empty: a share of the training data")
    columns: dict[str, str | list[str]] = Field({}, description="role to column, such as text, text_pair, label")
    shape: str | None = Field(None, description="what a row looks like, such as pair/one; found from the content")
    positive_label: str | None = Field(None, description="the label that binary precision, recall and F1 are about")
    validation_share: Share = Field(0.1, description="share of the rows held out to choose the best checkpoint")
    test_share: Share = Field(0.1, description="share of the rows held out for the final score")
    train_rows: Positive | None = Field(None, description="learn from a stratified sample of so many rows only")
    max_length: Annotated[int, Field(ge=4)] | None = Field(
        None, description="tokens of a row, a window or a block; unset: the longest row, up to what the model takes"
    )
    max_target_length: Annotated[int, Field(ge=2)] | None = Field(
        None, description="tokens of a target that an encoder-decoder writes; unset: the longest one, within reason"
    )
    stride: Annotated[int, Field(ge=0)] | None = Field(
        None, description="tokens that two windows of a long text share; unset: a third of max_length"
    )
    label_all_subwords: bool = Field(
        False, description="learn a word's tag on each of its subwords, not on the first alone (token-classification)"
    )
    allow: list[str] = Field([], description="findings that shall not stop the run, by id")


class ModelRecipe(Section):
    """Which model is tuned."""

    name: str | None = Field(None, description="short name, local directory or hub name")
    freeze: list[str] = Field([], description="parameters that stay as they are, as glob patterns on their names")
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="dropout everywhere in the model; unset: the model's own"
    )
    from_scratch: Size | None = Field(
        None, description="train a new model of this size, with a tokenizer made from the data"
    )
    architecture: str | None = Field(None, description="of a new model, such as bert, llama or t5; unset: the family's")
    vocabulary_size: Annotated[int, Field(ge=64)] | None = Field(
        None, description="tokens of a new tokenizer; unset: what the size and the data suggest"
    )
    fresh_tokenizer: bool = Field(
        False, description="make a tokenizer from the data for a pretrained model, whose embeddings are learned anew"
    )

    @model_validator(mode="after")
    def _no_clashes(self) -> Self:
        if self.from_scratch and self.name:
            raise ValueError(f"from_scratch and name ({self.name}) exclude each other: a new model has no name")
        if self.from_scratch and self.freeze:
            raise ValueError("from_scratch and freeze exclude each other: a new model has nothing to keep")
        if self.architecture and not self.from_scratch:
            raise ValueError("architecture is of a new model: set from_scratch too")
        if self.vocabulary_size and not (self.from_scratch or self.fresh_tokenizer):
            raise ValueError("vocabulary_size is of a new tokenizer: set from_scratch or fresh_tokenizer too")
        return self


class TrainingRecipe(Section):
    """How the model is optimised. `batch_size` counts the examples of one optimizer step over all processes."""

    engine: Literal["loop", "trainer"] = Field("loop", description="loop (explicit, on Accelerate) or trainer")
    epochs: Annotated[float, Field(gt=0)] = Field(3.0, description="passes over the training rows")
    max_steps: Positive | None = Field(None, description="stop after so many optimizer steps, whatever epochs says")
    batch_size: Positive = Field(16, description="examples in one optimizer step, over all processes")
    gradient_accumulation_steps: Positive = Field(1, description="parts that a process runs a batch in")
    optimizer: Literal["adamw", "adafactor"] = Field("adamw", description="adamw or, for a T5 from scratch, adafactor")
    learning_rate: Annotated[float, Field(gt=0)] = Field(5e-5, description="peak learning rate")
    lr_scheduler_type: Scheduler = Field("linear", description="shape of the learning rate over the steps")
    lr_scheduler_kwargs: dict[str, float] = Field({}, description="further arguments of the scheduler")
    warmup_ratio: Share = Field(0.0, description="share of the steps over which the learning rate rises")
    warmup_steps: Annotated[int, Field(ge=0)] = Field(0, description="steps over which the learning rate rises")
    weight_decay: Annotated[float, Field(ge=0)] = Field(0.01, description="decay of matrices; none on biases and norms")
    adam_beta1: Share = Field(0.9, description="AdamW's first moment decay")
    adam_beta2: Share = Field(0.999, description="AdamW's second moment decay")
    adam_epsilon: Annotated[float, Field(gt=0)] = Field(1e-8, description="AdamW's epsilon")
    max_grad_norm: Annotated[float, Field(gt=0)] = Field(1.0, description="gradients are clipped to this norm")
    label_smoothing: Share = Field(0.0, description="share of the target spread over all labels")
    class_weights: Literal["balanced"] | dict[str, float] | None = Field(
        None, description="weight of each label in the loss, or balanced"
    )
    precision: Precision = Field("auto", description="fp32, bf16, fp16, or auto: the fastest one measured here")
    length_grouping: bool = Field(True, description="put rows of like length into one batch, to save padding")
    dataloader_num_workers: Annotated[int, Field(ge=0)] = Field(0, description="processes that prepare batches")
    logging_steps: Positive = Field(10, description="steps between two looks at the device's numbers")
    eval_strategy: Strategy = Field("epoch", description="when to evaluate: no, steps or epoch")
    eval_on_start: bool = Field(False, description="evaluate once before the first step")
    eval_steps: Positive = Field(100, description="steps between evaluations, with eval_strategy steps")
    save_strategy: Strategy = Field("epoch", description="when to write a checkpoint: no, steps or epoch")
    save_steps: Positive = Field(100, description="steps between checkpoints, with save_strategy steps")
    save_total_limit: Positive = Field(2, description="checkpoints kept beside the best one")
    early_stopping_patience: Positive | None = Field(
        None, description="stop after so many evaluations without a better metric_for_best"
    )

    @property
    def micro_batch_size(self) -> int:
        """Examples that one process of a single-process run puts through the model at once."""
        return -(-self.batch_size // self.gradient_accumulation_steps)

    @model_validator(mode="after")
    def _no_clashes(self) -> Self:
        if self.warmup_ratio and self.warmup_steps:
            raise ValueError("warmup_ratio and warmup_steps are both set: keep one of them")
        if self.lr_scheduler_type == "constant" and (
            self.warmup_ratio or self.warmup_steps or self.lr_scheduler_kwargs
        ):
            raise ValueError(
                "lr_scheduler_type constant takes no warm-up and no lr_scheduler_kwargs: constant_with_warmup warms up"
            )
        if self.early_stopping_patience and self.eval_strategy == "no":
            raise ValueError("early_stopping_patience needs evaluations, and eval_strategy is no")
        if self.gradient_accumulation_steps > self.batch_size:
            raise ValueError(
                f"gradient_accumulation_steps ({self.gradient_accumulation_steps}) is above batch_size"
                f" ({self.batch_size}): batch_size counts the examples of a whole optimizer step"
            )
        return self


class EvaluationRecipe(Section):
    """How predictions are made and scored."""

    metrics: list[str] = Field([], description="further metrics, as module:function or evaluate:NAME")
    metric_for_best: str | None = Field(None, description="metric that picks the checkpoint; unset: the task's own")
    eval_batch_size: Positive = Field(32, description="examples put through the model at once when predicting")
    threshold: Annotated[float, Field(gt=0, lt=1)] = Field(0.5, description="probability from which a label is given")
    resamples: Annotated[int, Field(ge=100)] = Field(1000, description="bootstrap resamples behind each interval")
    baselines: bool = Field(True, description="score simple baselines beside the model")
    samples: Annotated[int, Field(ge=0)] = Field(
        8, description="validation rows that the model writes answers for at each evaluation in training"
    )
    generated_rows: Annotated[int, Field(ge=0)] | None = Field(
        None, description="rows that the model writes answers for in the final score; unset: all"
    )


class GenerationRecipe(Section):
    """How text is written by models that write. It becomes the model's `generation_config`."""

    max_new_tokens: Positive | None = Field(None, description="tokens of an answer; unset: what the data suggest")
    num_beams: Positive = Field(1, description="beams; 1 is greedy, or sampling with do_sample")
    do_sample: bool = Field(False, description="draw each token instead of taking the likeliest one")
    temperature: Annotated[float, Field(gt=0)] = Field(1.0, description="above 1 more surprising; with do_sample")
    top_k: Annotated[int, Field(ge=0)] = Field(0, description="draw from so many likeliest tokens; 0: from all")
    top_p: Annotated[float, Field(gt=0, le=1)] = Field(1.0, description="draw from the likeliest tokens of this mass")
    repetition_penalty: Annotated[float, Field(gt=0)] = Field(1.0, description="above 1 discourages repetition")
    no_repeat_ngram_size: Annotated[int, Field(ge=0)] = Field(0, description="no n-gram of this size twice; 0: any")
    length_penalty: float = Field(1.0, description="above 0 favours longer answers; with beams")


class Recipe(Section):
    """Everything that decides a run.

    Raises:
        RecipeError: From `build` and `load`, when a key is unknown, a value cannot be, or two keys clash.
    """

    task: str | None = Field(None, description="what the model is tuned to do; found from the data")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(42, description="seed of the split, the order and the weights")
    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    training: TrainingRecipe = TrainingRecipe()
    evaluation: EvaluationRecipe = EvaluationRecipe()
    generation: GenerationRecipe = GenerationRecipe()

    @classmethod
    def build(cls, values: Mapping[str, Any], *, where: str = "recipe") -> Self:
        """A recipe from nested values.

        Args:
            values: Tables as in the TOML file.
            where: What an error names as the place: a file or an option.
        Raises:
            RecipeError: The values are not a recipe.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise _recipe_error(error, where) from None

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a recipe from a TOML file.

        Raises:
            RecipeError: The file cannot be read, is not TOML or is not a recipe.
        """
        return cls.build(read_toml(Path(path)), where=str(path))

    def to_toml(self) -> str:
        """The complete recipe with a comment on each key; keys without a value stand as comments."""
        document = tomlkit.document()
        _write_fields(document, self)
        for name, section in sections(self):
            table = tomlkit.table()
            _write_fields(table, section)
            document.add(tomlkit.nl())
            document.add(name, table)
        return tomlkit.dumps(document) + f"\n{END}\n"

    def with_defaults(self, defaults: Mapping[str, Any]) -> Self:
        """A copy in which a task's defaults stand where the user said nothing.

        Args:
            defaults: Dotted key to value.
        """
        copy = self.model_copy(deep=True)
        for key, value in defaults.items():
            section, name = _locate(copy, key)
            if name not in section.model_fields_set:
                setattr(section, name, value)
        return copy


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        RecipeError: The file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        beside = [found.name for found in path.parent.glob("*.toml")]
        hint = nearest(path.name, beside) or "`luthier train DATA --dry-run` prints a recipe to begin with"
        raise RecipeError(f"the recipe cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except UnicodeDecodeError:
        raise RecipeError("the recipe is not UTF-8 text", where=str(path), hint="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        hint = 'keys are written as key = 1 or key = "text", tables as [training]'
        raise RecipeError(f"the recipe is not valid TOML: {error}", where=str(path), hint=hint) from None


def sections(recipe: Recipe) -> Iterator[tuple[str, Section]]:
    """The tables of a recipe by name."""
    for name in type(recipe).model_fields:
        value = getattr(recipe, name)
        if isinstance(value, Section):
            yield name, value


def keys() -> dict[str, str]:
    """Every recipe key, dotted, with its one-line description."""
    blank = Recipe()
    found = {name: field.description or "" for name, field in Recipe.model_fields.items() if field.description}
    for section_name, section in sections(blank):
        for name, field in type(section).model_fields.items():
            found[f"{section_name}.{name}"] = field.description or ""
    return found


def full_key(key: str, where: str = "") -> str:
    """The dotted key for a key that may be given without its table, as in `weight_decay`; `model` is `model.name`.

    Args:
        key: Dotted or not.
        where: What an error names as the place; empty for `--set`.
    Raises:
        RecipeError: No key of that name, with the nearest one.
    """
    known = keys()
    if key in known:
        return key
    if key.startswith("data.columns."):
        return key
    if key == "model":
        return "model.name"
    matches = [dotted for dotted in known if dotted.rpartition(".")[2] == key]
    if len(matches) == 1:
        return matches[0]
    leaf = key.rpartition(".")[2]
    hint = nearest(leaf, [dotted.rpartition(".")[2] for dotted in known])
    if not hint.startswith("did you mean"):
        hint = "`luthier train DATA --dry-run` prints every key"
    raise RecipeError(f"no recipe key {key!r}", where=where or f"--set {key}", hint=hint)


def put(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in nested values, making tables on the way.

    Raises:
        RecipeError: Something on the way is no table.
    """
    *path, leaf = key.split(".")
    for part in path:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise RecipeError(f"{part} is a table, not a value", where=key, hint=f"write [{part}] and its keys below")
    values[leaf] = value


def differences(old: Recipe, new: Recipe) -> dict[str, tuple[Any, Any]]:
    """Dotted key to (old, new) for every key in which two recipes differ."""
    before, after = flatten(old), flatten(new)
    return {key: (before[key], after[key]) for key in before if before[key] != after[key]}


def flatten(recipe: Recipe) -> dict[str, Any]:
    """Dotted key to value."""
    flat = {name: getattr(recipe, name) for name in Recipe.model_fields if not _is_section(recipe, name)}
    for section_name, section in sections(recipe):
        flat |= {f"{section_name}.{name}": getattr(section, name) for name in type(section).model_fields}
    return flat


def _is_section(recipe: Recipe, name: str) -> bool:
    return isinstance(getattr(recipe, name), Section)


def _locate(recipe: Recipe, key: str) -> tuple[Section, str]:
    table, _, name = key.rpartition(".")
    return (getattr(recipe, table) if table else recipe), name


def _write_fields(table: Any, section: Section) -> None:
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            continue
        if value is None:
            table.add(tomlkit.comment(f"{name} is not set: {field.description}"))
            continue
        item = tomlkit.item(value)
        if isinstance(value, dict):
            inline = tomlkit.inline_table()
            inline.update(value)
            item = inline
        table.add(name, item.comment(field.description or ""))


def _near_key(path: list[str]) -> str:
    """A suggestion for a mistyped key: one of its own table first, then one of any table."""
    *table, name = path
    whole = {dotted.rpartition(".")[2]: dotted for dotted in keys()}
    beside = [leaf for leaf, dotted in whole.items() if dotted.split(".")[:-1] == table]
    hint = nearest(name, beside if table else [*beside, *Recipe.model_fields])
    if hint.startswith("did you mean"):
        return hint
    hint = nearest(name, whole)
    if hint.startswith("did you mean"):
        return f"did you mean {whole[hint.split(chr(39))[1]]!r}?"
    return "`luthier train DATA --dry-run` prints every key"


def _recipe_error(error: ValidationError, where: str) -> RecipeError:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    if first["type"] == "extra_forbidden":
        return RecipeError(f"no recipe key {key!r}", where=where, hint=_near_key(path))
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "value_error":
        return RecipeError(message, where=f"{where}, [{key}]", hint="change one of the two")
    given = first.get("input")
    description = keys().get(key, "")
    return RecipeError(
        f"{key} cannot be {given!r}: {message[:1].lower()}{message[1:]}",
        where=where,
        hint=f"{key} is: {description}" if description else "",
    )
