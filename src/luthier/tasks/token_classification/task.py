"""Token classification: a tag for each word, as named-entity recognition has it. IOB2 inside, whatever comes in."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from luthier.data import checks, splits
from luthier.data.batches import IGNORED, Collate, pad_inputs, pad_labels
from luthier.data.checks.duplicates import key
from luthier.data.columns.profile import ColumnProfile, Recognition, require
from luthier.data.records import Fault, Record, Skipped
from luthier.data.tokenized import EXAMPLES, TARGETS, Examples, Features, Limits, owner
from luthier.data.values import structured
from luthier.findings import Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.entities import entities, entity_metrics, most_frequent_tags, valid_tags
from luthier.recipe import Recipe
from luthier.reporting.panels import Panel
from luthier.tasks.base import Answer, Example, Loss, Task, summed_cross_entropy
from luthier.tasks.token_classification import annotations, tags
from luthier.tasks.token_classification import columns as token_columns
from luthier.tasks.token_classification.panels import panels
from luthier.tasks.token_classification.words import tags_of_spans, word_offsets
from luthier.tasks.windows import NO_WORD, encode_windows, first_tokens, most_context, swallowed

OUTSIDE = tags.OUTSIDE


class TokenClassification(Task):
    """Each word of a text gets a tag; runs of tags are entities. Long texts are read in windows.

    Examples hold `text`, `offsets` of its words and, where they are known, `tags` as the data has them.
    """

    name = "token-classification"
    family = "encoder"
    auto_class = "TokenClassification"
    about = "a tag for each word of a text: named entities and the like"
    row = "tokens + tags, or text + spans"
    shapes = ("tokens", "spans")
    metric_names = ("f1", "precision", "recall", "f1_macro", "accuracy")
    roles = ("tokens", "text")
    defaults: ClassVar[Mapping[str, Any]] = {"training.epochs": 5.0}
    gold_column = "tags"
    cuts = False

    def __init__(
        self,
        shape: str,
        columns: Mapping[str, str | list[str]],
        scheme: str = "IOB2",
        types: Sequence[str] = (),
        names: Sequence[str] = (),
        all_subwords: bool = False,
    ) -> None:
        self.shape = shape
        self.columns = dict(columns)
        self.scheme = scheme  # of the data
        self.types = list(types)
        self._names = list(names)  # of somebody else's model, which may be in any scheme
        self.all_subwords = all_subwords  # whether a word's tag is learned on each of its tokens

    @property
    def names(self) -> list[str]:
        """The tags of the model: O, then B- and I- of each type."""
        return self._names or [OUTSIDE, *(f"{place}-{kind}" for kind in self.types for place in "BI")]

    # -- recognising the data ------------------------------------------------------------------------------------

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        return token_columns.recognise_tokens(profiles, given=given, shape=shape)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return token_columns.why_not(profiles, given=given)

    @classmethod
    def recognised(cls, recognition: Recognition, recipe: Recipe) -> Self:
        return cls(recognition.shape, recognition.columns, all_subwords=recipe.data.label_all_subwords)

    # -- from rows to examples -----------------------------------------------------------------------------------

    def example(self, record: Record) -> Example | Skipped:
        if self.shape == "spans":
            read = annotations.read_spans(record.values, self.columns)
            tagged = read if isinstance(read, Fault) else tags_of_spans(*read)
            if isinstance(tagged, Fault):
                return tagged.of(record)
            _, offsets, found = tagged
            text = read[0] if isinstance(read, tuple) else ""
        else:
            pair = tags.read_tokens(record.values, self.columns)
            if isinstance(pair, Fault):
                return pair.of(record)
            tokens, found = pair
            text, offsets = _joined(tokens)
        if not offsets:
            return Skipped(record.source, record.row, "empty-text", "there is no word in the text")
        return {"source": record.source, "row": record.row, "text": text, "offsets": offsets, "tags": found}

    def answerable(self, values: Mapping[str, Any]) -> Example:
        role = "text" if self.shape == "spans" else "tokens"
        column = str(self.columns[role])
        name = next((name for name in (column, role, "text") if name in values), column)
        require([name], values)
        given = structured(values[name])
        if isinstance(given, list):
            text, offsets = _joined([str(token) for token in given])
        else:
            text = "" if given is None else str(given)
            offsets = word_offsets(text)
        return {"text": text, "offsets": offsets}

    def key(self, example: Example) -> str:
        return key(example["text"])

    def strata(self, examples: Dataset) -> Sequence[Any]:
        types = ([entity.type for entity in entities(self._tags(row))] for row in examples["tags"])
        return splits.by_labels([sorted(set(found)) for found in types])

    def learn(self, train: Dataset, recipe: Recipe) -> None:
        self.scheme = tags.scheme_of(train["tags"])
        self.types = sorted({entity.type for row in train["tags"] for entity in entities(self._tags(row))})

    def _tags(self, found: Sequence[str]) -> list[str]:
        """Tags of the data in valid IOB2."""
        return tags.repair(tags.to_iob2(found, self.scheme))

    def check(
        self, splits: Mapping[str, Dataset], keys: Mapping[str, Sequence[str]], given: Sequence[str]
    ) -> list[Finding]:
        train = splits["train"]
        wrong = [tags.invalid(tags.to_iob2(row, self.scheme)) for row in train["tags"]]
        rows = [row for row, places in zip(train["row"], wrong, strict=True) if places]
        rule = f"{sum(map(len, wrong))} tags I- that continue no entity of their type begin one"
        counts = self.label_counts(train)
        return [
            *checks.no_entities(counts),
            *checks.numbered_tags(counts),
            *checks.rare_class(counts),
            *checks.mended({"invalid-tags": (rule, rows)}, len(train)),
            *super().check(splits, keys, given),
        ]

    def knows(self, example: Example) -> bool:
        return all(entity.type in self.types for entity in entities(self._tags(example["tags"])))

    def label_counts(self, examples: Dataset) -> dict[str, int]:
        counted = Counter(entity.type for row in examples["tags"] for entity in entities(self._tags(row)))
        return {kind: counted[kind] for kind in sorted(counted)}

    # -- from examples to the model ------------------------------------------------------------------------------

    def texts(self, examples: Examples) -> Iterator[str]:
        yield from examples["text"]

    def model_config(self) -> dict[str, Any]:
        return {
            "num_labels": len(self.names),
            "id2label": dict(enumerate(self.names)),
            "label2id": {name: number for number, name in enumerate(self.names)},
        }

    def encode(
        self, examples: Examples, tokenizer: PreTrainedTokenizerBase, limits: Limits | None, *, training: bool
    ) -> Features:
        features = encode_windows(tokenizer, examples["text"], None, limits)
        places, sequences = features.pop("offsets"), features.pop("sequences")
        features["words"], features["swallowed"] = [], []
        tagged = [self._tags(row) for row in examples["tags"]] if "tags" in examples else []
        if tagged:
            features["labels"], features[TARGETS] = [], []
            ids = {name: number for number, name in enumerate(self.names)}
        for row, (offsets, parts) in enumerate(zip(places, sequences, strict=True)):
            example = features[EXAMPLES][row][0]
            text, words = examples["text"][example], examples["offsets"][example]
            first, every = first_tokens(text, offsets, parts, words)
            features["words"].append(first)
            features["swallowed"].append(swallowed(offsets, every, words))
            if tagged:
                learned = every if self.all_subwords and training else first
                features["labels"].append(
                    [IGNORED if word == NO_WORD else ids.get(tagged[example][word], IGNORED) for word in learned]
                )
                features[TARGETS].append(sum(label != IGNORED for label in features["labels"][-1]))
        return features

    def collator(self, tokenizer: PreTrainedTokenizerBase, model: PreTrainedModel) -> Collate:
        def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
            batch = pad_inputs(rows, tokenizer, side="right")
            if "labels" in rows[0]:
                batch["labels"] = pad_labels(rows, batch["input_ids"].shape[1])
            return batch

        return collate

    def loss(self, recipe: Recipe) -> Loss:
        smoothing = recipe.training.label_smoothing
        return lambda outputs, labels: summed_cross_entropy(outputs.logits, labels, smoothing)

    # -- from the model to answers -------------------------------------------------------------------------------

    def collect(self, outputs: Any, batch: Mapping[str, Tensor], labels: Tensor | None) -> list[Any]:
        return list(outputs.logits.float().softmax(-1).cpu().numpy())

    def answers(self, examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]) -> list[Answer]:
        seen: list[dict[int, list[tuple[int, int]]]] = [{} for _ in examples["text"]]
        inside: list[set[int]] = [set() for _ in seen]
        for number, row in enumerate(rows):
            inside[owner(row, number)].update(row["swallowed"])
            for place, word in enumerate(row["words"]):
                if word != NO_WORD:
                    seen[owner(row, number)].setdefault(word, []).append((number, place))
        found = []
        for words, windows, reached in zip(_tokens(examples), seen, inside, strict=True):
            within = reached - windows.keys()  # the end of a window may hide a token that begins in a word
            # A word of which the tokenizer leaves nothing (a soft hyphen, say) is outside, and nobody is sure of it.
            predicted, sure = [OUTSIDE] * len(words), [0.0] * len(words)
            for word, places in windows.items():
                number, place = places[
                    most_context([(n, at, len(rows[n]["words"])) for n, at in places]) if len(places) > 1 else 0
                ]
                shares = collected[number][place]
                best = int(np.argmax(shares))
                predicted[word], sure[word] = self.names[best], float(shares[best])
            for word in sorted(within):
                sure[word] = sure[word - 1]
            predicted = self._continued(predicted, within, words)
            found.append({"prediction": predicted, "score": min(sure, default=0.0), "scores": sure})
        return [
            answer | {"text": text, "offsets": [list(pair) for pair in offsets]}
            for answer, text, offsets in zip(found, examples["text"], examples["offsets"], strict=True)
        ]

    def _continued(self, predicted: Sequence[str], within: Collection[int], words: Sequence[str]) -> list[str]:
        """Tags of the model in valid IOB2, for the words too that share their token with the one before (`within`)."""
        alone = [tag for word, tag in enumerate(predicted) if word not in within]
        told = iter(tags.to_iob2(alone, tags.scheme_of([self._names]) if self._names else "IOB2"))
        found: list[str] = []
        for word in range(len(predicted)):
            tag = found[-1] if word in within else next(told)
            found.append(f"I{tag[1:]}" if word in within and tag != OUTSIDE else tag)
        for word in sorted(within, reverse=True):
            # A mark behind a name is none of it, unless the name goes on behind the mark.
            if found[word + 1 : word + 2] != [found[word]] and not any(map(str.isalnum, words[word])):
                found[word] = OUTSIDE
        return valid_tags(found)

    def readable(self, answer: Answer) -> Answer:
        """The entities, where they stand in the text, and the tag of every word."""
        text, offsets = answer["text"], answer["offsets"]
        named = []
        for entity in entities(answer["prediction"]):
            start, end = offsets[entity.start][0], offsets[entity.end - 1][1]
            place = {"type": entity.type, "text": text[start:end], "start": start, "end": end}
            named.append(place | {"score": min(answer["scores"][entity.start : entity.end])})
        tokens = [text[start:end] for start, end in offsets]
        return {"prediction": named, "score": answer["score"], "tokens": tokens, "tags": answer["prediction"]}

    def gold(self, examples: Examples) -> list[Any]:
        return [self._tags(row) for row in examples["tags"]]

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        return {
            "text": list(examples["text"]),
            "offsets": [[list(pair) for pair in row] for row in examples["offsets"]],
        }

    # -- how good the answers are --------------------------------------------------------------------------------

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        return list(entity_metrics([answer["prediction"] for answer in answers], self.gold(examples)))

    @property
    def metric_for_best(self) -> str:
        return "f1"

    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        found = most_frequent_tags(_tokens(train), self.gold(train), _tokens(test))
        return {"tag-dictionary": [{"prediction": predicted} for predicted in found]}

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions)

    # -- the model directory -------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        return {
            "shape": self.shape,
            "columns": self.columns,
            "scheme": self.scheme,
            "types": self.types,
            "all_subwords": self.all_subwords,
        }

    @classmethod
    def restored(cls, saved: Mapping[str, Any]) -> Self:
        return cls(
            saved["shape"],
            saved["columns"],
            saved["scheme"],
            saved["types"],
            all_subwords=saved["all_subwords"],
        )

    @classmethod
    def of_model(cls, config: Any, tokenizer: PreTrainedTokenizerBase) -> Self | None:
        if not any(name.endswith("ForTokenClassification") for name in config.architectures or []):
            return None
        names = [config.id2label[i] for i in range(config.num_labels)]
        told = tags.to_iob2(names, tags.scheme_of([names]))
        types = sorted({entity.type for name in told for entity in entities([name])})
        return cls("tokens", {"tokens": "tokens", "tags": "tags"}, types=types, names=names)


def _joined(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """Words as a text with single blanks between them, and where each stands in it."""
    ends = np.cumsum([len(token) + 1 for token in tokens]).tolist()
    starts = [0, *ends[:-1]]
    return " ".join(tokens), [(start, start + len(token)) for start, token in zip(starts, tokens, strict=True)]


def _tokens(examples: Examples) -> list[list[str]]:
    pairs = zip(examples["text"], examples["offsets"], strict=True)
    return [[text[start:end] for start, end in offsets] for text, offsets in pairs]
