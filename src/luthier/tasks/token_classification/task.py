"""Token classification: a tag for each word, as in named-entity recognition. All schemes are converted to IOB2.

Tags without prefixes, such as parts of speech, are kept; each counts by itself.

{"tokens": ["Anna", "sings", "."], "tags": ["B-PER", "O", "O"]} ->
    {"prediction": [{"type": "PER", "text": "Anna", "start": 0, "end": 4, "score": 0.99}], ...}
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.data import splits
from luthier.data.batches import IGNORED, Collate, pad_inputs, padded
from luthier.data.checks.labels import missed_labels, near_equal_labels, rare_class
from luthier.data.checks.targets import mended, no_entities, numbered_tags
from luthier.data.columns.profile import Recognition
from luthier.data.columns.roles import Columns, Given, Profiles
from luthier.data.examples import values_of
from luthier.data.records import Fault
from luthier.data.table import Example
from luthier.data.tag_notation import OUTSIDE
from luthier.data.tokenized import EXAMPLES, TARGETS, Examples, Features, owner
from luthier.data.values import structured
from luthier.findings import Decision, Finding
from luthier.metrics.base import AnyMetric
from luthier.metrics.entities import (
    each_tag,
    entities,
    entity_metrics,
    most_frequent_tags,
    tag_metrics,
    valid_tags,
)
from luthier.recipe import Recipe, TrainingRecipe
from luthier.reporting.panels import Panel
from luthier.reporting.task_words import TaskWords
from luthier.reporting.telling import Judged
from luthier.tasks import usage
from luthier.tasks.base import Task
from luthier.tasks.label_names import named, require_found
from luthier.tasks.long_rows import WINDOWS
from luthier.tasks.losses import categorical_divergence, summed_cross_entropy
from luthier.tasks.phases import Answer, Bound, Fitted, Loss, Recognised
from luthier.tasks.roles import Role, name_in_query, or_empty, read_text
from luthier.tasks.token_classification import annotations, tags
from luthier.tasks.token_classification.columns import SHAPES, likely, recognise_tokens
from luthier.tasks.token_classification.panels import METRIC_WORDS, PLAIN_WORDS, judged, panels
from luthier.tasks.token_classification.tagset import Tags
from luthier.tasks.token_classification.words import tags_of_spans, word_offsets
from luthier.tasks.windows import NO_WORD, encode_windows, first_tokens, once, swallowed
from luthier.text import plural, shorten


class TokenClassification(Task[Tags]):
    """The task token-classification: a tag for each word; runs of tags are entities. Long texts are read in windows.

    Examples hold `text`, `offsets` of its words and, if known, `tags` as in the data.
    """

    name = "token-classification"
    family = "encoder"
    auto_class = "TokenClassification"
    about = "a tag for each word of a text: named entities and the like"
    row = "tokens + tags, or text + spans"
    lacking = "no list of words beside a list of tags of its length, and no text beside spans"
    roles = (
        Role("tokens", needed=False),
        Role("text", needed=False),
        Role("tags", "label", needed=False, learned=True),
        Role("spans", "label", needed=False, learned=True),
    )
    shapes = SHAPES
    metric_names = ("f1", "precision", "recall", "f1_macro", "accuracy")
    ignores_padding = True
    gold_column = "tags"
    long_rows = WINDOWS
    counted = ("Type", "Entities")

    # -- recognising the data ------------------------------------------------------------------------------------

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        return recognise_tokens(profiles, given=given, shape=shape)

    def likely(self, profiles: Profiles) -> list[Columns]:
        return likely(profiles)

    def uses(self, shape: str) -> Sequence[str]:
        names = () if shape == "spans" else ("data.label_names",)
        training = ("training.label_smoothing", "training.r_drop_alpha")
        return "data.stride", "data.label_all_subwords", *training, *names

    # -- rows and examples ---------------------------------------------------------------------------------------

    def example(self, task: Recognised[Tags], values: Mapping[str, Any]) -> Example | Fault:
        if task.shape == "spans":
            read = annotations.read_spans(values, task.columns)
            if isinstance(read, Fault):
                return read
            text, spans = read
            tagged = tags_of_spans(text, spans)
            if isinstance(tagged, Fault):
                return tagged
            offsets, found = tagged
        else:
            pair = tags.read_tokens(values, task.columns)
            if isinstance(pair, Fault):
                return pair
            tokens, given = pair
            found = [task.name_of(tag) for tag in given]
            text, offsets = _joined(tokens)
        if not offsets:
            return Fault("empty-text", "the text has no words")
        return {"text": text, "offsets": offsets, "tags": found}

    def query(self, task: Recognised[Tags], values: Mapping[str, Any]) -> Example | Fault:
        (role,) = self.asked(task)
        name = name_in_query(values, task.columns, role)
        given = structured(values[name])
        if task.shape == "tokens" and isinstance(given, list | tuple):
            if wrong := [token for token in given if token is None or isinstance(token, dict | list | tuple)]:
                return Fault("not-text", f"column {name!r} has a token that is no text: {shorten(str(wrong[0]), 40)}")
            text, offsets = _joined([str(token) for token in given])
            return {"text": text, "offsets": offsets}
        read = or_empty((annotations.read_annotated if task.shape == "spans" else read_text)(values, name))
        return read if isinstance(read, Fault) else {"text": read, "offsets": word_offsets(read)}

    def asked(self, task: Recognised[Tags]) -> list[str]:
        return ["text" if task.shape == "spans" else "tokens"]

    def strata(self, task: Recognised[Tags], examples: Dataset) -> Sequence[Any]:
        tagged = values_of(examples, "tags")
        known = Tags.of(tagged)
        return splits.by_labels([sorted({entity.type for entity in known.entities(row)}) for row in tagged])

    def fit(self, task: Recognised[Tags], train: Dataset, recipe: Recipe) -> Tags:
        tagged = values_of(train, "tags")
        require_found(recipe.data.label_names, {tag for row in tagged for tag in row})
        found = Tags.of(tagged)
        types = {entity.type for row in tagged for entity in found.entities(row)}
        return replace(found, types=tuple(sorted(types)), all_subwords=recipe.data.label_all_subwords)

    def learned_type(self, shape: str) -> type[Tags]:
        return Tags

    # -- checks and scores ---------------------------------------------------------------------------------------

    def check(
        self,
        task: Fitted[Tags],
        splits: Mapping[str, Dataset],
        keys: Mapping[str, Sequence[str]],
        given: Sequence[str],
    ) -> list[Finding]:
        train = splits["train"]
        wrong = [tags.invalid(task.learned.iob2(row)) for row in values_of(train, "tags")]
        rows = [row for row, places in zip(values_of(train, "row"), wrong, strict=True) if places]
        tagged = plural(sum(map(len, wrong)), "tag")
        rule = f"an I- tag that does not continue an entity of its type starts one ({tagged})"
        signs = task.learned.notation.outside
        untagged = [0 if "" in signs else row.count("") for row in values_of(train, "tags")]
        bare = [row for row, words in zip(values_of(train, "row"), untagged, strict=True) if words]
        empty = f"{plural(sum(untagged), 'word')} without a tag {'is' if sum(untagged) == 1 else 'are'} {OUTSIDE}"
        counts = task.label_counts(train)
        return [
            *no_entities(counts),
            *numbered_tags(counts),
            *rare_class(counts),
            *near_equal_labels(Counter(counts).elements()),
            *mended({"invalid-tags": (rule, rows), "untagged-words": (empty, bare)}, len(train)),
            *(found for name, split in splits.items() if name != "train" for found in task.missed(split, name)),
            *super().check(task, splits, keys, given),
        ]

    def missed(self, task: Fitted[Tags], examples: Dataset, split: str) -> list[Finding]:
        return missed_labels(task.label_counts(examples), task.learned.types, split)

    def label_counts(self, task: Fitted[Tags], examples: Dataset) -> dict[str, int]:
        counted = Counter(entity.type for row in values_of(examples, "tags") for entity in task.learned.entities(row))
        return {kind: counted[kind] for kind in sorted(counted)}

    def texts(self, task: Fitted[Tags], examples: Examples) -> Iterator[str]:
        yield from examples["text"]

    def model_config(self, task: Fitted[Tags]) -> dict[str, Any]:
        names = task.learned.names
        return {
            "num_labels": len(names),
            "id2label": dict(enumerate(names)),
            "label2id": {name: number for number, name in enumerate(names)},
        }

    def gold(self, task: Fitted[Tags], examples: Examples) -> list[Any]:
        return [task.learned.valid(row) for row in examples["tags"]]

    def inputs(self, task: Fitted[Tags], examples: Examples) -> dict[str, list[Any]]:
        return {
            "text": list(examples["text"]),
            "offsets": [[list(pair) for pair in row] for row in examples["offsets"]],
        }

    def metrics(self, task: Fitted[Tags], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        score = tag_metrics if task.learned.plain else entity_metrics
        return list(score([answer["prediction"] for answer in answers], self.gold(task, examples)))

    def best_metric(self, task: Fitted[Tags]) -> str:
        return "accuracy" if task.learned.plain else "f1"

    def readable(self, task: Fitted[Tags], answer: Answer) -> Answer:
        """The entities, or each tag, with their places in the text, and the tag of every word."""
        text, offsets = answer["text"], answer["offsets"]
        named = []
        for entity in (each_tag if task.learned.plain else entities)(answer["prediction"]):
            start, end = offsets[entity.start][0], offsets[entity.end - 1][1]
            place = {"type": entity.type, "text": text[start:end], "start": start, "end": end}
            named.append(place | {"score": min(answer["scores"][entity.start : entity.end])})
        tokens = [text[start:end] for start, end in offsets]
        return {"prediction": named, "score": answer["score"], "tokens": tokens, "tags": answer["prediction"]}

    def panels(self, task: Fitted[Tags], predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions, plain=task.learned.plain)

    def judged(self, task: Fitted[Tags], predictions: Mapping[str, Sequence[Any]]) -> Judged:
        return judged(predictions, plain=task.learned.plain)

    def page_words(self) -> TaskWords:
        return replace(super().page_words(), metrics=METRIC_WORDS, of_rows=False)

    def words(self, task: Fitted[Tags], run: Path) -> TaskWords:
        found = super().words(task, run)
        return replace(found, metrics=PLAIN_WORDS, counted=("Tag", "Tags")) if task.learned.plain else found

    def trial(self, task: Fitted[Tags]) -> Mapping[str, Any]:
        return {"text": "Anna met Paul in Paris."}

    def transformers_code(self, task: Fitted[Tags], model: str) -> str:
        text = usage.string(str(self.trial(task)["text"]))
        # A word has the tag of its first subword, as in training; but equal neighbours would be merged.
        grouping = "none" if task.learned.plain else "first"
        return usage.pipeline_code(self.name, model, f', aggregation_strategy="{grouping}"', f"[{text}]")

    def of_model(self, config: Any, tokenizer: PreTrainedTokenizerBase) -> Fitted[Tags] | None:
        if not any(name.endswith("ForTokenClassification") for name in config.architectures or []):
            return None
        names = tuple(config.id2label[i] for i in range(config.num_labels))
        known = Tags.of([names])
        types = sorted({entity.type for name in names for entity in known.entities([name])})
        # Data to score the model on may be in another scheme than the model's.
        learned = Tags(known.scheme if known.plain else "IOB2", tuple(types), given=names)
        return Fitted(self, "tokens", {"tokens": "tokens", "tags": "tags"}, {}, learned)

    def ready(
        self, task: Fitted[Tags], tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple[Tags, list[Decision]]:
        learned = task.learned
        meaning = [*learned.notation.decisions(), *tags.DECISIONS.get(learned.scheme, [])]
        return learned, [*named(task.label_names), *meaning]

    # -- features and answers ------------------------------------------------------------------------------------

    def encode(self, task: Bound[Tags], examples: Examples, *, training: bool) -> Features:
        features = encode_windows(task.tokenizer, examples["text"], None, task.limits)
        places, sequences = features.pop("offsets"), features.pop("sequences")
        owners = [example for (example,) in features[EXAMPLES]]
        found = [
            first_tokens(examples["text"][example], offsets, parts, examples["offsets"][example])
            for example, offsets, parts in zip(owners, places, sequences, strict=True)
        ]
        features["words"] = once([first for first, _ in found], owners)
        features["swallowed"] = [
            swallowed(offsets, every, examples["offsets"][example])
            for example, offsets, (_, every) in zip(owners, places, found, strict=True)
        ]
        if "tags" in examples:
            tagged = [task.learned.valid(row) for row in examples["tags"]]
            ids = {name: number for number, name in enumerate(task.learned.names)}
            features["labels"], features[TARGETS] = [], []
            for example, words, (_, every) in zip(owners, features["words"], found, strict=True):
                here = {*words} - {NO_WORD}
                learned = every if task.learned.all_subwords and training else words
                labels = [ids.get(tagged[example][word], IGNORED) if word in here else IGNORED for word in learned]
                features["labels"].append(labels)
                features[TARGETS].append(sum(label != IGNORED for label in labels))
        return features

    def collator(self, task: Bound[Tags], model: PreTrainedModel) -> Collate:
        def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
            batch = pad_inputs(rows, task.tokenizer, side="right")
            if "labels" in rows[0]:
                batch["labels"] = padded(row["labels"] for row in rows)
            return batch

        return collate

    def loss(self, task: Bound[Tags], training: TrainingRecipe) -> Loss:
        return lambda outputs, batch: summed_cross_entropy(outputs.logits, batch["labels"], training.label_smoothing)

    def divergence(self, task: Bound[Tags]) -> Loss:
        return lambda outputs, batch: categorical_divergence(outputs.logits, batch["labels"])

    def collect(self, task: Bound[Tags], outputs: Any, batch: Mapping[str, Tensor]) -> list[Any]:
        return list(outputs.logits.float().softmax(-1).cpu().numpy())

    def answers(
        self, task: Bound[Tags], examples: Examples, rows: Sequence[Mapping[str, Any]], collected: Sequence[Any]
    ) -> list[Answer]:
        names = task.learned.names
        seen: list[dict[int, tuple[int, int]]] = [{} for _ in examples["text"]]
        inside: list[set[int]] = [set() for _ in seen]
        for number, row in enumerate(rows):
            inside[owner(row, number)].update(row["swallowed"])
            for place, word in enumerate(row["words"]):
                if word != NO_WORD:
                    seen[owner(row, number)][word] = number, place
        found = []
        for words, windows, reached in zip(_tokens(examples), seen, inside, strict=True):
            within = reached - windows.keys()  # a window may end before a token that begins in the word
            # A word that the tokenizer drops entirely (such as a soft hyphen) is tagged O, with score 0.
            predicted, sure = [OUTSIDE] * len(words), [0.0] * len(words)
            for word, (number, place) in windows.items():
                shares = collected[number][place]
                best = int(np.argmax(shares))
                predicted[word], sure[word] = names[best], float(shares[best])
            for word in sorted(within):
                sure[word], predicted[word] = sure[word - 1], predicted[word - 1]
            if not task.learned.plain:
                predicted = _continued(task.learned.given, predicted, within, words)
            found.append({"prediction": predicted, "score": min(sure, default=0.0), "scores": sure})
        return [
            answer | {"text": text, "offsets": [list(pair) for pair in offsets]}
            for answer, text, offsets in zip(found, examples["text"], examples["offsets"], strict=True)
        ]

    def baselines(self, task: Bound[Tags], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        known = _tokens(train), self.gold(task, train)
        found = most_frequent_tags(*known, _tokens(test), alone=task.learned.plain)
        return {"tag-dictionary": [{"prediction": predicted} for predicted in found]}


def _continued(
    given: Sequence[str], predicted: Sequence[str], within: Collection[int], words: Sequence[str]
) -> list[str]:
    """The model's tags in valid IOB2, including the words that share a token with the word before (`within`)."""
    alone = [tag for word, tag in enumerate(predicted) if word not in within]
    told = iter(Tags.of([given]).iob2(alone) if given else alone)
    found: list[str] = []
    for word in range(len(predicted)):
        tag = found[-1] if word in within else next(told)
        found.append(f"I{tag[1:]}" if word in within and tag != OUTSIDE else tag)
    for word in sorted(within, reverse=True):
        # Punctuation after a name is not part of it, unless the name continues after it.
        if found[word + 1 : word + 2] != [found[word]] and not any(map(str.isalnum, words[word])):
            found[word] = OUTSIDE
    return valid_tags(found)


def _joined(tokens: Sequence[str]) -> tuple[str, list[tuple[int, int]]]:
    """The words joined by single spaces, and the offsets of each."""
    ends = np.cumsum([len(token) + 1 for token in tokens]).tolist()
    starts = [0, *ends[:-1]]
    return " ".join(tokens), [(start, start + len(token)) for start, token in zip(starts, tokens, strict=True)]


def _tokens(examples: Examples) -> list[list[str]]:
    pairs = zip(examples["text"], examples["offsets"], strict=True)
    return [[text[start:end] for start, end in offsets] for text, offsets in pairs]
