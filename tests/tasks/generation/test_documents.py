"""Documents for decoders: packed into blocks for training, and read in windows when they are judged."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from luthier.data.batches import IGNORED
from luthier.data.tokenized import Limits
from luthier.models.loading import load_model, load_tokenizer
from luthier.models.packing import packs
from luthier.recipe import Recipe
from luthier.tasks.generation.document_task import documents_of
from luthier.tasks.generation.documents import Document, pack, windows
from luthier.tasks.text_generation.task import TextGeneration
from tests.tasks.by_hand import (
    answers,
    bound,
    by_row,
    encoded,
    learned,
)
from tests.tasks.generation.drawn import Built, drawn_documents, text

SIZES = st.lists(st.integers(1, 30), min_size=1, max_size=12)


def numbered(sizes: Sequence[int], prompt: int = 0) -> list[Document]:
    """Documents in which no token comes twice, so that each can be found again; so many first ones are no labels."""
    found, first = [], 0
    for size in sizes:
        ids = list(range(first, first + size))
        found.append((ids, [IGNORED] * min(prompt, size) + ids[prompt:]))
        first += size
    return found


# -- blocks ----------------------------------------------------------------------------------------------------------


@given(SIZES, st.integers(4, 16), st.integers(0, 3))
def test_packing_keeps_every_token_and_cuts_no_document_that_fits(sizes: list[int], length: int, prompt: int) -> None:
    documents = numbered(sizes, prompt)
    blocks = by_row(pack(documents, length))
    assert sorted(token for block in blocks for token in block["input_ids"]) == list(range(sum(sizes)))
    owner = {token: i for i, (ids, _) in enumerate(documents) for token in ids}
    label = {token: one for ids, labels in documents for token, one in zip(ids, labels, strict=True)}
    pieces: list[list[int]] = []
    for block in blocks:
        ids, positions = block["input_ids"], block["position_ids"]
        assert 0 < len(ids) <= length
        assert positions[0] == 0
        starts = [place for place, position in enumerate(positions) if position == 0]
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            assert positions[start:end] == list(range(end - start))
            assert ids[start:end] == list(range(ids[start], ids[start] + end - start))
            assert len({owner[token] for token in ids[start:end]}) == 1
            assert block["labels"][start:end] == [IGNORED, *(label[token] for token in ids[start + 1 : end])]
            pieces.append(ids[start:end])
        assert block["examples"] == list(dict.fromkeys(owner[token] for token in ids))
        assert block["targets"] == sum(one != IGNORED for one in block["labels"])
    whole = [ids for ids, _ in documents if len(ids) <= length]
    assert all(ids in pieces for ids in whole)
    cut = [ids[at : at + length] for ids, _ in documents if len(ids) > length for at in range(0, len(ids), length)]
    assert sorted(pieces) == sorted([*whole, *cut])


@given(SIZES, st.integers(4, 16))
def test_no_two_blocks_would_fit_into_one(sizes: list[int], length: int) -> None:
    filled = sorted(len(block["input_ids"]) for block in by_row(pack(numbered(sizes), length)))
    assert len(filled) == 1 or filled[0] + filled[1] > length


def alone(model: Any, ids: list[int], labels: list[int]) -> float:
    """The summed loss of a document that is all that the model sees."""
    logits = model(torch.tensor([ids])).logits[0, :-1]
    return functional.cross_entropy(logits, torch.tensor(labels[1:]), ignore_index=IGNORED, reduction="sum").item()


@pytest.mark.parametrize(("name", "packing"), [("LLaMA", True), ("GPT-2", True), ("OPT", False)])
def test_the_loss_of_packed_documents_is_that_of_each_alone(name: str, packing: bool, built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built(name))), load_model("CausalLM", str(built(name))).eval()
    model.config.use_cache = False  # as in training
    assert packs(model) is packing
    task, examples = drawn_documents(tokenizer, 14)
    rows = encoded(task, examples, tokenizer, Limits(100), training=True)
    assert 1 < len(rows) < 14 and max(len(ids) for ids, _ in documents_of(tokenizer, examples)) <= 100
    collate = bound(task, tokenizer).collator(model)
    batch = collate(rows)
    assert ("position_ids" in batch) is packing
    labels = batch.pop("labels")
    with torch.inference_mode():
        found = float(bound(task, tokenizer).loss(Recipe().training)(model(**batch), {"labels": labels}))
        expected = sum(alone(model, *document) for document in documents_of(tokenizer, examples))
    assert found == pytest.approx(expected, rel=1e-5)
    assert int(labels.ne(IGNORED).sum()) == sum(row["targets"] for row in rows)


# -- windows ---------------------------------------------------------------------------------------------------------


@given(SIZES.map(lambda sizes: [4 * size for size in sizes]), st.integers(4, 16), st.data())
def test_windows_make_each_token_a_label_once_with_what_stands_before(sizes: list[int], length: int, data: Any) -> None:
    stride = data.draw(st.integers(0, length // 2))
    documents = numbered(sizes)
    rows = by_row(windows(documents, Limits(length, stride=stride)))
    labelled: list[int] = []
    for row in rows:
        ids = row["input_ids"]
        document = documents[row["examples"][0]][0]
        assert len(ids) <= length
        assert ids == document[ids[0] - document[0] :][: len(ids)], "a window is a piece of its document"
        for place, label in enumerate(row["labels"]):
            if label != IGNORED:
                assert label == ids[place]
                assert place >= min(max(1, stride), label - document[0]), "what windows share stands before it"
                labelled.append(label)
        assert row["targets"] == sum(label != IGNORED for label in row["labels"])
    assert sorted(labelled) == sorted(token for ids, _ in documents for token in ids[1:])


def test_without_limits_a_document_is_one_window() -> None:
    rows = by_row(windows(numbered([5, 40], prompt=2), None))
    assert [row["input_ids"] for row in rows] == [ids for ids, _ in numbered([5, 40])]
    assert [row["targets"] for row in rows] == [3, 38]


def test_the_cost_of_a_long_document_is_that_of_a_plain_loop(built: Built) -> None:
    """The loop is that of transformers' guide to the perplexity of models of fixed length."""
    tokenizer, model = load_tokenizer(str(built("LLaMA"))), load_model("CausalLM", str(built("LLaMA"))).eval()
    length, stride = 24, 9
    task, examples = learned(TextGeneration, [{"text": text(i, 60, 120)} for i in range(3)])
    found = answers(task, model, tokenizer, examples, Limits(length, stride=stride))
    for answer, (ids, _) in zip(found, documents_of(tokenizer, examples), strict=True):
        nll, tokens, before = 0.0, 0, 0
        for begin in range(0, len(ids), length - stride):
            end = min(begin + length, len(ids))
            window = torch.tensor([ids[begin:end]])
            target = window.clone()
            target[:, : len(ids[begin:end]) - (end - before)] = IGNORED
            scored = int(target[:, 1:].ne(IGNORED).sum())
            with torch.inference_mode():
                nll += float(model(window, labels=target).loss) * scored
            tokens, before = tokens + scored, end
            if end == len(ids):
                break
        assert answer["nll"] == pytest.approx(nll, rel=1e-5)
        assert answer["tokens"] == tokens == len(ids) - 1


def test_the_cost_of_a_short_document_is_the_model_s_own_loss(built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built("GPT-2"))), load_model("CausalLM", str(built("GPT-2"))).eval()
    task, examples = drawn_documents(tokenizer, 6)
    found = answers(task, model, tokenizer, examples, Limits(128, stride=40))
    for answer, (ids, _), said in zip(found, documents_of(tokenizer, examples), examples["text"], strict=True):
        with torch.inference_mode():
            own = model(torch.tensor([ids]), labels=torch.tensor([ids])).loss.item()
        assert answer["nll"] == pytest.approx(own * (len(ids) - 1), rel=1e-5)
        assert (answer["tokens"], answer["bytes"]) == (len(ids) - 1, len(said.encode()))
