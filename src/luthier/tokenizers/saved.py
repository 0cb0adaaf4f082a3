"""Load a saved tokenizer for a new model, or for a pretrained model in place of its own."""

from pathlib import Path

from transformers import PreTrainedTokenizerBase

from luthier.errors import ModelError, closest
from luthier.models.architectures import architecture_like
from luthier.models.loading import load_tokenizer, verify_model
from luthier.models.sources import PACKAGED
from luthier.text import with_article
from luthier.tokenizers.kinds import KINDS
from luthier.tokenizers.training import OWN_CLASS, see_it_reads_back

HELD = ("tokenizer_config.json", "config.json", "model/config.json")  # one of them is in a directory, the last in a run
AROUND = ("cls_token", "sep_token")  # what encoders read texts between


def find_saved(name: str, where: str) -> PreTrainedTokenizerBase:
    """Load a saved tokenizer, or that of a model.

    Args:
        name: Short name, local directory or Hub name.
        where: Where the name was given, for errors.
    Raises:
        ModelError: There is no tokenizer; the hint has the nearest name, also among the kinds to train.
        DamagedError: A file of the tokenizer is damaged.
    """
    path = Path(name).expanduser()
    verify_model(str(path))
    if path.is_dir() and not any((path / part).is_file() for part in HELD):
        hint = "pass a directory that `luthier tokenizer train` or save_pretrained wrote"
        raise ModelError("the directory has no tokenizer", where=name, hint=hint)
    try:
        return load_tokenizer(name)
    except ModelError as error:
        if path.exists():
            raise
        near = None if name in PACKAGED else closest(name, [*KINDS, *PACKAGED])
        hint = f"did you mean {near!r}?" if near else f"{error.hint}; kinds to train: {', '.join(KINDS)}"
        raise ModelError(f"no tokenizer {name!r}: {error.what}", where=where, hint=hint) from None


def load_saved(name: str, family: str, architecture: str) -> PreTrainedTokenizerBase:
    """Load a tokenizer, and check that a model of an architecture can use it.

    Args:
        name: As in `find_saved`.
        family: Family of the model.
        architecture: Its `model_type`.
    Raises:
        ModelError: There is no tokenizer, or it does not fit the model.
        DamagedError: A file of the tokenizer is damaged.
    """
    tokenizer = find_saved(name, "model.tokenizer")
    if unfit := why_unfit(tokenizer, family, architecture):
        hint = f"train one: `luthier tokenizer train DATA --architecture {architecture} --output DIR`"
        raise ModelError(
            f"the tokenizer does not fit {with_article(architecture)} model: {unfit}", where=name, hint=hint
        )
    if not architecture_like(architecture, family).token_types:
        inputs = [key for key in tokenizer.model_input_names if key != "token_type_ids"]
        tokenizer.model_input_names = tokenizer.init_kwargs["model_input_names"] = inputs  # the latter is saved
    see_it_reads_back(tokenizer, architecture)
    return tokenizer


def why_unfit(tokenizer: PreTrainedTokenizerBase, family: str, architecture: str) -> str:
    """Why a tokenizer does not fit models of an architecture; empty if it does. It has a padding token."""
    spare_positions = architecture_like(architecture, family).spare_positions
    if architecture == OWN_CLASS and not hasattr(tokenizer, "src_lang"):
        return "it does not mark languages"
    if family == "encoder":
        ids = tokenizer("a")["input_ids"]
        missing = [role for role in AROUND if getattr(tokenizer, f"{role}_id") not in ids]
        if missing:
            return f"it does not put {' and '.join(missing)} around texts"
    elif tokenizer.eos_token is None:
        return "it has no end token (eos_token)"
    if spare_positions and tokenizer.pad_token_id >= spare_positions:
        return f"positions are counted from the id of the padding token, which is {tokenizer.pad_token_id}, not 0 or 1"
    return ""
