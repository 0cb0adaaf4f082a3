"""Marks on a message that say whether the assistant's turn is learned: OpenAI's `weight`, Axolotl's `train`, others."""

from collections.abc import Mapping
from typing import Any

from luthier.data.columns.profile import words_of
from luthier.data.records import Fault
from luthier.data.values import flag_in, is_missing
from luthier.text import shorten

# Keys whose values must be clear: those that are true of a learned turn, and of one that is not.
LEARNED_KEYS = (
    *("weight", "loss", "loss_weight", "loss_mask", "loss_scale"),
    *("train", "trainable", "training", "learn"),
)
MASKED_KEYS = ("masked", "is_masked", "ignore", "ignored", "ignore_loss")
_PART_KEYS = ("train_detail", "training_detail")  # Axolotl: parts of a turn by offsets
_EXACT = {*LEARNED_KEYS, *MASKED_KEYS, *_PART_KEYS, "mask"}
# Other keys are marks if a word says so and the value is a flag: compute_loss, train_on_turn, exclude_from_loss. Of
# `mask`, 1 may mean either.
_LEARNED_WORDS = {"loss", "train", "trainable", "training", "trained", "learn", "learned", "learnable"}
_MASKED_WORDS = {"masked", "ignore", "ignored", "skip", "skipped", "exclude", "excluded"}
_NOT_WORDS = {"no", "not", "without", "disable", "disabled"}


def is_mark(key: str) -> bool:
    """Whether a key of a message may say if the turn is learned."""
    return key in _EXACT or bool(set(words_of(key)) & {*_LEARNED_WORDS, *_MASKED_WORDS, "mask"})


def marked_learned(turn: Mapping[str, Any], where: str) -> bool | Fault:
    """Whether an assistant turn is learned, by its marks; one mark against it decides. A fault if a mark is unclear.

    Args:
        turn: A message, as in the data.
        where: Its place, for the fault.
    """
    learned = True
    for key, value in turn.items():
        if not is_mark(key) or is_missing(value) or value == []:
            continue
        flag = flag_in(value)
        if flag is None and key not in _EXACT:
            continue  # such as a loss that was measured
        means = _meaning(key)
        if flag is None or means is None:
            detail = f"{where} has {key} {shorten(str(value), 40)!r}; write weight 0 (not learned) or 1 (learned)"
            return Fault("unclear-weight", detail)
        learned = learned and flag == means
    return learned


def _meaning(key: str) -> bool | None:
    """Whether a flag of this name says that a turn is learned, or that it is not; None if it may mean either."""
    if key in LEARNED_KEYS + MASKED_KEYS:
        return key in LEARNED_KEYS
    words = set(words_of(key))
    masked = bool(words & _MASKED_WORDS) != bool(words & _NOT_WORDS)
    return None if "mask" in words or key in _PART_KEYS else not masked
