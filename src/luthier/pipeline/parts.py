"""The configuration and tokenizer of a model: loaded, or made from the data."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, cast

from datasets import Dataset
from transformers import PretrainedConfig, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.engines.optimizers.registry import find_optimizer
from luthier.errors import ModelError, RecipeError, UsageError
from luthier.findings import Decision
from luthier.models import scratch
from luthier.models.adapters.add import RATES
from luthier.models.adapters.load import refuse_nested
from luthier.models.adapters.quantized import check_four_bits
from luthier.models.architectures import ARCHITECTURES, architecture_like, architecture_named
from luthier.models.device import choose_device
from luthier.models.loading import load_config, load_tokenizer
from luthier.models.sources import default_model, locate
from luthier.recipe import Recipe, Size, TokenizerKind
from luthier.tasks.base import Task
from luthier.tasks.phases import Fitted
from luthier.tasks.registry import refuse_unused
from luthier.text import count, listing, plural, with_article
from luthier.tokenizers.agreement import shared_tokens
from luthier.tokenizers.saved import load_saved
from luthier.tokenizers.training import learn

Parts = tuple[PretrainedConfig, PreTrainedTokenizerBase, list[Decision]]
ENOUGH = 50_000_000  # characters to train the tokenizer of a run on; more hardly change the vocabulary


@dataclass(frozen=True)
class Loaded:
    """What is known of a model before the data is read; None for what is made from the data."""

    config: PretrainedConfig | None
    tokenizer: PreTrainedTokenizerBase | None


def choose_model(recipe: Recipe, family: str, console: Console) -> list[Decision]:
    """Choose the model if the recipe does not name one, and return the decisions.

    Args:
        recipe: The recipe; its model is set in place.
        family: The model family that the task needs.
        console: Receives a message if the model must be converted first, which takes a while.
    """
    model = recipe.model
    if model.name is not None:
        locate(model.name, console)
        return []
    if model.from_scratch is None:
        model.name, size, why = default_model(family, choose_device(recipe.device))
        if size and (model.freeze or model.adapter):
            use, key = ("to freeze", "freeze") if model.freeze else ("to adapt", "adapter")
            what = f"no pretrained {family} is available, and a new model has no pretrained weights {use}"
            raise UsageError(what, where=f"model.{key}", hint="choose a pretrained model with --model")
        model.from_scratch = cast(Size | None, size)
    else:
        why = "as requested"
    if model.from_scratch is not None:
        model.architecture = model.architecture or scratch.DEFAULT_ARCHITECTURE[family]
        made = architecture_named(model.architecture).family
        if made != family:
            fitting = listing([name for name, traits in ARCHITECTURES.items() if traits.family == family], 9)
            what = f"{model.architecture} belongs to the {made} family, which does not support {recipe.task}"
            raise UsageError(what, where="model.architecture", hint=f"choose {with_article(family)}: {fitting}")
        return [Decision("model", str(model.title), why)]
    locate(str(model.name), console)
    return [Decision("model", str(model.name), why)]


def with_defaults(recipe: Recipe, kind: Task[Any]) -> tuple[Recipe, list[Decision]]:
    """The recipe with the defaults of its task and, if the model is new, of new models; and the decisions.

    Raises:
        RecipeError: A setting was changed that the task does not use, or an adapter cannot be trained here: the model
            is an adapter itself, or 4 bits are not available.
    """
    unset = Recipe().flatten()
    changed = [key for key, value in recipe.flatten().items() if value != unset.get(key)]
    refuse_unused(kind, recipe.data.shape or "", changed)
    asked = "learning_rate" in recipe.training.model_fields_set
    recipe, decisions = _with_defaults(recipe, kind)
    adapter = recipe.model.adapter
    if adapter is not None:
        refuse_nested(recipe.model)
        if adapter.kind == "qlora":
            check_four_bits(choose_device(recipe.device))
        decisions += [] if asked else _raise_rate(recipe, adapter.kind)
    return recipe, decisions + kind.decide(recipe)


def _raise_rate(recipe: Recipe, kind: str) -> list[Decision]:
    """Raise the default learning rate of a recipe to one that suits an adapter, in place; and the decision."""
    recipe.training.learning_rate *= RATES[kind]
    rate = f"{recipe.training.learning_rate:g}"
    why = f"an adapter takes a higher rate: {RATES[kind]:g} times that of the whole model; --lr sets another"
    return [Decision("learning rate", rate, why)]


def _with_defaults(recipe: Recipe, kind: Task[Any]) -> tuple[Recipe, list[Decision]]:
    model, training = recipe.model, recipe.training
    if model.from_scratch is None or model.architecture is None:
        return _for_optimizer(recipe.with_defaults(kind.defaults))
    optimizer = training.optimizer if "optimizer" in training.model_fields_set else None
    defaults = scratch.training_defaults(model.architecture, model.from_scratch, optimizer)
    recipe, decisions = _for_optimizer(recipe.with_defaults({**kind.defaults, **defaults}))
    training = recipe.training
    most = f" and at most {plural(training.max_steps, 'step')}" if training.max_steps else ""
    length = f"{training.epochs:g} epochs{most}"
    what = f"{training.optimizer}, learning rate {training.learning_rate:g}, {length}"
    return recipe, [*decisions, Decision("training", what, "training from scratch")]


def _for_optimizer(recipe: Recipe) -> tuple[Recipe, list[Decision]]:
    """The recipe with the defaults that suit its optimizer.

    Raises:
        RecipeError: There is no such optimizer, or it does not work with the schedule.
    """
    kind = find_optimizer(recipe.training.optimizer)
    before, recipe = recipe.flatten(), recipe.with_defaults(kind.defaults)
    schedule = recipe.training.lr_scheduler_type
    if kind.schedules and schedule not in kind.schedules:
        what = f"{kind.name} works with the schedule {' or '.join(kind.schedules)}, not with {schedule}"
        raise RecipeError(what, where="training.lr_scheduler_type", hint=f"--scheduler {kind.schedules[0]}")
    after = recipe.flatten()
    return recipe, [
        Decision(key.rpartition(".")[2].replace("_", " "), f"{after[key]}", f"the default of {kind.name}")
        for key in kind.defaults
        if after[key] != before[key]
    ]


def load_parts(recipe: Recipe, family: str) -> Loaded:
    """Load what the recipe names: the configuration of a pretrained model, its tokenizer or another one.

    Raises:
        ModelError: It cannot be loaded, or the tokenizer does not fit the model.
    """
    model = recipe.model
    config = None if model.name is None else load_config(model.name)
    if model.saved_tokenizer is not None:
        architecture = str(model.architecture if config is None else config.model_type)
        return Loaded(config, load_saved(model.saved_tokenizer, family, architecture))
    own = model.name is not None and not model.fresh_tokenizer
    return Loaded(config, load_tokenizer(str(model.name)) if own else None)


def make_parts(loaded: Loaded, task: Fitted[Any], train: Dataset, recipe: Recipe) -> Parts:
    """Complete what was loaded: train a tokenizer on the training texts, and make the configuration of a new model.

    Raises:
        DataError: There is no text to train a tokenizer on.
        UsageError: The requested vocabulary is too small.
    """
    model, config, tokenizer, decisions = recipe.model, loaded.config, loaded.tokenizer, []
    architecture = str(model.architecture if config is None else config.model_type)
    if tokenizer is None:
        tokenizer, decision = _trained(task, train, recipe, architecture)
        decisions.append(decision)
    elif model.saved_tokenizer is not None:
        decisions.append(Decision("tokenizer", f"{model.tokenizer}, {plural(len(tokenizer), 'token')}", "as requested"))
    if config is None:
        assert model.from_scratch is not None
        config = scratch.make_config(architecture, model.from_scratch, tokenizer)
        for key, value in task.model_config().items():
            setattr(config, key, value)
    elif model.fresh_tokenizer:
        kept = f"{count(len(shared_with_own(recipe, tokenizer)))} of {plural(len(tokenizer), 'token')} kept"
        decisions.append(Decision("embeddings", kept, "the model's own tokenizer has these too; the others are new"))
    elif (more := len(tokenizer) - config.get_text_config(decoder=True).vocab_size) > 0:
        why = f"the tokenizer has {plural(len(tokenizer), 'token')}, more than the model has embeddings"
        decisions.append(Decision("embeddings", f"{count(more)} new", why))
    return config, tokenizer, decisions


def shared_with_own(recipe: Recipe, tokenizer: PreTrainedTokenizerBase) -> dict[int, int]:
    """The tokens of a new tokenizer that the pretrained model's own one has too; none if it has no tokenizer."""
    try:
        return shared_tokens(tokenizer, load_tokenizer(str(recipe.model.name)))
    except ModelError:
        return {}


def _trained(
    task: Fitted[Any], train: Dataset, recipe: Recipe, architecture: str
) -> tuple[PreTrainedTokenizerBase, Decision]:
    """A tokenizer trained on the training rows, or on an even part of them: a resume trains it again."""
    model, family = recipe.model, task.kind.family
    kind = cast(TokenizerKind, model.tokenizer or architecture_like(architecture, family).tokenizer)
    texts, step = spread(list(task.texts(train[:])), ENOUGH)
    tokenizer, size = learn(
        texts, model.vocabulary_size, kind, family=family, architecture=architecture, size=model.from_scratch
    )
    part = f"one in {step} texts of " if step > 1 else ""
    why = f"trained on {part}the {count(len(train))} training rows; {size.why}"
    return tokenizer, Decision("tokenizer", f"{kind}, {size.value}", why)


def spread(texts: Sequence[str], most: int) -> tuple[Sequence[str], int]:
    """Every nth of the texts, for the least n that leaves about `most` characters, and n."""
    step = ceil(sum(map(len, texts)) / most) or 1
    return texts[::step], step
