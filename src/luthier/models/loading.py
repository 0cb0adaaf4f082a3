"""Load tokenizers and models; errors of the libraries become one-line messages."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoTokenizer,
    BitsAndBytesConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from luthier import hub
from luthier.console import Console
from luthier.errors import DamagedError, ModelError, RecipeError
from luthier.models.architectures import ARCHITECTURES
from luthier.models.finite import require_finite
from luthier.models.quiet import quiet
from luthier.models.sources import PACKAGED, locate, near, packaged_directory
from luthier.storage.checksums import MANIFEST, verify
from luthier.text import listing, plural, shorten, typed

LONGEST = 512  # maximum tokens if neither the tokenizer nor the model states a limit
# Models that count positions from the id of the padding token, as RoBERTa does, and cannot be trained from scratch.
LIKE_ROBERTA = {
    *("camembert", "data2vec-text", "esm", "ibert", "longformer", "luke", "mpnet"),
    *("roberta-prelayernorm", "xlm-roberta-xl", "xmod"),
}
SAVED = "pass a directory written by save_pretrained of both the model and the tokenizer"
POOLER = "pooler"  # belongs to the head: checkpoints of masked language models come without one
WRITERS = ("CausalLM", "Seq2SeqLM")  # auto classes with a head that generates text
# What transformers raises for a model that cannot be loaded.
UNLOADABLE = (
    AttributeError,
    ImportError,
    KeyError,
    OSError,
    RuntimeError,
    StrictDataclassError,
    TypeError,
    ValueError,
)
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


def load_config(name: str, console: Console | None = None) -> PretrainedConfig:
    """Load the configuration of a model.

    Args:
        name: Short name, local directory or Hub name.
        console: Receives a message if the model must be converted first, which takes a while.
    Raises:
        ModelError: There is none, it cannot be read, or it requires running code of its own.
    """
    with told(name, "configuration"):
        config: PretrainedConfig = AutoConfig.from_pretrained(_place(name, console), trust_remote_code=False)
    return config


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a model, or one that was saved alone, with a padding token.

    Raises:
        ModelError: There is none, its vocabulary is empty, or it has neither a padding nor an end token.
    """
    with told(name, "tokenizer"):
        alone = Path(name).expanduser()
        place = str(alone) if (alone / "tokenizer_config.json").is_file() else _place(name)
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
    # Without the files, transformers makes a tokenizer with an empty vocabulary, and the model would see only [UNK].
    if set(tokenizer.get_vocab()) <= set(tokenizer.all_special_tokens):
        raise ModelError("the model has no tokenizer: its vocabulary is empty", where=name, hint=SAVED)
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise ModelError(
                "the tokenizer has neither a padding nor an end token",
                where=name,
                hint="set pad_token in its tokenizer_config.json",
            )
        tokenizer.pad_token = tokenizer.eos_token  # the mask hides it, and labels are masked by position
    return tokenizer


def load_model(
    auto_class: str,
    name: str,
    *,
    config: Mapping[str, Any] | None = None,
    dropout: float | None = None,
    verified: bool = False,
    finished: bool = False,
    settings: PretrainedConfig | None = None,
    quantization: BitsAndBytesConfig | None = None,
) -> PreTrainedModel:
    """Load a model with the head of an auto class, in float32. Pickled weights are never read.

    Args:
        auto_class: Class name after `AutoModelFor`, such as `SequenceClassification`.
        name: Short name, local directory or Hub name.
        config: Entries of the configuration to set, such as `num_labels`.
        dropout: Rate for every dropout layer; None leaves the model's own.
        verified: Whether `verify_model` has been called already.
        finished: Whether it is used as it is: its head must be there too, rather than be new.
        settings: Configuration to load it with in place of its own.
        quantization: How to quantize its linear layers; None leaves them as they are.
    Raises:
        ModelError: No such model, its architecture has no such head, or it is finished and its weights are not finite.
        DamagedError: A file of the model is damaged.
    """
    path = _place(name)
    if not verified:
        verify_model(path)
    _see_weights(Path(path))
    settings = deepcopy(settings) if settings is not None else load_config(name)
    for key, value in (config or {}).items():
        setattr(settings, key, value)
    if dropout is not None:
        set_dropout(settings, dropout)
    loader = getattr(transformers, f"AutoModelFor{auto_class}")
    with told(name, "model"):
        model, loading = loader.from_pretrained(
            path,
            config=settings,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # a head of another task is replaced; the body is checked below
            output_loading_info=True,
            **({} if quantization is None else {"quantization_config": quantization}),
        )
    _check_weights(model, loading, name, writes=auto_class in WRITERS, finished=finished)
    if finished:
        require_finite(model, name)
    return model


def verify_model(path: str) -> None:
    """Verify a model directory that Luthier wrote; others have no manifest and are not checked.

    Raises:
        DamagedError: A file is missing or changed.
    """
    if not (Path(path) / MANIFEST).is_file():
        return
    try:
        verify(Path(path))
    except DamagedError as error:
        hint = f"restore it from a backup, or train again; if the change is intended, delete {MANIFEST}"
        raise DamagedError(error.what, where=error.where, hint=hint) from None


def _see_weights(path: Path) -> None:
    """Raise if a directory has no safetensors, and say whether its weights are pickled or missing."""
    if not path.is_dir() or any(path.glob("*.safetensors")):
        return
    pickled = sorted(found.name for pattern in PICKLED for found in path.glob(pattern))
    if pickled:
        raise ModelError(
            f"the weights are pickled ({listing(pickled, 2)}): loading could run code, so they are not opened",
            where=str(path),
            hint="if you trust them, save them again with save_pretrained, which writes safetensors",
        )
    raise ModelError("the directory has no weights: no *.safetensors", where=str(path), hint=SAVED)


def set_dropout(settings: PretrainedConfig, rate: float) -> None:
    """Set the rate of every dropout layer. The rate of `layerdrop` is never raised.

    Architectures name their rates differently, but all have `drop` in the name and a number as value.
    """
    for key, value in settings.to_dict().items():
        if "drop" in key and isinstance(value, float | int) and not isinstance(value, bool):
            setattr(settings, key, min(rate, value) if "layerdrop" in key else rate)


def has_dropout(model: PreTrainedModel) -> bool:
    """Whether dropout is on anywhere: in a layer, or at a rate in the configuration, which architectures also use."""
    layers = (module.p for module in model.modules() if isinstance(module, nn.Dropout))
    settings = (value for key, value in model.config.to_dict().items() if "drop" in key)
    return any(isinstance(rate, float | int) and rate > 0 for rate in (*layers, *settings))


def _check_weights(
    model: PreTrainedModel, loading: Mapping[str, Any], name: str, *, writes: bool, finished: bool
) -> None:
    """Check that only the head is new: a model with random layers in its body would look like a weak model.

    Args:
        model: The loaded model.
        loading: The loading info of transformers.
        name: Name of the model.
        writes: Whether its head generates text; such a head is pretrained too.
        finished: Whether the model is used as it is, so that no part may be new.
    """
    own = [str(key) for key in model.state_dict()]
    body = f"{model.base_model_prefix}."
    if not any(key.startswith(body) for key in own):
        body = ""  # T5 has its layers at the top level
    known = "" if finished or writes else body
    new = [str(key) for key in loading["missing_keys"] if str(key).startswith(known)]
    if not finished:
        new = [key for key in new if POOLER not in key]
    misfit = [str(key[0]) for key in loading["mismatched_keys"] if str(key[0]).startswith(known)]
    left = [key for key in map(str, loading["unexpected_keys"]) if key.startswith(body) and _layer_of(key)]
    layers = {_layer_of(key) for key in own}
    over = [key for key in left if _layer_of(key) not in layers]
    kinds = ((new, "missing"), (misfit, "of a different shape"), (over, "of layers that the model does not have"))
    wrong = [f"{plural(len(keys), 'parameter')} {what}" for keys, what in kinds if keys]
    if wrong:
        hint = "config.json and the weights must belong to the same model"
        if not over and all(POOLER in key or not key.startswith(body) for key in new + misfit):  # the head alone
            hint += f"; `luthier train DATA --model {typed(name)}` trains a new head"
        raise ModelError(
            f"the weights do not fit the model: {', '.join(wrong)}, such as {(new + misfit + over)[0]}",
            where=name,
            hint=hint,
        )


def _layer_of(key: str) -> str:
    """The numbered layer of a parameter: `bert.encoder.layer.3`; empty for none."""
    found = re.match(r".*?\.\d+(?=\.)", key)
    return found[0] if found else ""


def freeze(model: PreTrainedModel, patterns: list[str]) -> int:
    """Freeze the parameters whose names match a glob pattern, and return the number of trainable parameters.

    Raises:
        RecipeError: A pattern matches nothing, or no trainable parameter is left.
    """
    names = [name for name, _ in model.named_parameters()]
    for pattern in patterns:
        if not any(fnmatch(name, pattern) for name in names):
            raise RecipeError(
                f"no parameter of the model matches {pattern!r}",
                where="model.freeze",
                hint=f"parameters are named like {names[0]!r} and {names[-1]!r}",
            )
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not any(fnmatch(name, pattern) for pattern in patterns)
    learning = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    if not learning:
        raise RecipeError(
            "every parameter is frozen: there are no trainable parameters",
            where="model.freeze",
            hint="do not freeze the head: patterns are names with *, such as 'bert.encoder.*'",
        )
    return learning


def longest_input(tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> int:
    """The maximum number of tokens that the model takes."""
    # Tokenizers without a limit have a number of thirty digits instead.
    stated = tokenizer.model_max_length, positions_of(config)
    limits = [limit for limit in stated if limit and limit < 1_000_000]
    return int(min(limits)) if limits else LONGEST


def positions_of(config: PretrainedConfig) -> int | None:
    """The tokens that the architecture has positions for; None if it states no limit.

    The tokenizer of a fine-tuned model may state fewer: those of its training.
    """
    positions: int | None = getattr(config, "max_position_embeddings", None)
    like = "roberta" if config.model_type in LIKE_ROBERTA else config.model_type
    if positions and like in ARCHITECTURES:
        positions -= ARCHITECTURES[like].spare_positions
    return positions


def _place(name: str, console: Console | None = None) -> str:
    """As `locate`; a Hub that cannot be reached is asked once, and only the cache is used."""
    path = locate(name, console)
    if not Path(path).is_dir():
        hub.reachable()
    return path


@contextmanager
def told(name: str, part: str) -> Iterator[None]:
    """Turn what goes wrong with a part of a model into an error for users."""
    try:
        with quiet():
            yield
    except SafetensorError as error:
        raise DamagedError(
            f"the weights cannot be read: {error}", where=name, hint="download the model again"
        ) from None
    except UNLOADABLE as error:
        raise _as_model_error(error, name, part) from None


def _as_model_error(error: Exception, name: str, part: str) -> ModelError:
    """Turn a long error of transformers into one line with a hint."""
    told = str(error)
    # Without SentencePiece, transformers tries some files as tiktoken, and Marian has no tokenizer class at all.
    if part == "tokenizer" and re.search("SentencePiece|sentencepiece|tiktoken|Unrecognized configuration class", told):
        what = "the tokenizer is a SentencePiece file, and the library to read it is missing"
        return ModelError(what, where=name, hint="pip install sentencepiece protobuf")
    if kind := re.search(r"Unrecognized configuration class <class '[\w.]*?(\w+?)(Config)?'>", told):
        what = f"the model's architecture ({kind[1]}) has no head for the task"
        return ModelError(
            what, where=name, hint="`luthier tasks` lists the architectures of each task; choose another --model"
        )
    if "trust_remote_code" in told:
        what = "the model requires custom code, which Luthier does not run"
        return ModelError(what, where=name, hint="choose a model with an architecture that transformers supports")
    if kind := re.search(r"model type `([^`]*)`", told):
        what = f"transformers does not support the architecture {kind[1]!r}"
        return ModelError(what, where=name, hint="correct model_type in config.json, or install a newer transformers")
    if not Path(name).exists() and not hub.reachable():
        what = "no such run or model here, and the Hub cannot be reached"
        short = listing([short for short in PACKAGED if packaged_directory(short)]) or "none"
        there = f"choose a run (`luthier runs` lists them) or a local model; installed: {short}; {hub.held('model')}"
        return ModelError(what, where=name, hint=near(name) or there)
    hint = SAVED if Path(name).exists() else near(name) or "check the name; it may need a login (`hf auth login`)"
    said = [line.strip() for line in told.splitlines() if line.strip()] or [type(error).__name__]
    first = " ".join(said[: 2 if said[0].endswith(":") else 1])
    return ModelError(f"the {part} cannot be loaded: {shorten(first.partition('. ')[0])}", where=name, hint=hint)
