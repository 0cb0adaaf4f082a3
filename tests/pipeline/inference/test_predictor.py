"""Prediction: the forms of an input, invalid inputs, and loading a model."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas
import pyarrow
import pytest
import torch
from datasets import Dataset
from torch import Tensor
from transformers import GenerationConfig, GPT2Config, GPT2ForSequenceClassification
from transformers.modeling_outputs import MultipleChoiceModelOutput, SequenceClassifierOutput

from luthier.console import Console
from luthier.data.records import Record, Skipped
from luthier.data.tokenized import Limits
from luthier.errors import ColumnError, DataError, ModelError, NonFiniteError, RecipeError, UsageError
from luthier.findings import Decision
from luthier.models.export import save_model
from luthier.pipeline.inference import predictor as module
from luthier.pipeline.inference.predictor import Predictor, load
from luthier.tasks.text_classification.task import TextClassification
from luthier.tasks.text_generation.task import TextGeneration
from luthier.tokenizers.training import train_tokenizer
from tests.conftest import review_rows
from tests.tasks.by_hand import Oracle, bound, learned, predicting
from tests.tasks.conftest import built as built  # noqa: PLC0414  # a fixture, for this module too
from tests.tenth.luthier_multiple_choice import MultipleChoice

ROWS = review_rows(20)
PAIRS = [row | {"other": f"two people {i}"} for i, row in enumerate(ROWS)]
TOKENIZER = train_tokenizer([str(row["text"]) for row in ROWS], 300, architecture="bert")


def by_length(ids: Tensor) -> SequenceClassifierOutput:
    """`good` for more than six tokens, `bad` for fewer."""
    longer = ids.ne(0).sum(1).float() - 6
    return SequenceClassifierOutput(logits=torch.stack([-longer, longer], 1))


def predictor(rows: list[dict[str, object]] = ROWS, length: int = 32, shape: str = "single/one") -> Predictor:
    task, _ = learned(TextClassification, rows, shape=shape)
    return predicting(task, Oracle(by_length), TOKENIZER, Limits(length))


def test_each_label_has_a_score_and_the_highest_is_the_prediction() -> None:
    (short, long) = predictor().predict(["a film", "the story of two people in the town"])
    assert (short["prediction"], long["prediction"]) == ("bad", "good")
    assert list(short["scores"]) == ["bad", "good"]
    assert sum(short["scores"].values()) == pytest.approx(1)
    assert short["score"] == max(short["scores"].values())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_outputs_that_are_no_numbers_are_an_error_that_names_the_text(value: float) -> None:
    def broken(ids: Tensor) -> SequenceClassifierOutput:
        found = by_length(ids)
        found.logits[ids.ne(0).sum(1) > 6] = value
        return found

    task, _ = learned(TextClassification, ROWS, shape="single/one")
    half = predicting(task, Oracle(broken).half(), TOKENIZER, Limits(32))
    assert half.predict(["a film"])[0]["prediction"] == "bad"
    with pytest.raises(NonFiniteError, match="two people") as caught:
        half.predict(["a film", "the story of two people in the town"])
    assert "--precision fp32" in caught.value.hint


def test_an_input_may_be_a_text_a_pair_or_a_mapping() -> None:
    one, two = predictor(), predictor(PAIRS, shape="pair/one")
    assert one.fields("a film") == one.fields(("a film",)) == one.fields({"whatever": "a film"}) == {"text": "a film"}
    assert one.fields({"text": "a film", "id": 3}) == {"text": "a film", "id": 3}
    assert two.fields(("a film", "a story")) == {"text": "a film", "text_pair": "a story"}
    assert two.fields({"other": "a story"}) == {"other": "a story"}, "one column is not a pair"
    for wrong in (3, [3], None, b"a film", [b"a film"]):
        with pytest.raises(UsageError, match="an input must be a text, a pair of texts or a mapping, got"):
            one.predict(wrong)  # type: ignore[arg-type]


def test_a_single_text_or_mapping_is_one_input() -> None:
    one = predictor()
    assert one.predict("a film") == one.predict({"text": "a film", "id": 3}) == one.predict(["a film"])


@pytest.mark.parametrize("texts", [(), ("a film",), ("a film", "a story", "a town")])
def test_a_wrong_number_of_texts_is_an_error_with_the_right_number(texts: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=rf"2 texts .*{len(texts)}"):
        predictor(PAIRS, shape="pair/one").fields(texts)


def test_answers_are_in_the_order_of_the_inputs_across_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 3)
    texts = ["a film" if i % 3 else "the story of two people in the town" for i in range(10)]
    found = predictor().predict(texts)
    assert [answer["prediction"] for answer in found] == ["bad" if i % 3 else "good" for i in range(10)]


def test_rows_are_read_one_chunk_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    read: list[int] = []

    def rows() -> Any:
        for i in range(5):
            read.append(i)
            yield Record("t", i, {"text": "a film"})

    answers = predictor().stream(rows())
    assert read == []
    assert next(answers)["prediction"] == "bad" and read == [0, 1]
    assert len(list(answers)) == 4 and read == [0, 1, 2, 3, 4]


def test_only_truncated_texts_are_marked() -> None:
    whole, cut = predictor(length=5).predict(["a film", "the story of two people in the town"])
    assert "truncated" not in whole and cut["truncated"] is True
    assert cut["prediction"] == "bad", "the model was given five tokens"


# -- invalid inputs --------------------------------------------------------------------------------------------------


def test_an_invalid_input_is_an_error_in_predict_and_a_row_with_an_error_in_stream() -> None:
    seen = [{"context": f"the film {i}", "endings": ["is long", "is"], "label": i % 2} for i in range(20)]
    task, _ = learned(MultipleChoice, seen)
    longest = Oracle(lambda ids: MultipleChoiceModelOutput(logits=ids.ne(0).sum(2).float()))
    model = predicting(task, longest, TOKENIZER, Limits(32))
    good: dict[str, Any] = {"context": "a film", "endings": ["is", "is long"]}
    bad: dict[str, Any] = {"context": "a film", "endings": ["is"]}
    assert model.predict([good])[0]["ending"] == "is long"
    with pytest.raises(DataError, match=r"^one-ending: there is nothing to choose from") as caught:
        model.predict([good, bad])
    assert caught.value.where == str(bad)
    right, wrong = model.stream([Record("t", 1, good | {"id": 1}), Record("t", 2, bad | {"id": 2})])
    assert (right["id"], right["ending"]) == (1, "is long")
    assert wrong == bad | {"id": 2, "prediction": None, "error": "one-ending: there is nothing to choose from"}


def test_a_table_is_refused_rather_than_its_column_names_predicted() -> None:
    frame = pandas.DataFrame({"text": ["a film", "a story"]})
    for table in (frame, pyarrow.Table.from_pandas(frame)):
        with pytest.raises(UsageError, match="not a table") as caught:
            predictor().predict(table)
        assert caught.value.hint.startswith("luthier.predict(RUN, data)")
    assert len(predictor().predict(frame["text"])) == len(predictor().predict(Dataset.from_pandas(frame))) == 2


def test_half_a_character_is_an_error_in_predict_and_a_row_with_an_error_in_stream() -> None:
    with pytest.raises(DataError, match=r"^encoding: the text holds half a character"):
        predictor().predict(["a film", "a \ud800 film"])
    good, bad = predictor().stream([Record("t", 1, {"text": "a film"}), Record("t", 2, {"text": "a \ud800 film"})])
    assert good["prediction"] == "bad" and bad["error"].startswith("encoding: ")


def test_unreadable_rows_keep_their_place_in_the_output() -> None:
    rows: list[Record | Skipped] = [
        Skipped("t", 1, "bad-quoting", "line 2"),
        Record("t", 2, {"text": "a film", "id": 7}),
    ]
    first, second = predictor().stream(rows)
    assert first == {"row": 1, "prediction": None, "error": "bad-quoting: line 2"}
    assert (second["id"], second["prediction"]) == (7, "bad")


def test_a_missing_column_is_an_error_in_the_first_row_only() -> None:
    good, bad = Record("t.csv", 1, {"text": "a film", "id": 1}), Record("t.csv", 2, {"txt": "a film", "id": 2})
    answers = list(predictor().stream([good, bad]))
    assert answers[1]["error"].startswith("missing-column: ")
    with pytest.raises(ColumnError) as caught:
        list(predictor().stream([bad, good]))
    assert caught.value.where == "t.csv"


# -- loading ---------------------------------------------------------------------------------------------------------


def test_loading_an_unfinished_run_is_an_error_with_the_resume_command(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text("")
    with pytest.raises(ModelError) as caught:
        load(tmp_path)
    assert f"luthier resume {tmp_path}" in caught.value.hint


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A third-party classifier with two labels and no padding token in its configuration."""
    tokenizer = train_tokenizer([str(row["text"]) for row in ROWS], 300, family="decoder", architecture="gpt2")
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=1,
        n_head=2,
        n_positions=48,
        id2label={0: "no", 1: "yes"},
        label2id={"no": 0, "yes": 1},
    )
    GPT2ForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_the_task_of_a_third_party_model_is_inferred_from_its_head(foreign: Path) -> None:
    found = load(foreign)
    assert (found.task.name, found.task.shape, found.foreign) == ("text-classification", "single/one", True)
    assert found.task.set_limits == Limits(48)
    assert not found.model.training and found.model.dtype == torch.float32
    texts = ["a film", "the story of two people in the town"]
    together = found.predict(texts)
    assert list(together[0]["scores"]) == ["no", "yes"]
    for text, answer in zip(texts, together, strict=True):
        alone = found.predict([text])[0]
        assert answer["scores"] == pytest.approx(alone["scores"], abs=1e-5), "padding tokens are ignored"


def test_a_third_party_model_that_cannot_answer_is_refused(foreign: Path) -> None:
    found = load(foreign)
    found.tokenizer.add_tokens(["<new>"])
    found.tokenizer.save_pretrained(foreign)
    load(foreign).predict(["a film"])
    with pytest.raises(ModelError, match="'<new>' has none"):
        load(foreign).predict(["a <new> film"])
    with torch.no_grad():
        found.model.score.weight[0, 0] = torch.nan
    found.model.save_pretrained(foreign)
    with pytest.raises(ModelError, match=r"not finite, in 1 parameter, such as score\.weight"):
        load(foreign)


def test_a_model_in_another_precision_gives_nearly_the_same_scores(foreign: Path) -> None:
    plain, half = load(foreign), load(foreign, precision="bf16")
    assert half.model.dtype == torch.bfloat16
    ((one,), (other,)) = (found.predict(["a film"]) for found in (plain, half))
    assert other["scores"] == pytest.approx(one["scores"], abs=0.02)


def test_a_model_with_a_task_card_has_the_task_and_limits_of_its_training(foreign: Path, tmp_path: Path) -> None:
    given = load(foreign)
    task, _ = learned(TextClassification, ROWS)
    card = bound(task, given.tokenizer, Limits(8)).card()
    save_model(tmp_path / "ours", given.model, given.tokenizer, card, "")
    found = load(tmp_path / "ours")
    assert found.task.set_limits == Limits(8) and not found.foreign
    assert found.predict(["a film"])[0]["scores"].keys() == {"bad", "good"}
    assert found.predict(["the story of two people in the town " * 3])[0]["truncated"] is True
    assert json.loads((tmp_path / "ours" / "luthier.json").read_text())["max_length"] == 8


# -- settings of generation -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def writer(built: Callable[[str], Path]) -> Predictor:
    """A decoder without a task card, whose answers have several tokens."""
    found = load(built("LLaMA"))
    torch.manual_seed(0)
    for parameter in found.model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    found.model.generation_config.min_new_tokens = 6
    return found


PROMPTS = [{"text": "the old cat"}, {"text": "a red house"}]


def said(predictor: Predictor, **generation: Any) -> list[str]:
    return [answer["prediction"] for answer in predictor.predict(PROMPTS, **generation)]


def test_settings_of_generation_are_for_one_call(writer: Predictor) -> None:
    before, greedy = writer.model.generation_config.to_dict(), said(writer, max_new_tokens=12)
    short = said(writer, max_new_tokens=6)
    assert all(long.startswith(one) and long != one for long, one in zip(greedy, short, strict=True))
    sampled = said(writer, temperature=1.5, max_new_tokens=12, seed=1)
    assert sampled == said(writer, temperature=1.5, max_new_tokens=12, seed=1) != greedy
    assert sampled != said(writer, temperature=1.5, max_new_tokens=12, seed=2)
    assert said(writer, max_new_tokens=12, num_beams=3) != greedy
    assert writer.model.generation_config.to_dict() == before
    assert said(writer, max_new_tokens=12) == greedy


def test_a_predictor_with_other_settings_shares_the_weights(writer: Predictor) -> None:
    told: list[Decision] = []

    class Listening(Console):
        def decision(self, decision: Decision) -> None:
            told.append(decision)

    other = writer.generating({"temperature": 0.5, "max_new_tokens": 4}, Listening())
    assert next(other.model.parameters()) is next(writer.model.parameters())
    assert [(one.what, one.value, one.why) for one in told] == [("sampling", "on", "temperature is 0.5")]
    assert other.model.generation_config.temperature == 0.5
    again = other.generating({"max_new_tokens": 5}).model.generation_config
    assert (again.temperature, again.max_new_tokens) == (0.5, 5)
    assert writer.generating({}) is writer


def test_plain_transformers_generates_the_same_with_these_settings(writer: Predictor) -> None:
    other = writer.generating({"num_beams": 2, "max_new_tokens": 8})
    ids = other.tokenizer([row["text"] for row in PROMPTS[:1]], return_tensors="pt")["input_ids"]
    written = other.model.generate(ids, attention_mask=torch.ones_like(ids), num_beams=2, max_new_tokens=8)
    assert said(other)[0] == other.tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).rstrip()


def test_a_model_that_does_not_generate_refuses_settings_of_generation() -> None:
    with pytest.raises(RecipeError, match=r"task text-classification does not use generation\.temperature") as caught:
        predictor().predict("a film", temperature=0.5)
    assert "chat" in caught.value.hint
    with pytest.raises(RecipeError, match="no recipe key 'epochs'"):
        bound_to_write().predict("a film", epochs=3)


def bound_to_write() -> Predictor:
    task, _ = learned(TextGeneration, [{"text": "a film"}])
    return predicting(task, SimpleNamespace(generation_config=GenerationConfig()), TOKENIZER, Limits(32))


def test_prompts_that_are_cut_are_marked(writer: Predictor) -> None:
    length = writer.task.set_limits.length
    short, long = writer.predict([{"text": "the old cat"}, {"text": "the old cat " * length}], max_new_tokens=8)
    assert "truncated" not in short and long["truncated"] is True


def test_answers_that_leave_no_room_for_a_prompt_are_refused(writer: Predictor) -> None:
    positions = writer.task.learned.positions
    assert positions == writer.model.config.max_position_embeddings
    for new in (positions, positions + 1):
        with pytest.raises(RecipeError, match=f"max_new_tokens is {new}, but the model takes") as caught:
            writer.generating({"max_new_tokens": new})
        assert caught.value.hint.startswith(f"set it to at most {positions - 1}; ")
    assert writer.generating({"max_new_tokens": positions - 1}).task.prompts({"prompt": ["a b c"], "text": [""]})


def test_the_positions_are_those_of_the_model_not_the_length_of_its_training(writer: Predictor, tmp_path: Path) -> None:
    """Fine-tuned on short rows, a model still writes long answers."""
    task, _ = learned(TextGeneration, [{"text": "the old cat"}])
    save_model(tmp_path, writer.model, writer.tokenizer, bound(task, writer.tokenizer, Limits(16)).card(), "")
    found = load(tmp_path)
    assert found.task.set_limits == Limits(16) and found.tokenizer.model_max_length == 16
    assert found.task.learned.positions == writer.model.config.max_position_embeddings > 40
    (answer,) = found.predict(["the old cat"], max_new_tokens=40)
    assert "truncated" not in answer
