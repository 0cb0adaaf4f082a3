"""Token classification: from tags in any scheme to labels of tokens, and back to a tag for every word of any text."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from datasets import Dataset
from hypothesis import example, given, settings
from hypothesis import strategies as st
from seqeval.metrics import f1_score
from sklearn.metrics import accuracy_score
from sklearn.metrics import f1_score as macro_f1
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForTokenClassification,
    BertTokenizer,
    PreTrainedTokenizerBase,
    RobertaTokenizer,
    XLMRobertaTokenizer,
    pipeline,
)
from transformers.modeling_outputs import TokenClassifierOutput

from luthier.data.batches import IGNORED
from luthier.data.records import Fault, Record, Skipped
from luthier.data.tokenized import Limits
from luthier.errors import RecipeError
from luthier.pipeline.inference.predictor import Predictor, load
from luthier.recipe import Recipe
from luthier.run_directory.predictions import read_predictions
from luthier.tasks.phases import Fitted, Recognised
from luthier.tasks.registry import find, registry
from luthier.tasks.token_classification.tags import DECISIONS
from luthier.tasks.token_classification.tagset import Tags
from luthier.tasks.token_classification.task import TokenClassification
from luthier.tokenizers.training import train_tokenizer
from tests.tasks.by_hand import (
    Oracle,
    Row,
    bound,
    came_back,
    encoded,
    learned,
    predicting,
    recipe_of,
    recognised,
    run,
    skip_reason,
    values_of,
)

WORDS = ["Ada", "Lovelace", "met", "Bob", "in", "New", "York", "."]
IOB2 = ["B-PER", "I-PER", "O", "B-PER", "O", "B-LOC", "I-LOC", "O"]
SCHEMES = {
    "IOB2": IOB2,
    "IOB1": ["I-PER", "I-PER", "O", "I-PER", "O", "I-LOC", "I-LOC", "O"],
    "BIOES": ["B-PER", "E-PER", "O", "S-PER", "O", "B-LOC", "E-LOC", "O"],
    "BILOU": ["B-PER", "L-PER", "O", "U-PER", "O", "B-LOC", "L-LOC", "O"],
    "IO": ["PER", "PER", "O", "PER", "O", "LOC", "LOC", "O"],
}
SPEECH = ["PROPN", "PROPN", "VERB", "NOUN", "ADP", "PROPN", "PROPN", "PUNCT"]
NAMES = ["O", "B-LOC", "I-LOC", "B-PER", "I-PER"]
TEXT = "Ada Lovelace met Bob in New York."
SPANS = [(0, 12, "PER"), (17, 20, "PER"), (24, 32, "LOC")]
EXPORTS: dict[str, Row] = {
    "prodigy": {"text": TEXT, "spans": [{"start": s, "end": e, "label": name} for s, e, name in SPANS]},
    "doccano": {"text": TEXT, "label": [list(span) for span in SPANS]},
    "label studio": {
        "data": {"text": TEXT},
        "annotations": [
            {
                "result": [
                    {"type": "labels", "value": {"start": s, "end": e, "labels": [name], "text": TEXT[s:e]}}
                    for s, e, name in SPANS
                ]
            }
        ],
    },
}


def rows(tags: Sequence[str], n: int = 4) -> list[Row]:
    return [{"tokens": WORDS, "ner_tags": list(tags)} for _ in range(n)]


@pytest.fixture(scope="module")
def wordpiece() -> PreTrainedTokenizerBase:
    """The words of WORDS, of which two are cut in pieces."""
    pieces = ["ada", "love", "##lace", "met", "bob", "in", "new", "y", "##or", "##k", "."]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return BertTokenizer(vocab={piece: i for i, piece in enumerate([*special, *pieces])})


@pytest.fixture(scope="module")
def bytelevel() -> PreTrainedTokenizerBase:
    """Two merges alone; all else is single bytes, with the blank before a word in a token of its own or its first."""
    letters = sorted({chr(code) for code in range(33, 127)} | {"Ġ"})
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = {piece: i for i, piece in enumerate([*special, *letters, "Ġi", "Ġin"])}
    return RobertaTokenizer(vocab=vocabulary, merges=[("Ġ", "i"), ("Ġi", "n")], add_prefix_space=False)


# -- rows to examples ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
def test_tags_of_any_scheme_are_learned_as_iob2(scheme: str) -> None:
    task, examples = learned(TokenClassification, rows(SCHEMES[scheme]))
    assert (task.shape, task.learned.scheme, task.learned.types) == ("tokens", scheme, ("LOC", "PER"))
    assert list(task.learned.names) == NAMES
    assert task.model_config()["id2label"] == dict(enumerate(NAMES))
    assert task.gold(examples) == [IOB2] * 4
    assert examples["text"][0] == "Ada Lovelace met Bob in New York ."
    assert [examples["text"][0][start:end] for start, end in examples["offsets"][0]] == WORDS
    assert task.label_counts(Dataset.from_dict(examples)) == {"LOC": 4, "PER": 8}


def test_parts_of_speech_each_count_by_themselves(wordpiece: PreTrainedTokenizerBase) -> None:
    task, examples = learned(TokenClassification, rows(SPEECH))
    assert (task.learned.scheme, task.learned.types) == ("plain", ("ADP", "NOUN", "PROPN", "PUNCT", "VERB"))
    assert task.model_config()["id2label"] == dict(enumerate(task.learned.types))
    assert task.gold(examples) == [SPEECH] * 4
    # Four names, of which two pairs are neighbours: as entities they would be two.
    counts = {"ADP": 4, "NOUN": 4, "PROPN": 16, "PUNCT": 4, "VERB": 4}
    assert task.label_counts(Dataset.from_dict(examples)) == counts
    ready, decisions = task.bind(wordpiece, BertConfig())
    assert decisions == DECISIONS["plain"]
    labels = encoded(ready, examples, wordpiece, training=True)[0]["labels"]
    assert [task.learned.names[label] for label in labels if label != IGNORED] == SPEECH
    assert came_back(task).to_dict() == task.to_dict()
    words = task.words(Path("run"))
    assert (words.metrics["f1_macro"], words.counted) == ("macro F1 over tags", ("Tag", "Tags"))
    assert learned(TokenClassification, rows(SCHEMES["IO"]))[0].bind(wordpiece, BertConfig())[1] == DECISIONS["IO"]


def test_parts_of_speech_are_scored_tag_by_tag() -> None:
    task, examples = learned(TokenClassification, rows(SPEECH))
    assert task.metric_for_best == "accuracy"
    assert values_of(task, task.perfect(examples), examples) == {"accuracy": 1.0, "f1_macro": 1.0}
    # One of two neighbours is wrong: the other counts as right.
    wrong = ["PROPN", "NOUN", *SPEECH[2:]]
    found = values_of(task, [{"prediction": wrong}] * 4, examples)
    flat = SPEECH * 4, wrong * 4
    assert found["accuracy"] == pytest.approx(accuracy_score(*flat)) == 7 / 8
    assert found["f1_macro"] == pytest.approx(macro_f1(*flat, average="macro"))
    # An unknown word gets the most frequent tag of all.
    other = {"tokens": ["met", "unseen"], "ner_tags": ["VERB", "NOUN"]}
    _, asked = learned(TokenClassification, [other] * 4)
    said = bound(task, Mock()).baselines(examples, asked)
    assert said["tag-dictionary"] == [{"prediction": ["VERB", "PROPN"]}] * 4


@pytest.mark.parametrize("tool", EXPORTS)
def test_spans_of_annotation_tools_become_tags_of_words(tool: str) -> None:
    task, examples = learned(TokenClassification, [EXPORTS[tool]] * 4)
    assert (task.shape, task.learned.types) == ("spans", ("LOC", "PER"))
    assert task.gold(examples)[0] == IOB2
    assert examples["text"][0] == TEXT
    assert [TEXT[start:end] for start, end in examples["offsets"][0]] == WORDS


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ner_tags": ["O"] * 7}, "length-mismatch"),
        ({"tokens": [], "ner_tags": []}, "empty-text"),
        ({"tokens": None}, "missing-text"),
        ({"ner_tags": None}, "missing-label"),
        ({"ner_tags": ["O"] * 7 + [None]}, "missing-label"),
        ({"ner_tags": "O O O"}, "length-mismatch"),
        ({"ner_tags": " "}, "missing-label"),
    ],
)
def test_tokens_that_cannot_be_used_are_skipped(change: Row, reason: str) -> None:
    task = recognised(TokenClassification, rows(IOB2))
    assert skip_reason(task, {"tokens": WORDS, "ner_tags": IOB2, **change}) == reason


@pytest.mark.parametrize(
    ("text", "span", "reason"),
    [
        (TEXT, (0, 2), "span-inside-word"),
        (TEXT, (1, 12), "span-inside-word"),
        (TEXT, (3, 4), "empty-span"),
        (TEXT, (30, 99), "span-outside"),
        ("", (0, 2), "empty-text"),
        (None, (0, 2), "missing-text"),
    ],
)
def test_spans_that_cannot_be_used_are_skipped(text: str | None, span: tuple[int, int], reason: str) -> None:
    task = recognised(TokenClassification, [EXPORTS["prodigy"]] * 4)
    row = {"text": text, "spans": [{"start": span[0], "end": span[1], "label": "PER"}]}
    assert skip_reason(task, row) == reason


def test_crossing_spans_are_set_aside_and_white_space_is_trimmed() -> None:
    task = recognised(TokenClassification, [EXPORTS["doccano"]] * 4)
    assert skip_reason(task, {"text": TEXT, "label": [[0, 12, "PER"], [4, 16, "LOC"]]}) == "overlapping-spans"
    _, examples = learned(TokenClassification, [{"text": TEXT, "label": [[3, 13, "PER"]]}] * 4)
    assert examples["tags"][0] == ["O", "B-PER", *["O"] * 6]


def test_tags_that_continue_nothing_are_counted_and_begin_an_entity() -> None:
    good, bad = IOB2, ["I-PER", "I-PER", "O", "I-LOC", "O", "B-LOC", "I-PER", "O"]
    data = [{"tokens": WORDS, "ner_tags": tags} for tags in [good] * 20 + [bad]]
    task, examples = learned(TokenClassification, data)
    assert task.learned.scheme == "IOB2"
    assert task.gold(examples)[20] == ["B-PER", "I-PER", "O", "B-LOC", "O", "B-LOC", "B-PER", "O"]
    train = Dataset.from_dict(examples)
    keys = {"train": [task.key(example) for example in train]}
    found = {finding.id: finding for finding in task.check({"train": train}, keys, [])}
    assert found["invalid-tags"].rows == (21,)
    assert found["invalid-tags"].message.endswith(" starts one (3 tags).")
    assert "untagged-words" not in found


def test_types_that_differ_in_case_are_near_equal() -> None:
    data = [{"tokens": WORDS, "ner_tags": tags} for tags in [IOB2] * 3 + [[tag.replace("PER", "per") for tag in IOB2]]]
    task, examples = learned(TokenClassification, data)
    train = Dataset.from_dict(examples)
    keys = {"train": [task.key(example) for example in train]}
    (finding,) = [one for one in task.check({"train": train}, keys, []) if one.id == "near-equal-labels"]
    assert "'PER'" in finding.message and "'per'" in finding.message


def test_words_without_a_tag_are_counted() -> None:
    data = [{"tokens": WORDS, "ner_tags": tags} for tags in [IOB2] * 20 + [["", *IOB2[1:-1], ""]]]
    task, examples = learned(TokenClassification, data)
    train = Dataset.from_dict(examples)
    keys = {"train": [task.key(example) for example in train]}
    found = {finding.id: finding for finding in task.check({"train": train}, keys, [])}
    assert (found["untagged-words"].severity, found["untagged-words"].rows) == ("info", (21,))
    assert "2 words without a tag are O" in found["untagged-words"].message


def test_an_entity_of_a_type_that_training_has_not_is_reported_and_counts_as_missed() -> None:
    task, examples = learned(TokenClassification, rows(IOB2))
    held_out = Dataset.from_dict({"tags": [["B-PER", "O", "I-LOC"], ["B-ORG", "O", "B-ORG"]], "row": [1, 2]})
    assert all(task.knows(example) for example in held_out)
    (finding,) = task.missed(held_out, "test")
    assert (finding.id, finding.severity) == ("missed-labels", "warning")
    assert "'ORG' (2)" in finding.message and "knows 'LOC', 'PER'" in finding.message
    assert task.missed(Dataset.from_dict(examples), "test") == []
    keys = {"train": ["a"] * len(examples["row"]), "test": ["b", "c"]}
    columns = {"text": ["", ""], "offsets": [[[0, 1]] * 3] * 2}
    splits = {"train": Dataset.from_dict(examples), "test": Dataset.from_dict(held_out[:] | columns)}
    assert "missed-labels" in {one.id for one in task.check(splits, keys, ["test"])}
    said = [{"prediction": row} for row in (["B-PER", "O", "B-LOC"], ["O", "O", "O"])]
    found = values_of(task, said, held_out[:])
    assert (found["precision"], found["recall"]) == (1.0, 0.5)


def test_tags_that_are_codes_are_named() -> None:
    recipe = Recipe.build({"data": {"label_names": {0: "O", 1: "B-PER", 2: "I-PER"}}})
    columns = {"tokens": "tokens", "tags": "tags"}
    task = Recognised(find("token-classification"), "tokens", columns, {}).named(recipe.data.label_names)
    row = {"tokens": ["Anna", "Lee", "sings"], "tags": [1, 2, 0]}
    example = task.example(Record("rows.jsonl", 1, row))
    assert not isinstance(example, Skipped) and example["tags"] == ["B-PER", "I-PER", "O"]
    learned = task.fit(Dataset.from_list([example]), recipe).learned
    assert (learned.scheme, learned.types) == ("IOB2", ("PER",))
    recipe.data.label_names = {"0": "O", "7": "B-PER"}
    with pytest.raises(RecipeError, match="no training row has the label '7'"):
        replace(task, details={}).named({"0": "O"}).fit(
            Dataset.from_list([example | {"tags": ["1", "2", "O"]}]), recipe
        )


def test_splits_are_balanced_by_the_types_of_a_sentence() -> None:
    data = [{"tokens": WORDS, "ner_tags": IOB2 if i % 2 else ["O"] * 8} for i in range(20)]
    task, examples = learned(TokenClassification, data)
    strata = task.strata(Dataset.from_dict(examples))
    assert len(set(strata[0::2])) == len(set(strata[1::2])) == 1
    assert strata[0] != strata[1]


# -- examples to tokens ----------------------------------------------------------------------------------------------


def test_labels_stand_on_the_first_piece_of_each_word(wordpiece: PreTrainedTokenizerBase) -> None:
    task, examples = learned(TokenClassification, rows(IOB2))
    row = encoded(task, examples, wordpiece, training=True)[0]
    pieces = ["[CLS]", "ada", "love", "##lace", "met", "bob", "in", "new", "y", "##or", "##k", ".", "[SEP]"]
    assert wordpiece.convert_ids_to_tokens(row["input_ids"]) == pieces
    assert row["labels"] == [IGNORED, 3, 4, IGNORED, 0, 3, 0, 1, 2, IGNORED, IGNORED, 0, IGNORED]
    assert row["words"] == [-1, 0, 1, -1, 2, 3, 4, 5, 6, -1, -1, 7, -1]
    assert row["targets"] == 8


def test_labels_stand_on_every_piece_when_asked_for_and_only_in_training(wordpiece: PreTrainedTokenizerBase) -> None:
    task, examples = learned(TokenClassification, rows(IOB2), data__label_all_subwords=True)
    row = encoded(task, examples, wordpiece, training=True)[0]
    assert row["labels"] == [IGNORED, 3, 4, 4, 0, 3, 0, 1, 2, 2, 2, 0, IGNORED]
    first, _ = learned(TokenClassification, rows(IOB2))
    assert encoded(task, examples, wordpiece) == encoded(first, examples, wordpiece)
    assert task.to_dict() != first.to_dict(), "or what was encoded for the one would be taken for the other"


def test_a_blank_before_a_word_is_none_of_its_tokens(bytelevel: PreTrainedTokenizerBase) -> None:
    data = [{"tokens": ["Al", "in", "a"], "ner_tags": ["B-PER", "O", "B-LOC"]}] * 4
    task, examples = learned(TokenClassification, data)
    row = encoded(task, examples, bytelevel, training=True)[0]
    assert bytelevel.convert_ids_to_tokens(row["input_ids"]) == ["<s>", "A", "l", "Ġin", "Ġ", "a", "</s>"]
    assert list(task.learned.names) == NAMES
    assert row["labels"] == [IGNORED, 3, IGNORED, 0, IGNORED, 1, IGNORED]


def test_padding_and_the_loss_leave_out_what_is_no_label(wordpiece: PreTrainedTokenizerBase) -> None:
    data = [*rows(IOB2, 2), {"tokens": ["Bob"], "ner_tags": ["B-PER"]}]
    task, examples = learned(TokenClassification, data)
    batch = bound(task, wordpiece).collator(Mock())(encoded(task, examples, wordpiece, training=True))
    assert batch["input_ids"].shape == batch["labels"].shape == batch["attention_mask"].shape == (3, 13)
    assert batch["labels"][2].tolist() == [IGNORED, 3, *[IGNORED] * 11]
    logits = torch.randn(3, 13, 5)
    for smoothing in (0.0, 0.1):
        criterion = nn.CrossEntropyLoss(reduction="sum", ignore_index=IGNORED, label_smoothing=smoothing)
        expected = criterion(logits.view(-1, 5), batch["labels"].view(-1))
        summed = bound(task, wordpiece).loss(recipe_of(training__label_smoothing=smoothing).training)
        found = summed(TokenClassifierOutput(logits=logits), batch)
        assert float(found) == pytest.approx(float(expected), rel=1e-6)


# -- tokens to a tag for every word ----------------------------------------------------------------------------------

TYPES = {"l": "LOC", "p": "PER"}
INSIDE = {"m": "LOC", "q": "PER"}
WRONG = "B-WRONG"


def tag_of(piece: str) -> str:
    """What the oracle says of a token: by its first letter where it begins a word, and never right elsewhere."""
    if piece.startswith("##"):
        return WRONG
    piece = piece.lstrip("▁Ġ").lower()
    first = piece[:1]
    return f"B-{TYPES[first]}" if first in TYPES else f"I-{INSIDE[first]}" if first in INSIDE else "O"


def sentence(n: int, seed: int, alphabet: str = "abcdelmpqrst") -> tuple[list[str], list[str]]:
    """Words of one to twelve letters with the tags that their first letters tell; some hold marks."""
    draw = random.Random(seed)
    words, tags, before = [], [], "O"
    for _ in range(n):
        goes_on = {f"I-{kind}": letter for letter, kind in INSIDE.items() if before[2:] == kind}
        first = draw.choice(["l", "p", *goes_on.values(), *"abcde"])
        rest = "".join(draw.choice(alphabet) for _ in range(draw.randint(0, 11)))
        before = tag_of(first)
        word = first + rest
        if draw.random() < 0.1:
            word = f"{word}-{draw.choice('lp')}{rest}"  # the second half would be an entity of its own
        elif draw.random() < 0.1:
            word, before = f"({word})", "O"
        words.append(word)
        tags.append(before)
    return words, tags


def tagging(shape: str, columns: dict[str, str | list[str]], *types: str) -> Fitted[Tags]:
    return Fitted(TokenClassification(), shape, columns, {}, Tags(types=types))


def tagging_oracle(task: Fitted[Tags], tokenizer: PreTrainedTokenizerBase) -> Oracle:
    """A model that knows the tag of each token that begins a word, and gives a wrong one to every other."""
    numbers = {name: number for number, name in enumerate(task.learned.names)}
    pieces = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    table = torch.zeros(len(tokenizer), len(numbers))
    byte_level = any(piece.startswith("Ġ") for piece in pieces)
    for place, piece in enumerate(pieces):
        goes_on = byte_level and not piece.startswith("Ġ") and piece[:1].isalpha()
        table[place, numbers[WRONG if goes_on else tag_of(piece)]] = 9.0
    return Oracle(lambda ids: TokenClassifierOutput(logits=table[ids]))


@pytest.fixture(scope="module", params=["bert", "modernbert", "xlm-roberta"])
def oracle(request: pytest.FixtureRequest) -> Predictor:
    """The oracle with each kind of tokenizer (WordPiece, bytes, Unigram), of so few tokens that all words are cut."""
    texts = [" ".join([*sentence(300, seed)[0], *"abcdelmpq" * 50]) for seed in range(3)]
    kind = {"xlm-roberta": "unigram"}.get(request.param)
    size = 400 if request.param == "modernbert" else 120  # 256 of these are bytes
    tokenizer = train_tokenizer(texts, size, kind, family="encoder", architecture=None if kind else request.param)
    task = tagging("tokens", {"tokens": "tokens", "tags": "tags"}, "LOC", "PER", "WRONG")
    return predicting(task, tagging_oracle(task, tokenizer), tokenizer, Limits(64, stride=21))


def within(predictor: Predictor, limits: Limits) -> Predictor:
    return replace(predictor, task=predictor.task.within(limits))


@pytest.mark.parametrize("stride", [0, 1, 21, 32])
def test_every_tag_of_a_text_of_3000_words_is_right(stride: int, oracle: Predictor) -> None:
    words, tags = sentence(3000, 7)
    tokens = oracle.tokenizer(" ".join(words))["input_ids"]
    assert len(tokens) > 9000, "words are cut in several pieces, at window edges too"
    answer = within(oracle, Limits(64, stride=stride)).predict([{"tokens": words}])[0]
    assert answer["tokens"] == words
    assert len(answer["tags"]) == 3000
    assert answer["tags"] == tags
    assert {entity["type"] for entity in answer["prediction"]} == {"LOC", "PER"}


@pytest.mark.parametrize("stride", [0, 9])
def test_a_window_that_opens_inside_a_word_has_no_label_there(stride: int, oracle: Predictor) -> None:
    drawn = [(word, tag) for word, tag in zip(*sentence(300, 5), strict=True) if word[0].isalpha()]
    words, tags = map(list, zip(*drawn, strict=True))
    tokenizer, limits = oracle.tokenizer, Limits(32, stride=stride)
    task, examples = learned(TokenClassification, [{"tokens": words, "ner_tags": tags}] * 2)
    labelled = []
    for one in encoded(task, examples, tokenizer, limits, training=True):
        assert one["targets"] == sum(label != IGNORED for label in one["labels"])
        pieces = tokenizer.convert_ids_to_tokens(one["input_ids"])
        for label, piece, word in zip(one["labels"], pieces, one["words"], strict=True):
            if label != IGNORED:
                assert piece.lstrip("Ġ▁") == "" or words[word].startswith(piece.lstrip("Ġ▁"))
                assert task.learned.names[label] == task.gold(examples)[0][word]
                labelled.append(word)
    assert sorted(labelled) == sorted([*range(len(words))] * 2), "once each, also where windows share words"


@pytest.mark.parametrize("length", [4, 5, 7, 64])
def test_windows_as_narrow_as_can_be_lose_no_word(length: int, oracle: Predictor) -> None:
    words, tags = sentence(60, 3)
    answer = within(oracle, Limits(length, stride=length // 3)).predict([{"tokens": words}])[0]
    assert answer["tags"] == tags


def test_a_raw_text_of_3000_words_has_3000_tags(oracle: Predictor) -> None:
    words, tags = sentence(3000, 11)
    plain = [(word, tag) for word, tag in zip(words, tags, strict=True) if word.isalpha()]
    text = " ".join(word for word, _ in plain)
    answer = oracle.predict([text])[0]
    assert answer["tokens"] == [word for word, _ in plain]
    # An entity of which a word was left out here begins anew.
    assert [tag.partition("-")[2] for tag in answer["tags"]] == [tag.partition("-")[2] for _, tag in plain]


def test_a_model_of_64_positions_tags_3000_words_one_by_one(tiny_model: Path) -> None:
    """With random weights all that can be seen is that each word has its one tag, and the surest place counts."""
    task = tagging("tokens", {"tokens": "tokens", "tags": "tags"}, "LOC", "PER")
    tokenizer = BertTokenizer.from_pretrained(tiny_model)
    config = BertConfig.from_pretrained(tiny_model, num_labels=5)
    torch.manual_seed(0)
    predictor = predicting(task, BertForTokenClassification(config).eval(), tokenizer, Limits(64, stride=21))
    words = [f"film{i}" if i % 5 else "story" for i in range(3000)]
    answer = predictor.predict([{"tokens": words}])[0]
    assert len(answer["tags"]) == len(answer["tokens"]) == 3000
    assert "truncated" not in answer
    assert len(set(answer["tags"])) > 1


def test_a_word_in_two_windows_is_judged_where_most_is_around_it(wordpiece: PreTrainedTokenizerBase) -> None:
    """The model answers by the place in its window: the first and last thirds of a window are never asked."""
    task = tagging("tokens", {"tokens": "tokens", "tags": "tags"}, "EDGE")

    def outputs(ids: Tensor) -> TokenClassifierOutput:
        logits = torch.zeros(*ids.shape, 3)
        logits[:, :, 0] = 1.0
        logits[:, :2, 1] = 9.0
        logits[:, -3:, 1] = 9.0
        return TokenClassifierOutput(logits=logits)

    predictor = predicting(task, Oracle(outputs), wordpiece, Limits(12, stride=5))
    tags = predictor.predict([{"tokens": ["ada", "bob"] * 30}])[0]["tags"]
    assert len(tags) == 60
    assert tags[0] == "B-EDGE" and set(tags[1:50]) == {"O"}


@pytest.mark.parametrize("empty", ["\u00ad", "\u200b", "", " "])
def test_a_word_of_which_the_tokenizer_leaves_nothing_is_outside(
    empty: str, wordpiece: PreTrainedTokenizerBase
) -> None:
    task = tagging("tokens", {"tokens": "tokens", "tags": "tags"}, "PER")
    always = Oracle(lambda ids: TokenClassifierOutput(logits=torch.eye(3)[torch.ones_like(ids)] * 9))
    predictor = predicting(task, always, wordpiece, Limits(32))
    answer = predictor.predict([{"tokens": ["ada", empty, "met", empty]}])[0]
    assert answer["tags"] == ["B-PER", "O", "B-PER", "O"]
    assert [(one["text"], one["type"]) for one in answer["prediction"]] == [("ada", "PER"), ("met", "PER")]
    assert predictor.predict([{"tokens": [empty]}])[0]["tags"] == ["O"]


def test_texts_without_words_have_no_tags(oracle: Predictor) -> None:
    for text in ("", "  ", "\n"):
        answer = oracle.predict([text])[0]
        assert (answer["prediction"], answer["tags"]) == ([], [])


@pytest.mark.parametrize(
    ("text", "pieces", "names"),
    [
        ("in 東京都 now", {"▁東京": "B-LOC", "都": "I-LOC"}, ["東京都"]),
        ("the U.S. is", {"▁U.S.": "B-LOC"}, ["U.S"]),
        ("in St. Louis.", {"▁St.": "B-LOC", "▁Lou": "I-LOC", "is.": "I-LOC"}, ["St. Louis"]),
        ("(St. Louis)", {"▁(": "O", "St.": "B-LOC", "▁Lou": "I-LOC", "is)": "I-LOC"}, ["St. Louis"]),
        ("St.-St. now", {"▁St.-": "B-LOC", "St.": "B-LOC"}, ["St", "St"]),
    ],
)
def test_words_that_share_a_token_share_its_entity(text: str, pieces: dict[str, str], names: list[str]) -> None:
    """As SentencePiece cuts: by the rule of words `St.` is two of them. What is only a mark at the end is left out."""
    filler = ["▁in", "▁now", "▁the", "▁is", "▁"]
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    vocabulary = [*((token, 0.0) for token in special), *((piece, -1.0) for piece in (*filler, *pieces))]
    tokenizer = XLMRobertaTokenizer(vocab=vocabulary)
    assert set(pieces) <= set(tokenizer.tokenize(text))
    task = tagging("spans", {"text": "text", "spans": "spans"}, "LOC")
    table = torch.zeros(len(tokenizer), 3)
    table[:, 0] = 1.0
    for piece, tag in pieces.items():
        table[tokenizer.convert_tokens_to_ids(piece), task.learned.names.index(tag)] = 9.0
    oracle = Oracle(lambda ids: TokenClassifierOutput(logits=table[ids]))
    for length in (64, 4):
        answer = predicting(task, oracle, tokenizer, Limits(length, stride=1)).predict([text])[0]
        assert [entity["text"] for entity in answer["prediction"]] == names
        assert all(entity["score"] > 0.9 for entity in answer["prediction"])


@pytest.mark.parametrize(
    "text",
    [
        "pat and qop at lom",
        "😀pat 👩‍👩‍👧 qop\tlom\u0301 mat\u00a0pa",
        "\ufeffpat\r\nqop  lom",
        "Pàt é lóm ñ ü, (pat) «lom» pat's",
        "pat\u200dqop lom\u00admat שלום pat",
        "東京 pat 京都 lom",
    ],
)
def test_entities_stand_where_they_say(text: str, oracle: Predictor) -> None:
    answer = oracle.predict([text])[0]
    assert answer["prediction"]
    for entity in answer["prediction"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]
        assert entity["text"].strip() == entity["text"] != ""
        assert 0 <= entity["score"] <= 1


@settings(max_examples=60)
@given(st.text(st.sampled_from("pqlmab é\u0301😀-.\n(\u200d\u00ad東"), max_size=60))
@example("aaaaaa\u00adaa")
def test_any_text_has_a_tag_for_each_word_and_exact_entities(text: str) -> None:
    predictor = ANY
    answer = predictor.predict([text])[0]
    assert len(answer["tags"]) == len(answer["tokens"])
    for entity in answer["prediction"]:
        assert text[entity["start"] : entity["end"]] == entity["text"]
    # In windows nothing is said that is not said of the whole.
    assert within(predictor, Limits(6, stride=2)).predict([text])[0]["tags"] == answer["tags"]


def _any_predictor() -> Predictor:
    texts = [" ".join(sentence(300, seed)[0]) + " é😀東-.()" for seed in range(3)]
    tokenizer = train_tokenizer(texts, 120, family="encoder", architecture="bert")
    task = tagging("tokens", {"tokens": "tokens", "tags": "tags"}, "LOC", "PER", "WRONG")
    return predicting(task, tagging_oracle(task, tokenizer), tokenizer, Limits(512))


ANY = _any_predictor()


# -- somebody else's model, the directory, scores --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["O", "PER", "LOC"], {"ada": "PER", "lovelace": "PER", "bob": "PER", "new": "LOC", "york": "LOC"}),
        (NAMES, dict(zip(["ada", "lovelace", "bob", "new", "york"], [t for t in IOB2 if t != "O"], strict=True))),
        (
            ["O", *(f"{place}-{kind}" for kind in ("LOC", "PER") for place in "BIES")],
            {"ada": "B-PER", "lovelace": "E-PER", "bob": "S-PER", "new": "B-LOC", "york": "E-LOC"},
        ),
        (
            ["I-LOC", "I-PER", "O"],
            {"ada": "I-PER", "lovelace": "I-PER", "bob": "I-PER", "new": "I-LOC", "york": "I-LOC"},
        ),
    ],
    ids=["IO", "BIO", "BIOES", "IOB1"],
)
def test_somebody_elses_model_says_its_tags_in_its_own_scheme(
    names: list[str], said: dict[str, str], wordpiece: PreTrainedTokenizerBase
) -> None:
    config = BertConfig(architectures=["BertForTokenClassification"], id2label=dict(enumerate(names)))
    task = TokenClassification().of_model(config, wordpiece)
    assert task is not None
    assert task.learned.types == ("LOC", "PER")
    first = {word: wordpiece(word, add_special_tokens=False)["input_ids"][0] for word in said}
    table = torch.zeros(len(wordpiece), len(names))
    table[:, names.index("O")] = 1.0
    for word, tag in said.items():
        table[first[word], names.index(tag)] = 9.0
    oracle = Oracle(lambda ids: TokenClassifierOutput(logits=table[ids]))
    answer = predicting(task, oracle, wordpiece, Limits(64)).predict([TEXT])[0]
    assert answer["tags"] == IOB2
    found = [(entity["start"], entity["end"], entity["type"]) for entity in answer["prediction"]]
    assert found == SPANS
    assert not task.missed(Dataset.from_dict({"tags": [IOB2]}), "test")
    assert task.missed(Dataset.from_dict({"tags": [["B-ORG"]]}), "test")


def test_a_missing_text_is_refused_and_an_empty_one_is_not() -> None:
    task, _ = learned(TokenClassification, rows(SCHEMES["IOB2"]))
    assert task.query({"tokens": None}) == Fault("missing-text", "column 'tokens' is empty")
    assert task.query({"tokens": ""}) == {"text": "", "offsets": []}


@pytest.mark.parametrize("cell", [{"a": 1}, ["Anna", None], ["Anna", {"a": 1}], ["Anna", ["sings"]]])
def test_what_is_no_word_is_not_tagged(cell: Any) -> None:
    task, _ = learned(TokenClassification, rows(SCHEMES["IOB2"]))
    found = task.query({"tokens": cell})
    assert isinstance(found, Fault) and found.reason == "not-text"


def test_an_annotated_text_is_read_as_in_training() -> None:
    spans = [{"start": 0, "end": 4, "label": "PER"}]
    task, _ = learned(TokenClassification, [{"text": "Anna sings", "spans": spans, "id": i} for i in range(6)])
    anna = {"text": "Anna sings", "offsets": [(0, 4), (5, 10)]}
    for cell in ("Anna sings", {"text": "Anna sings"}, {"data": "Anna sings", "id": 3}):
        assert task.query({"text": cell}) == anna
    for cell in ({"id": 3}, ["Anna", "sings"]):
        assert isinstance(task.query({"text": cell}), Fault)
    written = task.query({"text": '["Anna", "sings"]'})
    assert isinstance(written, dict) and written["text"] == '["Anna", "sings"]', "a text, as in training"


def test_somebody_elses_tagger_says_a_part_of_speech_for_each_word(wordpiece: PreTrainedTokenizerBase) -> None:
    names = sorted(set(SPEECH))
    config = BertConfig(architectures=["BertForTokenClassification"], id2label=dict(enumerate(names)))
    task = TokenClassification().of_model(config, wordpiece)
    assert task is not None
    assert (task.learned.scheme, task.learned.names) == ("plain", tuple(names))
    table = torch.zeros(len(wordpiece), len(names))
    for word, tag in zip(WORDS, SPEECH, strict=True):
        table[wordpiece(word, add_special_tokens=False)["input_ids"][0], names.index(tag)] = 9.0
    oracle = Oracle(lambda ids: TokenClassifierOutput(logits=table[ids]))
    answer = predicting(task, oracle, wordpiece, Limits(64)).predict([TEXT])[0]
    assert answer["tags"] == SPEECH
    assert [(one["text"], one["type"]) for one in answer["prediction"]] == list(zip(WORDS, SPEECH, strict=True))


def test_a_model_without_the_head_is_of_no_task_of_ours() -> None:
    assert TokenClassification().of_model(BertConfig(architectures=["BertForMaskedLM"]), Mock()) is None
    assert TokenClassification().of_model(BertConfig(), Mock()) is None


def test_a_task_comes_back_from_what_it_wrote(wordpiece: PreTrainedTokenizerBase) -> None:
    task, examples = learned(TokenClassification, rows(SCHEMES["BIOES"]))
    back = came_back(task)
    assert back.model_config() == task.model_config()
    assert encoded(back, examples, wordpiece) == encoded(task, examples, wordpiece)
    assert back.query({"tokens": WORDS}) == task.query({"tokens": WORDS})
    assert type(registry()["token-classification"]) is TokenClassification


def test_the_right_tags_are_a_perfect_score() -> None:
    task, examples = learned(TokenClassification, rows(SCHEMES["BILOU"]))
    assert set(values_of(task, task.perfect(examples), examples).values()) == {1.0}
    assert values_of(task, task.perfect(examples), examples).keys() == set(task.kind.metric_names)
    assert task.metric_for_best in task.kind.metric_names


def test_the_baseline_gives_each_word_its_commonest_tag() -> None:
    train = [
        {"tokens": ["May", "met", "May"], "ner_tags": ["B-PER", "O", "B-PER"]},
        {"tokens": ["in", "May", "York"], "ner_tags": ["O", "O", "B-LOC"]},
    ]
    test = [{"tokens": ["York", "May", "unseen"], "ner_tags": ["O", "O", "O"]}]
    task, known = learned(TokenClassification, train)
    _, asked = learned(TokenClassification, test * 2)
    said = bound(task, Mock()).baselines(known, asked)
    assert [answer["prediction"] for answer in said["tag-dictionary"]] == [["B-LOC", "B-PER", "O"]] * 2


# -- the whole way ---------------------------------------------------------------------------------------------------

FIRST, LAST, PLACES = ["great", "lovely", "warm"], ["bright", "happy"], ["town", "night"]
GAPS = ["the", "film", "a", "story", "of", "two", "people", "in", "with", "music"]


def tagged(i: int) -> Row:
    """A sentence of the tiny model's words in which names have one or two words."""
    draw = random.Random(i)
    tokens: list[str] = []
    tags: list[str] = []
    for _ in range(draw.randint(2, 4)):
        gap = draw.sample(GAPS, draw.randint(1, 3))
        name = [draw.choice(FIRST), *draw.sample(LAST, draw.randint(0, 1))]
        name, kind = (name, "PER") if draw.random() < 0.6 else ([draw.choice(PLACES)], "LOC")
        tokens += [*gap, *name]
        tags += ["O"] * len(gap) + [f"B-{kind}"] + [f"I-{kind}"] * (len(name) - 1)
    return {"tokens": tokens, "tags": tags}


@pytest.fixture(scope="module")
def tuned(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = [tagged(i) for i in range(80)]
    settings = {"training__epochs": 6, "training__learning_rate": 1e-2}
    return run(tmp_path_factory.mktemp("tags"), tiny_model, data, texts=False, **settings)


def test_a_run_learns_and_its_score_is_that_of_seqeval(tuned: Path) -> None:
    predictions = read_predictions(tuned / "predictions.parquet")
    assert predictions is not None
    metrics = json.loads((tuned / "metrics.json").read_text())["metrics"]
    assert metrics["f1"]["value"] == pytest.approx(f1_score(predictions["gold"], predictions["prediction"]))
    assert metrics["f1"]["value"] > 0.8


def test_a_pipeline_finds_the_same_entities(tuned: Path) -> None:
    texts = [" ".join(tagged(i)["tokens"]) for i in range(100, 130)]
    ours = load(tuned).predict(texts)
    plain = pipeline("token-classification", str(tuned / "model"), aggregation_strategy="first", device="cpu")
    theirs = plain(texts)
    for answer, found in zip(ours, theirs, strict=True):
        said = [(entity["type"], entity["start"], entity["end"]) for entity in answer["prediction"]]
        assert said == [(entity["entity_group"], entity["start"], entity["end"]) for entity in found]
    kinds = {(entity["type"], len(entity["text"].split())) for answer in ours for entity in answer["prediction"]}
    assert kinds >= {("PER", 1), ("PER", 2), ("LOC", 1)}


def test_without_our_card_the_directory_is_read_as_somebody_elses(tuned: Path, tmp_path: Path) -> None:
    own = load(tuned)
    own.model.save_pretrained(tmp_path)
    own.tokenizer.save_pretrained(tmp_path)
    foreign = load(tmp_path)
    texts = [" ".join(tagged(i)["tokens"]) for i in range(100, 110)]
    found = [[answer["tags"] for answer in one.predict(texts)] for one in (own, foreign)]
    assert found[0] == found[1]


def test_a_run_on_parts_of_speech_learns_them_and_its_score_is_that_of_scikit_learn(
    tiny_model: Path, tmp_path: Path
) -> None:
    words = {"ADJ": [*FIRST, *LAST], "NOUN": PLACES, "DET": ["the", "a"]}
    speech = {word: tag for tag, several in words.items() for word in several}
    sentences = [tagged(i)["tokens"] for i in range(80)]
    data = [{"tokens": tokens, "pos": [speech.get(word, "X") for word in tokens]} for tokens in sentences]
    settings = {"training__epochs": 6, "training__learning_rate": 1e-2}
    done = run(tmp_path, tiny_model, data, texts=False, **settings)
    predictions = read_predictions(done / "predictions.parquet")
    assert predictions is not None
    flat = [[tag for row in predictions[column] for tag in row] for column in ("gold", "prediction")]
    metrics = json.loads((done / "metrics.json").read_text())["metrics"]
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy_score(*flat))
    assert metrics["accuracy"]["value"] > 0.9
    assert metrics["f1_macro"]["value"] == pytest.approx(macro_f1(*flat, average="macro"))
    assert "f1" not in metrics
    assert json.loads((done / "model" / "config.json").read_text())["id2label"] == {
        "0": "ADJ",
        "1": "DET",
        "2": "NOUN",
        "3": "X",
    }
    answer = load(done).predict(["the warm night"])[0]
    assert answer["tags"] == [one["type"] for one in answer["prediction"]] == ["DET", "ADJ", "NOUN"]
