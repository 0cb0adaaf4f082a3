"""Writing: what a text costs, how it is generated, and where it ends."""

import math
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import torch
from transformers import BertConfig, GenerationConfig, LlamaConfig, T5Config
from transformers.modeling_outputs import CausalLMOutput

from luthier.data.batches import IGNORED
from luthier.data.tokenized import Examples, Limits
from luthier.errors import NonFiniteError, RecipeError
from luthier.fast.token_losses import token_losses
from luthier.models.loading import load_model, load_tokenizer
from luthier.recipe import GenerationRecipe, Recipe
from luthier.tasks.generation import writes as module
from luthier.tasks.generation.writes import UNTUNED, Writing, generate, language_metrics
from luthier.tasks.phases import Answer, Bound
from luthier.tasks.summarization.task import Summarization
from luthier.tasks.text_generation.task import TextGeneration
from luthier.tokenizers.training import train_tokenizer
from tests.tasks.by_hand import bound, encoded, learned, predicting, values_of
from tests.tasks.generation.drawn import Built, drawn_documents, text


def test_a_text_without_an_end_is_told(built: Built) -> None:
    tokenizer = load_tokenizer(str(built("LLaMA")))
    task, examples = drawn_documents(tokenizer, 4)
    rows = encoded(task, examples, tokenizer)
    columns = {**examples, "row": list(range(4))}
    assert bound(task, tokenizer).notice(columns, rows) == []
    cut = [{**row, "labels": row["labels"][:-1]} for row in rows]
    assert [finding.id for finding in bound(task, tokenizer).notice(columns, cut)] == ["no-end"]


def test_targets_that_do_not_come_back_are_told(built: Built) -> None:
    """WordPiece joins words with a single space."""
    data = [{"text": f"the old bird\nflew {i}" if i % 2 else "the old bird"} for i in range(8)]
    tokenizer = train_tokenizer([str(row["text"]) for row in data], 200, "wordpiece", architecture="gpt2")
    task, examples = learned(TextGeneration, data)
    columns = {**examples, "row": list(range(8))}
    (found,) = bound(task, tokenizer).notice(columns, encoded(task, examples, tokenizer))
    assert (found.id, found.rows) == ("altered-targets", (1, 3, 5, 7))
    assert r"'the old bird\nflew 1' becomes 'the old bird flew 1'" in found.message


def test_bits_per_byte_and_perplexity_by_hand() -> None:
    task, _ = learned(TextGeneration, [{"text": text(i)} for i in range(3)])
    costs, tokens, texts = [6.0, 2.0], [3, 1], ["Zoë", "abc"]
    sizes = [len(one.encode()) for one in texts]
    assert sizes == [4, 3]
    said = [
        {"prediction": None, "nll": cost, "tokens": n, "bytes": size}
        for cost, n, size in zip(costs, tokens, sizes, strict=True)
    ]
    found = values_of(task, said, {"text": texts})
    expected = {"loss": 8 / 4, "perplexity": math.exp(8 / 4), "bits_per_byte": 8 / math.log(2) / 7}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("name", ["GPT-2", "LLaMA", "OPT"])
def test_texts_are_the_same_in_batches_and_one_by_one(name: str, built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built(name))), load_model("CausalLM", str(built(name))).eval()
    torch.manual_seed(0)
    for parameter in model.parameters():  # so far apart that each prompt has a text of its own
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.3)
    settings: dict[str, Any] = {"generation__max_new_tokens": 8, "generation__do_sample": False}
    task, _ = learned(TextGeneration, [{"text": text(i)} for i in range(6)], **settings)
    task, _ = task.bind(tokenizer, model.config)
    limits = Limits(128, stride=40)
    bound(task, tokenizer, limits).configure(model)
    model.generation_config.min_new_tokens = 6
    predictor = predicting(task, model, tokenizer, limits)
    prompts = [text(i, 1 + i, 2 + 2 * i) for i in range(8)]
    together = [answer["prediction"] for answer in predictor.predict(prompts)]
    assert together == [predictor.predict([prompt])[0]["prediction"] for prompt in prompts]
    assert len(set(together)) > 4, "equal texts would not show their order"


def test_settings_of_sampling_are_left_out_of_greedy_decoding(built: Built) -> None:
    model = load_model("CausalLM", str(built("LLaMA")))
    task, _ = learned(TextGeneration, [{"text": text(i)} for i in range(6)], generation__do_sample=False)
    bound(task, Mock(), Limits(64)).configure(model)
    config: GenerationConfig = model.generation_config
    config.validate(strict=True)  # nothing to be warned about
    assert (config.do_sample, config.temperature, config.max_new_tokens) == (False, None, 32)


# -- what a text costs -----------------------------------------------------------------------------------------------


def writing(**learned: Any) -> Bound[Writing]:
    """A task that writes, without a model."""
    return Bound(TextGeneration(), "", {"text": "text"}, {}, Writing(**learned), Mock(), Limits(64))


def test_each_token_costs_its_surprise_and_ignored_ones_nothing() -> None:
    logits = torch.zeros(2, 4, 8)  # every one of eight tokens is as likely
    logits[1, 0, 5] = 50.0  # but the second row's first label is certain
    labels = torch.tensor([[IGNORED, 1, 2, 3], [IGNORED, 5, IGNORED, IGNORED]])
    found = writing().collect(CausalLMOutput(logits=logits), {"labels": labels})
    assert [count for _, count in found] == [3, 1]
    assert [cost for cost, _ in found] == pytest.approx([3 * math.log(8), 0.0], abs=1e-6)


def test_each_label_is_predicted_by_the_token_before() -> None:
    targets = writing().token_targets()
    assert targets is not None
    labels = torch.tensor([[1, IGNORED, 3, 4], [IGNORED, 2, IGNORED, IGNORED]])
    assert targets(labels).tolist() == [[IGNORED, 3, 4, IGNORED], [2, IGNORED, IGNORED, IGNORED]]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_losses_of_the_labels_in_place_of_logits_give_the_same_loss_and_costs(smoothing: float) -> None:
    task, vocabulary = writing(), 7
    labels = torch.tensor([[1, IGNORED, 3, 4], [IGNORED, 2, IGNORED, IGNORED], [IGNORED] * 4])
    targets, head = task.token_targets(), torch.nn.Linear(5, vocabulary)
    assert targets is not None
    hidden, wanted = torch.randn(3, 4, 5, generator=torch.Generator().manual_seed(0)), targets(labels)
    read = wanted.ne(IGNORED)
    found = token_losses(hidden[read], head, wanted[read], smoothing)
    without = SimpleNamespace(loss=found.total, losses=found.each)
    outputs, batch = CausalLMOutput(logits=head(hidden)), {"labels": labels}
    loss = task.loss(Recipe.build({"training": {"label_smoothing": smoothing}}).training)
    assert torch.allclose(loss(without, batch), loss(outputs, batch))
    costs = [task.collect(one, batch) for one in (without, outputs)]
    assert [count for _, count in costs[0]] == [2, 1, 0]
    assert [cost for cost, _ in costs[0]] == pytest.approx([cost for cost, _ in costs[1]])


def test_the_windows_of_a_text_are_one_answer() -> None:
    # The first label of a decoder's row is not predicted, so it is neither a token nor a byte.
    windows = [[9, *b"Zo"], [*b"ab"], [IGNORED, 0xC3, 0xAB]]
    rows = [{"examples": [owner], "labels": labels} for owner, labels in zip([0, 1, 0], windows, strict=True)]
    task = writing()
    task.tokenizer.decode = lambda ids, **_: bytes(ids).decode()
    said = task.answers({"text": ["Zoë", "ab"]}, rows, [(1.5, 2), (0.25, 1), (2.0, 2)])
    assert said == [
        {"prediction": None, "nll": 3.5, "tokens": 4, "bytes": 4},
        {"prediction": None, "nll": 0.25, "tokens": 1, "bytes": 1},
    ]


def test_only_answers_that_know_their_cost_have_a_loss() -> None:
    assert language_metrics([]) == []
    assert language_metrics([{"prediction": "a"}]) == []
    assert [metric.name for metric in language_metrics(writing().perfect({"text": ["a"]}))] == [
        *("loss", "perplexity", "bits_per_byte"),
    ]


def test_a_right_text_costs_nothing_and_a_reader_sees_the_text_alone() -> None:
    assert writing().perfect({"text": ["Zoë"]}) == [{"prediction": "Zoë", "nll": 0.0, "tokens": 1, "bytes": 4}]
    assert writing().readable({"prediction": "Zoë", "nll": 2.0, "tokens": 1, "bytes": 4}) == {"prediction": "Zoë"}


def test_the_samples_are_the_rows_for_which_a_text_was_written() -> None:
    examples: Examples = {"row": [4, 9], "prompt": ["", "given"], "text": ["once upon", "then"]}
    said: list[Answer] = [{"prediction": None}, {"prediction": "it ends"}]
    assert writing().samples(examples, said) == [{"row": 9, "asked": {"prompt": "given"}, "text": "it ends"}]


# -- how it is written -----------------------------------------------------------------------------------------------


def test_only_models_of_the_family_write() -> None:
    decoder, encoder_decoder = TextGeneration(), Summarization()
    assert [decoder.fits(config) for config in (LlamaConfig(), T5Config(), BertConfig())] == [True, False, False]
    assert [encoder_decoder.fits(config) for config in (LlamaConfig(), T5Config(), BertConfig())] == [
        False,
        True,
        False,
    ]


def test_how_a_text_is_generated_is_taken_from_the_recipe() -> None:
    recipe = Recipe.build({"seed": 7, "generation": {"num_beams": 3, "temperature": 0.5}})
    found = TextGeneration().fit(Mock(), Mock(), recipe)
    assert found == Writing(GenerationRecipe(num_beams=3, temperature=0.5), seed=7, prefix=None)
    assert TextGeneration().learned_type("") is Writing


def test_the_model_before_tuning_is_a_baseline() -> None:
    assert writing().untuned(lambda: [{"prediction": "a"}]) == {UNTUNED: [{"prediction": "a"}]}


@pytest.mark.parametrize("name", ["LLaMA", "T5"])
def test_generating_leaves_the_model_in_its_mode_and_no_padding_in_what_is_written(name: str, built: Built) -> None:
    tokenizer = load_tokenizer(str(built(name)))
    model = load_model("Seq2SeqLM" if name == "T5" else "CausalLM", str(built(name)))
    model.generation_config.update(max_new_tokens=5, max_length=None, do_sample=False)
    for training in (True, False):
        model.train(training)
        written = generate(model, tokenizer, [[7], [7, 8, 9, 10, 11]])
        assert model.training is training
        assert all(0 < len(ids) <= 5 for ids in written)
        if tokenizer.pad_token_id != tokenizer.eos_token_id:
            assert not any(tokenizer.pad_token_id in ids for ids in written)


@pytest.mark.parametrize("name", ["LLaMA", "T5"])
def test_logits_that_are_no_numbers_are_an_error_and_not_an_empty_text(name: str, built: Built) -> None:
    tokenizer = load_tokenizer(str(built(name)))
    model = load_model("Seq2SeqLM" if name == "T5" else "CausalLM", str(built(name)))
    model.generation_config.update(max_new_tokens=3, max_length=None, do_sample=False)
    generate(model, tokenizer, [[7], [7, 8]])
    next(model.parameters()).data.fill_(float("nan"))
    with pytest.raises(NonFiniteError, match="outputs are not finite"):
        generate(model, tokenizer, [[7], [7, 8]])


def test_equal_prompts_have_other_samples_in_each_batch(built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WRITTEN", 40)
    tokenizer, model = load_tokenizer(str(built("LLaMA"))), load_model("CausalLM", str(built("LLaMA"))).eval()
    task, _ = learned(TextGeneration, [{"text": text(i)} for i in range(6)], generation__max_new_tokens=12)
    task, _ = task.bind(tokenizer, model.config)
    bound(task, tokenizer, Limits(64)).configure(model)
    predictor = predicting(task, model, tokenizer, Limits(64))
    found = [answer["prediction"] for answer in predictor.predict([text(0, 2, 3)] * 12)]
    assert len(set(found)) == 12
    assert found == [answer["prediction"] for answer in predictor.predict([text(0, 2, 3)] * 12)]


# -- other settings for a model that is in use ------------------------------------------------------------------------


def of_model(built: Built, **config: Any) -> tuple[Bound[Writing], Any]:
    """A model with its own generation config, and its task."""
    model = load_model("CausalLM", str(built("LLaMA")))
    model.generation_config = GenerationConfig(**config)
    return writing(), model


def chosen(built: Built, settings: dict[str, Any], **config: Any) -> GenerationConfig:
    """The generation config of a model that is asked for other settings."""
    task, model = of_model(built, **config)
    task.generating(model, settings)[0].configure(model)
    found: GenerationConfig = model.generation_config
    found.validate(strict=True)
    return found


OWN = {"do_sample": True, "temperature": 0.6, "top_p": 0.9, "repetition_penalty": 1.2, "max_new_tokens": 40}


@pytest.mark.parametrize(
    ("config", "settings", "expected"),
    [
        ({}, {}, {"do_sample": False, "temperature": None, "top_k": None, "num_beams": 1, "max_new_tokens": 32}),
        (OWN, {}, {**OWN, "top_k": 50}),
        (OWN, {"temperature": 1.5}, {**OWN, "temperature": 1.5}),
        (OWN, {"top_k": 3, "max_new_tokens": 7}, {**OWN, "top_k": 3, "max_new_tokens": 7}),
        (OWN, {"temperature": 0}, {"do_sample": False, "temperature": None, "top_p": None, "repetition_penalty": 1.2}),
        (OWN, {"do_sample": False}, {"do_sample": False, "temperature": None, "top_p": None}),
        ({}, {"temperature": 0.7}, {"do_sample": True, "temperature": 0.7, "top_k": 0, "top_p": 1.0}),
        ({}, {"top_p": 0.9}, {"do_sample": True, "temperature": 1.0, "top_k": 0, "top_p": 0.9}),
        ({}, {"top_k": 0}, {"do_sample": False}),
        ({"temperature": 0.6, "top_p": 0.9}, {}, {"do_sample": False, "temperature": None}),  # greedy in transformers
        ({"num_beams": 4, "length_penalty": 2.0}, {}, {"num_beams": 4, "length_penalty": 2.0, "do_sample": False}),
        ({"num_beams": 4, "length_penalty": 2.0}, {"num_beams": 1}, {"num_beams": 1, "length_penalty": 1.0}),
    ],
)
def test_the_settings_that_are_not_given_are_the_models_own(
    config: dict[str, Any], settings: dict[str, Any], expected: dict[str, Any], built: Built
) -> None:
    found = chosen(built, settings, **config)
    assert {name: getattr(found, name) for name in expected} == expected


def test_the_shortest_answer_of_pretraining_is_for_models_as_they_are(built: Built) -> None:
    model = load_model("Seq2SeqLM", str(built("T5")))
    model.generation_config.min_length = 20  # with the token that the decoder starts with
    task = Bound(Summarization(), "", {}, {}, Writing(), Mock(), Limits(64))
    assert task.generating(model, {})[0].learned.settings.min_new_tokens == 19
    assert task.generating(model, {"max_new_tokens": 7})[0].learned.settings.min_new_tokens == 0
    task.configure(model)  # before training, by the recipe
    assert (model.generation_config.min_length, model.generation_config.min_new_tokens) == (None, None)
    with pytest.raises(RecipeError, match="min_new_tokens is 8, above max_new_tokens 7"):
        task.generating(model, {"min_new_tokens": 8, "max_new_tokens": 7})


@pytest.mark.parametrize(
    ("config", "settings", "told"),
    [
        ({}, {"temperature": 0.7, "top_p": 0.9}, ("on", "temperature is 0.7, top_p is 0.9")),
        (OWN, {"temperature": 0.0}, ("off", "temperature is 0")),
        (OWN, {"temperature": 0.7}, None),  # it samples anyway
        ({}, {"do_sample": True, "temperature": 0.7}, None),
        ({}, {"max_new_tokens": 3}, None),
    ],
)
def test_sampling_that_another_setting_implies_is_told(
    config: dict[str, Any], settings: dict[str, Any], told: tuple[str, str] | None, built: Built
) -> None:
    task, model = of_model(built, **config)
    decisions = task.generating(model, settings)[1]
    assert [(one.what, one.value, one.why) for one in decisions] == ([("sampling", *told)] if told else [])


def test_a_seed_is_for_sampling_alone(built: Built) -> None:
    task, model = of_model(built, **OWN)
    assert task.generating(model, {"seed": 3})[0].learned.seed == 3
    for settings in ({"temperature": 0, "seed": 3}, {"do_sample": False, "seed": 3}):
        with pytest.raises(RecipeError, match="use no seed") as caught:
            task.generating(model, settings)
        assert caught.value.where == "seed"


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"temprature": 0.7}, "no recipe key 'temprature'"),
        ({"temperature": -0.1}, "temperature must be at least 0, got -0.1"),
        ({"do_sample": False, "temperature": 0.7}, "temperature applies only to sampling, but do_sample is false"),
        ({"temperature": 0, "top_p": 0.9}, "top_p applies only to sampling, but temperature 0 is greedy search"),
        ({"do_sample": True, "temperature": 0}, "temperature 0 is greedy search, but do_sample is true"),
        ({"num_beams": 1, "length_penalty": 2.0}, "length_penalty applies only to beam search"),
    ],
)
def test_settings_that_have_no_effect_are_refused(settings: dict[str, Any], what: str, built: Built) -> None:
    task, model = of_model(built)
    with pytest.raises(RecipeError, match=what):
        task.generating(model, settings)


@pytest.mark.parametrize(
    ("settings", "expected", "told"),
    [
        ({}, (True, 0.8, 0.95), []),  # the task's defaults
        ({"temperature": 0.3}, (True, 0.3, 0.95), []),
        ({"do_sample": False}, (False, None, None), []),
        ({"temperature": 0}, (False, 0, None), ["off"]),
    ],
)
def test_the_tasks_defaults_do_not_contradict_what_was_set(
    settings: dict[str, Any], expected: tuple[Any, ...], told: list[str]
) -> None:
    recipe = Recipe.build({"generation": settings}).with_defaults(TextGeneration.defaults)
    assert [decision.value for decision in TextGeneration().decide(recipe)] == told
    found = recipe.generation
    assert (found.do_sample, found.temperature, found.top_p) == expected
    assert Recipe.build(recipe.model_dump()).generation == found, "a written recipe is read as it was"


def test_a_recipe_that_sets_the_temperature_samples() -> None:
    recipe = Recipe.build({"generation": {"temperature": 0.7}})
    (decision,) = Summarization().decide(recipe)
    assert recipe.generation.do_sample is True and decision.why == "temperature is 0.7"
