"""Integrated gradients: what each token adds, in parts that add up."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from transformers import AutoModelForSeq2SeqLM, AutoModelForSequenceClassification, AutoTokenizer

from luthier.errors import UsageError
from luthier.tracing.attribution import COMPLETE, Decision, attribute, decision
from luthier.tracing.record import Record, record
from luthier.tracing.text import Tokens
from tests.matrix.models import build

TOKENS = Tokens([1, 5, 6, 2], ["[CLS]", "Ada", "Bath", "[SEP]"], ["", "Ada", "Bath", ""], [True, False, False, True])


def test_the_parts_add_up_to_the_difference(tmp_path: Path) -> None:
    folder = build("BERT", tmp_path / "model")
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=3).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = dict(tokenizer("the old bird flew", return_tensors="pt"))
    asked = Decision("the logit of b", lambda said: said.logits[:, 1])
    found = attribute(model, batch, asked, tokenizer)
    with torch.no_grad():
        assert found.output == pytest.approx(float(model(**batch).logits[0, 1]), abs=1e-6)
    assert len(found.values) == batch["input_ids"].shape[1]
    assert found.values[0] == found.values[-1] == 0.0  # special tokens stay
    assert abs(sum(found.values) - (found.output - found.baseline)) <= COMPLETE * abs(found.output - found.baseline)
    assert (found.of, found.filler) == ("the logit of b", "[MASK]")


@pytest.mark.parametrize("name", ["T5", "BART", "Marian", "mBART", "Pegasus"])
def test_the_answer_of_an_encoder_decoder_is_attributed_to_what_its_encoder_reads(name: str, tmp_path: Path) -> None:
    """T5 shares its embeddings between both sides, BART has them apart, and Marian scales them."""
    folder = build(name, tmp_path / "model")
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    torch.manual_seed(0)
    for parameter in model.parameters():  # so large that what is read matters
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.1)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    batch = dict(tokenizer("the old bird flew", return_tensors="pt"))
    answer = [*tokenizer(text_target="two people")["input_ids"]]
    batch["decoder_input_ids"] = torch.tensor([[model.config.decoder_start_token_id, *answer[:-1]]])
    counted = [one if place else None for place, one in enumerate(answer)]
    found = record(model, batch)
    asked = decision(found, Tokens.of(batch["input_ids"][0].tolist(), tokenizer), {}, writes=True, answer=counted)
    assert asked is not None and asked.name == "the log-probability of the answer"
    explained = attribute(model, batch, asked, tokenizer)
    with torch.no_grad():
        odds = model(**batch).logits[0].log_softmax(-1)
    assert explained.output == pytest.approx(sum(float(odds[i, one]) for i, one in enumerate(answer) if i), abs=1e-4)
    difference = explained.output - explained.baseline
    assert len(explained.values) == batch["input_ids"].shape[1] and abs(difference) > 1e-3
    assert abs(sum(explained.values) - difference) <= COMPLETE * abs(difference)
    assert explained.values[-1] == 0.0  # the end token stays
    assert decision(found, TOKENS, {}, writes=True, answer=[None] * len(answer)) is None


def made(**logits: torch.Tensor) -> Record:
    return Record([], logits, {})


def test_what_is_decided() -> None:
    found = decision(made(logits=torch.tensor([[0.1, 2.0]])), TOKENS, {1: "good"}, writes=False)
    assert found is not None and found.name == "the logit of good"
    assert found.output(SimpleNamespace(logits=torch.tensor([[3.0, 4.0]]))).tolist() == [4.0]
    number = decision(made(logits=torch.tensor([[0.1]])), TOKENS, {}, writes=False)
    assert number is not None and number.name == "the number"
    spans = {"start_logits": torch.tensor([[0.0, 1, 0, 0]]), "end_logits": torch.tensor([[0.0, 0, 1, 0]])}
    span = decision(made(**spans), TOKENS, {}, writes=False)
    assert span is not None and span.name == "the start at 'Ada' and the end at 'Bath'"
    following = decision(made(logits=torch.tensor([[[0.0, 1], [1, 0]]])), TOKENS, {}, writes=True)
    assert following is not None and following.name == "the logit of the next token 0"


def test_tags_are_explained_by_the_surest_that_is_not_o() -> None:
    names = {0: "O", 1: "B-person", 2: "B-place"}
    logits = torch.tensor([[[0.0, 9, 0], [0, 1, 0], [0, 0, 5], [0, 9, 0]]])
    found = decision(made(logits=logits), TOKENS, names, writes=False)
    assert found is not None and found.name == "the logit of B-place at 'Bath'"
    nothing = torch.tensor([[[0.0, 9, 0], [5, 1, 0], [5, 0, 4], [0, 9, 0]]])
    assert decision(made(logits=nothing), TOKENS, names, writes=False) is None


def test_without_captum_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(UsageError) as error:
        attribute(SimpleNamespace(), {}, Decision("", lambda said: said), SimpleNamespace())  # type: ignore[arg-type]
    assert "pip install captum" in str(error.value.hint)
