"""Loading tokenizers and models, with the errors of the libraries below told in a line."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, AutoTokenizer, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.console import Console
from luthier.errors import DamagedError, ModelError, RecipeError
from luthier.models.architectures import ARCHITECTURES
from luthier.models.quiet import quiet
from luthier.models.sources import locate, near
from luthier.storage.checksums import MANIFEST, verify
from luthier.text import listing, plural, shorten

LONGEST = 512  # tokens; the default cap where a model could take more than an encoder task is likely to need
SAVED = "give a directory that save_pretrained of both the model and the tokenizer wrote"
WRITERS = ("CausalLM", "Seq2SeqLM")  # auto classes with a head that writes
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
    """The configuration of a model.

    Args:
        name: Short name, local directory or hub name.
        console: Told when the model has to be converted first, which takes a while.
    Raises:
        ModelError: There is none, it cannot be read, or it wants code of its own to be run.
    """
    with _told(name, "configuration"):
        config: PretrainedConfig = AutoConfig.from_pretrained(locate(name, console), trust_remote_code=False)
    return config


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """The tokenizer of a model, with a padding token.

    Raises:
        ModelError: There is none, it has no words, or it has neither a padding nor an end token.
    """
    with _told(name, "tokenizer"):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(locate(name), trust_remote_code=False)
    # Without its files transformers makes one up that knows no word, and a model learns from nothing but [UNK].
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
) -> PreTrainedModel:
    """A model with the head that an Auto class gives it, in float32. Pickled weights are never read.

    Args:
        auto_class: What follows `AutoModelFor`, as in `SequenceClassification`.
        name: Short name, local directory or hub name.
        config: Entries of the configuration to set, such as `num_labels`.
        dropout: Rate for every dropout layer; None leaves the model's own.
        verified: `verify_model` has been called already.
    Raises:
        ModelError: No such model, or its architecture has no such head.
        DamagedError: A file of it is damaged.
    """
    path = locate(name)
    if not verified:
        verify_model(path)
    _see_weights(Path(path))
    settings = load_config(name)
    for key, value in (config or {}).items():
        setattr(settings, key, value)
    if dropout is not None:
        set_dropout(settings, dropout)
    loader = getattr(transformers, f"AutoModelFor{auto_class}")
    with _told(name, "model"):
        model, loading = loader.from_pretrained(
            path,
            config=settings,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,  # a head of another task is replaced; the body is checked below
            output_loading_info=True,
        )
    _check_weights(model, loading, name, writes=auto_class in WRITERS)
    return model


def verify_model(path: str) -> None:
    """See that a model directory of ours is as it was written; those of others have no manifest.

    Raises:
        DamagedError: A file is missing or changed.
    """
    if not (Path(path) / MANIFEST).is_file():
        return
    try:
        verify(Path(path))
    except DamagedError as error:
        hint = f"take it from a copy or train again; if the change is meant, delete {MANIFEST}"
        raise DamagedError(error.what, where=error.where, hint=hint) from None


def _see_weights(path: Path) -> None:
    """Tell a directory without weights from one whose weights are pickled."""
    if not path.is_dir() or any(path.glob("*.safetensors")):
        return
    pickled = sorted(found.name for pattern in PICKLED for found in path.glob(pattern))
    if pickled:
        raise ModelError(
            f"the weights are pickled ({listing(pickled, 2)}): loading them could run code, so they are not opened",
            where=str(path),
            hint="where you trust them, save them again with save_pretrained, which writes safetensors",
        )
    raise ModelError("the directory has no weights: no *.safetensors", where=str(path), hint=SAVED)


def set_dropout(settings: PretrainedConfig, rate: float) -> None:
    """Set the rate of every dropout layer. Whole layers (`layerdrop`) are never left out more often than they were.

    Every architecture names its rates otherwise, but each has `drop` in the name and a number as value.
    """
    for key, value in settings.to_dict().items():
        if "drop" in key and isinstance(value, float | int) and not isinstance(value, bool):
            setattr(settings, key, min(rate, value) if "layerdrop" in key else rate)


def _check_weights(model: PreTrainedModel, loading: Mapping[str, Any], name: str, *, writes: bool) -> None:
    """A head may be new, a body may not: a model that learns from random layers would look like a weak one.

    Args:
        model: As loaded.
        loading: What the loader says of it.
        name: Of the model.
        writes: Whether its head writes text; such a head is part of what was pretrained.
    """
    own = [str(key) for key in model.state_dict()]
    body = f"{model.base_model_prefix}."
    if not any(key.startswith(body) for key in own):
        body = ""  # T5 has its layers at the top
    known = "" if writes else body
    # A pooler belongs to the head: checkpoints of masked language models come without one.
    new = [str(key) for key in loading["missing_keys"] if str(key).startswith(known) and "pooler" not in str(key)]
    misfit = [str(key[0]) for key in loading["mismatched_keys"] if str(key[0]).startswith(known)]
    left = [key for key in map(str, loading["unexpected_keys"]) if key.startswith(body) and _layer_of(key)]
    layers = {_layer_of(key) for key in own}
    over = [key for key in left if _layer_of(key) not in layers]
    kinds = ((new, "missing"), (misfit, "of another shape"), (over, "of layers that it has not"))
    wrong = [f"{plural(len(keys), 'parameter')} {what}" for keys, what in kinds if keys]
    if wrong:
        raise ModelError(
            f"the weights do not fit the model: {', '.join(wrong)}, such as {(new + misfit + over)[0]}",
            where=name,
            hint="config.json and the weights must be of the same model",
        )


def _layer_of(key: str) -> str:
    """The numbered layer of a parameter: `bert.encoder.layer.3`; empty for none."""
    found = re.match(r".*?\.\d+(?=\.)", key)
    return found[0] if found else ""


def freeze(model: PreTrainedModel, patterns: list[str]) -> int:
    """Keep the parameters whose names match a glob pattern as they are; how many numbers learn after it.

    Raises:
        RecipeError: A pattern matches nothing, or nothing is left to learn.
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
            "every parameter is frozen: nothing is left to learn",
            where="model.freeze",
            hint="leave the head out: patterns are names with *, such as 'bert.encoder.*'",
        )
    return learning


def longest_input(tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> int:
    """Tokens that the model can take at once."""
    positions = getattr(config, "max_position_embeddings", None)
    if positions and config.model_type in ARCHITECTURES:
        positions -= ARCHITECTURES[config.model_type].spare_positions
    # Tokenizers without a limit say so with a number of thirty digits.
    limits = [limit for limit in (tokenizer.model_max_length, positions) if limit and limit < 1_000_000]
    return int(min(limits)) if limits else LONGEST


@contextmanager
def _told(name: str, part: str) -> Iterator[None]:
    try:
        with quiet():
            yield
    except SafetensorError as error:
        raise DamagedError(f"the weights cannot be read: {error}", where=name, hint="fetch the model again") from None
    except UNLOADABLE as error:
        raise _as_model_error(error, name, part) from None


def _as_model_error(error: Exception, name: str, part: str) -> ModelError:
    """What transformers says over many lines, in one, with what helps."""
    told = str(error)
    # Where SentencePiece is missing, some files are tried as tiktoken's, and Marian has no tokenizer class at all.
    if part == "tokenizer" and re.search("SentencePiece|sentencepiece|tiktoken|Unrecognized configuration class", told):
        what = "the tokenizer is a SentencePiece file, and the library that reads it is missing"
        return ModelError(what, where=name, hint="pip install sentencepiece protobuf")
    if kind := re.search(r"Unrecognized configuration class <class '[\w.]*?(\w+?)(Config)?'>", told):
        what = f"the model's architecture ({kind[1]}) has no head for the task"
        return ModelError(what, where=name, hint="`luthier tasks` lists what fits which task; name another --model")
    if "trust_remote_code" in told:
        what = "the model wants code of its own to be run, and Luthier runs none"
        return ModelError(what, where=name, hint="name a model whose architecture transformers has")
    if kind := re.search(r"model type `([^`]*)`", told):
        what = f"transformers knows no architecture {kind[1]!r}"
        return ModelError(what, where=name, hint="correct model_type in config.json, or install a newer transformers")
    if not Path(name).exists():
        hint = near(name) or "give a local directory, a short name (minilm), or a hub name where the hub can be reached"
    else:
        hint = SAVED
    said = [line.strip() for line in told.splitlines() if line.strip()] or [type(error).__name__]
    first = " ".join(said[: 2 if said[0].endswith(":") else 1])
    return ModelError(f"the {part} cannot be loaded: {shorten(first.partition('. ')[0])}", where=name, hint=hint)
