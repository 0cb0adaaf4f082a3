"""Generative question answering: an encoder-decoder reads a question, optionally with a context, and writes the answer.

{"question": "Who made it?", "context": "It was made by Anna.", "answers": ["Anna"]} -> {"prediction": "Anna"}
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from luthier.data.columns.profile import Recognition
from luthier.data.columns.roles import Columns, Given, Profiles
from luthier.data.records import Fault, all_sound
from luthier.data.table import Example
from luthier.data.tokenized import Examples
from luthier.metrics.base import AnyMetric
from luthier.metrics.baselines.simple import nearest_texts
from luthier.metrics.overlap import rouge_metrics
from luthier.metrics.spans import nearest_sentences, span_metrics
from luthier.tasks.generation.seq2seq import Seq2SeqTask, answered, text_in
from luthier.tasks.generation.writes import Writing, language_metrics
from luthier.tasks.phases import Answer, Bound, Fitted, Recognised
from luthier.tasks.question_answering.answers import read_answer_texts, read_context
from luthier.tasks.question_answering.columns import (
    GENERATIVE_SHAPES,
    likely_generative_qa,
    recognise_generative_qa,
    why_not,
)
from luthier.tasks.roles import Role, or_empty

BEFORE_QUESTION, BEFORE_CONTEXT = "question: ", " context: "


class GenerativeQA(Seq2SeqTask):
    """The task generative-qa: the answer to a question is generated, not extracted from a context."""

    name = "generative-qa"
    about = "a generated answer to a question, with or without a context"
    row = "question, optional context, answers"
    roles = (
        Role("question", sample="Who wrote the letter?"),
        Role("context", needed=False, sample="Anna wrote the letter on Monday."),
        Role("answers", "label", learned=True),
    )
    shapes = GENERATIVE_SHAPES
    metric_names = ("loss", "f1", "exact_match", "rougeL")
    hub_tag = "question-answering"

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        return recognise_generative_qa(profiles, given=given, shape=shape)

    def why_not(self, profiles: Profiles, given: Given) -> str:
        return why_not(profiles, ("question", "answer"))

    def likely(self, profiles: Profiles) -> list[Columns]:
        return likely_generative_qa(profiles)

    def source_text(self, task: Recognised[Writing], values: Mapping[str, Any]) -> str | Fault:
        """Question and context in the format of T5's pretraining on SQuAD, which suits other models too."""
        return _source(_read(task, values))

    def query_text(self, task: Recognised[Writing], values: Mapping[str, Any]) -> str | Fault:
        return _source(map(or_empty, _read(task, values)))

    def more(self, task: Recognised[Writing], values: Mapping[str, Any]) -> Example:
        """The question, where a context follows it in the text: either may contain the words between them."""
        question = text_in(task, values, "question") if "context" in task.columns else None
        return {} if question is None else {"question": "" if isinstance(question, Fault) else question}

    def target_texts(self, task: Recognised[Writing], values: Mapping[str, Any]) -> list[str] | Fault:
        found = read_answer_texts(values, task.columns)
        if isinstance(found, Fault):
            return found
        return found or Fault("no-answer", "the question has no answer, so there is nothing to generate")

    def metrics(self, task: Fitted[Writing], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        written, right = answered(answers, examples)
        found: list[AnyMetric] = list(language_metrics(answers)[:1])
        if written:
            found += span_metrics(written, right)
            found += rouge_metrics(written, right, names=("rougeL",))
        return found

    def baselines(self, task: Bound[Writing], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """The context sentence nearest to the question; without contexts, the nearest training question's answer."""
        asked = self.inputs(task, test)
        if "context" in task.columns:
            nearest = nearest_sentences(asked["question"], asked["context"])
            return {"nearest-sentence": [{"prediction": text} for text, _ in nearest]}
        positions = nearest_texts(self.inputs(task, train)["question"], asked["question"])
        return {"nearest-question": [{"prediction": train["target"][i]} for i in positions]}

    def inputs(self, task: Fitted[Writing], examples: Examples) -> dict[str, list[Any]]:
        if "context" not in task.columns:
            return {"question": [text.removeprefix(BEFORE_QUESTION) for text in examples["text"]]}
        questions = list(examples["question"])
        begins = [len(BEFORE_QUESTION + question + BEFORE_CONTEXT) for question in questions]
        contexts = [text[begin:] for text, begin in zip(examples["text"], begins, strict=True)]
        return {"question": questions, "context": contexts}

    def examples_of(self, task: Fitted[Writing], predictions: Examples) -> Examples:
        return super().examples_of(task, {**predictions, "text": predictions["question"]})


def _read(task: Recognised[Writing], values: Mapping[str, Any]) -> list[str | Fault]:
    """The question of a row and, if the task has contexts, its context."""
    contexts = [read_context(values, task.columns)] if "context" in task.columns else []
    return [text_in(task, values, "question"), *contexts]


def _source(found: Iterable[str | Fault]) -> str | Fault:
    """The model's input for a question and possibly a context; the first fault if there is one."""
    texts = all_sound(found)
    if isinstance(texts, Fault):
        return texts
    return "".join(before + text for before, text in zip((BEFORE_QUESTION, BEFORE_CONTEXT), texts, strict=False))
