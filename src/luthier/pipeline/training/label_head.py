"""Whether the head of a checkpoint, of a classifier or tagger, predicts the labels of the data."""

from collections.abc import Mapping
from typing import Any

from transformers import PretrainedConfig

from luthier.findings import Decision
from luthier.tasks.phases import Bound
from luthier.text import listing

KEPT, NEW = "kept", "new"
GENERIC = "LABEL_{}"  # transformers' name of a label of a model that names none
NUMBER = {0: GENERIC.format(0)}  # and of the output of a model that predicts a number


def decide_head(task: Bound[Any], config: PretrainedConfig) -> list[Decision]:
    """Whether the head of a checkpoint is kept, because its outputs have the labels of the data, in the same order.

    Of a model that names no labels, they are the numbers of the outputs, as the data writes them.

    Args:
        task: Has the labels, and their codes in the data.
        config: Configuration of the checkpoint.
    Returns:
        The decision, `KEPT` or `NEW`; none without such a head.
    """
    needed, head = task.model_config(), f"For{task.kind.auto_class}"
    if "num_labels" not in needed or not any(name.endswith(head) for name in config.architectures or ()):
        return []
    own, labels = _labels(config.id2label or {}), _labels(needed.get("id2label", NUMBER))
    codes = {name: code for code, name in task.label_names.items()}
    if own == labels or own == [GENERIC.format(codes.get(label, label)) for label in labels]:
        return [Decision("head", KEPT, f"the model predicts {_words(labels)} already")]
    return [Decision("head", NEW, f"the model predicts {_words(own)}, not {_words(labels)}")]


def _labels(names: Mapping[Any, str]) -> list[str]:
    return [names[output] for output in sorted(names)]


def _words(labels: list[str]) -> str:
    return "a number" if labels == list(NUMBER.values()) else listing(labels)
