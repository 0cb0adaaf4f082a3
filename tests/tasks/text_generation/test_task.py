"""Text generation: what its data is, what of somebody else's models can do it, and how it is scored."""

import math
from unittest.mock import Mock

import pytest
from transformers import BertConfig, GPT2Config, LlamaConfig, PretrainedConfig, T5Config

from luthier.errors import ColumnError
from luthier.tasks.text_generation.task import TextGeneration
from tests.tasks.by_hand import learned, profiles_of, values_of
from tests.tasks.generation.drawn import text

ROWS = [{"text": text(i)} for i in range(6)]


def test_any_text_is_its_data_and_the_text_is_learned() -> None:
    found = TextGeneration().recognise(profiles_of(ROWS), {}, None)
    assert found is not None
    assert (found.task, found.columns) == ("text-generation", {"text": "text"})
    task, examples = learned(TextGeneration, ROWS)
    assert examples["text"] == [row["text"] for row in ROWS]
    assert task.gold(examples) == examples["text"]
    assert TextGeneration().recognise(profiles_of([{"n": i} for i in range(6)]), {}, None) is None
    assert "'n'" in TextGeneration().why_not(profiles_of([{"n": i} for i in range(6)]), {})


@pytest.mark.parametrize(
    ("config", "writes"),
    [
        (GPT2Config(architectures=["GPT2LMHeadModel"]), True),
        (LlamaConfig(architectures=["LlamaForCausalLM"]), True),
        (LlamaConfig(architectures=["LlamaForSequenceClassification"]), False),
        (LlamaConfig(), False),
        (BertConfig(architectures=["BertForMaskedLM"]), False),
        (T5Config(architectures=["T5ForConditionalGeneration"]), False),
    ],
)
def test_a_decoder_that_was_saved_to_write_goes_on_with_texts(config: PretrainedConfig, writes: bool) -> None:
    task = TextGeneration().of_model(config, Mock())
    assert (task is not None) is writes
    if task is not None:
        assert task.query({"text": "once upon"}) == {"prompt": "once upon", "text": ""}
        assert task.asked() == ["text"]
        with pytest.raises(ColumnError, match="no column 'text'"):
            task.query({"note": "once upon"})


def test_a_text_is_scored_by_its_cost_whether_one_was_written_or_not() -> None:
    task, _ = learned(TextGeneration, ROWS)
    said = [
        {"prediction": prediction, "nll": 2 * math.log(2), "tokens": 2, "bytes": 8} for prediction in ("a film", None)
    ]
    found = values_of(task, said, {})
    assert found == {"loss": math.log(2), "perplexity": pytest.approx(2.0), "bits_per_byte": pytest.approx(0.25)}
    assert found.keys() == set(TextGeneration.metric_names)
    assert task.metric_for_best == "loss"


def test_texts_are_sampled_unless_a_recipe_says_otherwise() -> None:
    assert learned(TextGeneration, ROWS)[0].learned.settings.do_sample is True
    assert learned(TextGeneration, ROWS, generation__do_sample=False)[0].learned.settings.do_sample is False
