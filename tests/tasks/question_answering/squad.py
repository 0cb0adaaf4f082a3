"""The rules of SQuAD, written down again."""

import re
import string
from collections import Counter
from collections.abc import Sequence


def official_f1(prediction: str, golds: Sequence[str]) -> float:
    """As in the SQuAD script, written down again."""

    def words(text: str) -> list[str]:
        text = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    def f1(gold: str) -> float:
        one, other = words(prediction), words(gold)
        if not one or not other:
            return float(one == other)
        same = sum((Counter(one) & Counter(other)).values())
        return 0.0 if not same else 2 * same / (len(one) + len(other))

    return max(map(f1, golds or [""]))
