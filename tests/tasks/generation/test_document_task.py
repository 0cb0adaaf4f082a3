"""Tasks that write documents: what is read, learned and asked for, with a prompt and without one."""

from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from luthier.data.batches import IGNORED
from luthier.data.records import Fault
from luthier.data.tokenized import Limits
from luthier.errors import ColumnError
from luthier.metrics.baselines.ngram import trigram_nll
from luthier.models.loading import load_model, load_tokenizer
from luthier.recipe import GenerationRecipe
from luthier.tasks.creative_writing.task import CreativeWriting
from luthier.tasks.generation.document_task import OPENING_WORDS, documents_of, opening
from luthier.tasks.generation.writes import Writing
from luthier.tasks.phases import Bound
from luthier.tasks.registry import registry
from luthier.tasks.text_generation.task import TextGeneration
from tests.tasks.by_hand import Row, answers, bound, came_back, encoded, learned, predicting, prompts, skip_reason
from tests.tasks.generation.drawn import Built, drawn_documents, stories, text


@pytest.mark.parametrize(("name", "begins"), [("SmolLM 3", "<|startoftext|>"), ("GPT-2", "<|endoftext|>")])
def test_a_document_begins_and_ends_with_a_mark_of_which_the_end_is_learned(
    name: str, begins: str, built: Built
) -> None:
    tokenizer = load_tokenizer(str(built(name)))
    _, examples = drawn_documents(tokenizer, 3)
    for said, (ids, labels) in zip(examples["text"], documents_of(tokenizer, examples), strict=True):
        assert tokenizer.convert_ids_to_tokens(ids[0]) == begins
        assert ids[-1] == labels[-1] == tokenizer.eos_token_id
        assert labels == [IGNORED, *ids[1:]]
        assert tokenizer.decode(ids[1:-1]) == said
        assert ids.count(tokenizer.eos_token_id) == 1 + (begins == tokenizer.eos_token)


def test_a_prompt_is_read_and_not_learned(built: Built) -> None:
    tokenizer = load_tokenizer(str(built("GPT-2")))
    task, examples = learned(CreativeWriting, stories(8))
    assert (task.shape, task.columns) == ("prompt", {"prompt": "prompt", "story": "story"})
    whole = encoded(task, examples, tokenizer)
    assert bound(task, tokenizer).targets(whole) == [f"{one}<|endoftext|>" for one in examples["text"]]
    for row, prompt, story in zip(whole, examples["prompt"], examples["text"], strict=True):
        assert tokenizer.decode(row["input_ids"], skip_special_tokens=True) == f"{prompt}\n\n{story}"
    # In blocks as well: what is learned is the stories, one after another.
    packed = encoded(task, examples, tokenizer, Limits(64), training=True)
    assert len(packed) < 8
    learnt = "".join(bound(task, tokenizer).targets(packed))
    assert sorted(learnt.split("<|endoftext|>")[:-1]) == sorted(examples["text"])


def test_stories_alone_have_no_prompt(built: Built) -> None:
    task, examples = learned(CreativeWriting, [{"story": one["story"]} for one in stories(8)])
    assert (task.shape, set(examples["prompt"])) == ("story", {""})
    tokenizer = load_tokenizer(str(built("GPT-2")))
    assert all(row["labels"][1:] == row["input_ids"][1:] for row in encoded(task, examples, tokenizer))


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"story": None}, "missing-text"), ({"story": " \n"}, "empty-text"), ({"prompt": ""}, "empty-text")],
)
def test_a_row_without_a_story_or_prompt_is_skipped(change: Row, reason: str) -> None:
    task, _ = learned(CreativeWriting, stories(8))
    assert skip_reason(task, {**stories(1)[0], **change}) == reason


@pytest.mark.parametrize("kind", [TextGeneration, CreativeWriting])
def test_the_trigram_baseline_is_asked_for_the_same_tokens(kind: Any, built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built("GPT-2"))), load_model("CausalLM", str(built("GPT-2"))).eval()
    data = stories(20) if kind is CreativeWriting else [{"text": text(i)} for i in range(20)]
    task, known = learned(kind, data)
    _, asked = learned(kind, data[15:])
    task, _ = task.bind(tokenizer, model.config)
    said = bound(task, tokenizer).baselines(known, asked)["trigram"]
    ours = answers(task, model, tokenizer, asked, Limits(128, stride=40))
    assert [one["tokens"] for one in said] == [one["tokens"] for one in ours]
    assert [one["bytes"] for one in said] == [one["bytes"] for one in ours]
    train = [np.array(ids) for ids, _ in documents_of(tokenizer, known)]
    for answer, (ids, labels) in zip(said, documents_of(tokenizer, asked), strict=True):
        ends = np.array(
            [trigram_nll(train, [np.array(ids[:n])], len(tokenizer), first=False)[0] for n in range(1, len(ids) + 1)]
        )
        each = np.diff(ends)  # of each token, given those before it
        wanted = [cost for cost, label in zip(each, labels[1:], strict=True) if label != IGNORED]
        assert answer["nll"] == pytest.approx(sum(wanted), rel=1e-9)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("one two\nthree", "one two"),
        ("\n\n  one  two \n", "one  two"),
        (" ".join(map(str, range(20))), " ".join(map(str, range(OPENING_WORDS)))),
        ("東京は夜", "東京は夜"),
        ("", ""),
    ],
)
def test_the_opening_of_a_text(said: str, expected: str) -> None:
    assert opening(said) == expected


def test_a_task_comes_back_from_what_it_wrote() -> None:
    for kind, rows in ((TextGeneration, [{"text": text(i)} for i in range(6)]), (CreativeWriting, stories(6))):
        task, _ = learned(kind, rows, generation__temperature=0.5, seed=7)
        back = came_back(task)
        assert (back.learned.settings.temperature, back.learned.seed, back.learned.settings.do_sample) == (0.5, 7, True)
        assert back.query({"prompt": "one", "text": "one"}) == task.query({"prompt": "one", "text": "one"})
        assert type(registry()[kind.name]) is kind


@pytest.mark.parametrize("name", ["GPT-2", "LLaMA"])
def test_a_prompt_may_be_empty_or_longer_than_the_model_takes(name: str, built: Built) -> None:
    tokenizer, model = load_tokenizer(str(built(name))), load_model("CausalLM", str(built(name))).eval()
    settings: dict[str, Any] = {"generation__max_new_tokens": 4, "generation__do_sample": False}
    task, _ = learned(TextGeneration, [{"text": text(i)} for i in range(6)], **settings)
    task, _ = task.bind(tokenizer, model.config)
    limits = Limits(32, stride=8)
    bound(task, tokenizer, limits).configure(model)
    predictor = predicting(task, model, tokenizer, limits)
    texts = ["", " ", "the cat " * 400]
    together = [answer["prediction"] for answer in predictor.predict(texts)]
    assert together == [predictor.predict([prompt])[0]["prediction"] for prompt in texts]
    assert prompts(task, {"prompt": texts, "text": [""] * 3}, tokenizer, limits)[0] == [tokenizer.eos_token_id]


# -- what is asked ---------------------------------------------------------------------------------------------------


def writing(*columns: str, **settings: Any) -> Bound[Writing]:
    """A task on columns that are called by its roles."""
    kind = TextGeneration() if "text" in columns else CreativeWriting()
    learned = Writing(GenerationRecipe.model_validate(settings))
    return Bound(kind, "", {name: f"the {name}" for name in columns}, {}, learned, Mock(), None)


@pytest.mark.parametrize(
    ("columns", "asked"), [(["text"], ["text"]), (["story"], ["story"]), (["prompt", "story"], ["prompt"])]
)
def test_a_person_gives_a_prompt_or_the_beginning_of_a_text(columns: list[str], asked: list[str]) -> None:
    assert writing(*columns).asked() == asked
    assert writing(*columns).kind.trial(writing(*columns)).keys() == set(asked)


@pytest.mark.parametrize(
    ("columns", "values", "prompt"),
    [
        (["text"], {"the text": "once"}, "once"),
        (["text"], {"text": "once", "id": 3}, "once"),
        (["text"], {"the text": "once", "text": "never"}, "once"),
        (["text"], {"the text": ""}, ""),
        (["text"], {"the text": 3.5}, "3.5"),
        (["story"], {"text": "once"}, "once"),
        (["prompt", "story"], {"the prompt": "a cat", "the story": "once"}, "a cat"),
        (["prompt", "story"], {"prompt": "a cat"}, "a cat"),
    ],
)
def test_a_query_is_a_prompt_found_by_column_role_or_as_text(columns: list[str], values: Row, prompt: str) -> None:
    assert writing(*columns).query(values) == {"prompt": prompt, "text": ""}


@pytest.mark.parametrize(
    ("cell", "reason"),
    [(None, "missing-text"), (["one", "two"], "not-text"), ({"a": 1}, "not-text"), (b"\xff", "not-text")],
)
def test_what_is_missing_or_no_text_is_not_continued(cell: Any, reason: str) -> None:
    for columns in (["text"], ["prompt", "story"]):
        found = writing(*columns).query({f"the {columns[0]}": cell})
        assert isinstance(found, Fault) and found.reason == reason


def test_a_query_without_a_prompt_is_refused_with_its_column() -> None:
    with pytest.raises(ColumnError, match="no column 'the prompt'"):
        writing("prompt", "story").query({"the story": "once"})


def test_a_reader_sees_the_prompt_or_the_opening_of_the_text() -> None:
    examples = {"prompt": ["a cat", "a dog"], "text": ["once\nupon", "then"]}
    assert writing("prompt", "story").inputs(examples) == {"prompt": ["a cat\n\n", "a dog\n\n"]}
    assert writing("story").inputs({"prompt": ["", "given"], "text": ["once\nupon", "then"]}) == {
        "prompt": ["once", "given"]
    }


def test_a_tokenizer_learns_from_prompts_and_texts_as_the_model_reads_them() -> None:
    examples = {"prompt": ["a cat", ""], "text": ["once", "then"]}
    assert list(writing("prompt", "story").texts(examples)) == ["a cat\n\nonce", "then"]


def test_a_document_counts_once_with_its_prompt() -> None:
    task = writing("prompt", "story")
    one = task.key({"prompt": "a cat", "text": "Once"})
    assert one == task.key({"prompt": "A  cat", "text": "once"}) != task.key({"prompt": "a dog", "text": "once"})


@pytest.mark.parametrize(("length", "new"), [(1000, 200), (64, 32), (1, 1)])
def test_half_of_the_length_is_for_what_is_written_and_no_more_than_200_tokens(length: int, new: int) -> None:
    task = writing("text").within(Limits(length))
    assert TextGeneration().new_tokens(task) == new
    assert TextGeneration().new_tokens(writing("text", max_new_tokens=7).within(Limits(length))) == 7


def test_plain_transformers_is_given_the_prompt_as_the_model_has_read_it() -> None:
    code = writing("prompt", "story").kind.transformers_code(writing("prompt", "story"), "runs/one")
    assert r'model("Once upon a time\n\n", return_full_text=False)' in code
    plain = writing("text").kind.transformers_code(writing("text"), "runs/one")
    assert 'model("Once upon a time", return_full_text=False)' in plain
