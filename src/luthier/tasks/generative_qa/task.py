"""Generative question answering: an encoder-decoder reads a question, perhaps with a context, and writes the answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig

from luthier.data.columns.profile import ColumnProfile, Recognition
from luthier.data.records import Fault
from luthier.data.tokenized import Examples
from luthier.metrics.base import AnyMetric
from luthier.metrics.baselines.simple import nearest_texts
from luthier.metrics.overlap import rouge_metrics
from luthier.metrics.spans import nearest_sentences, span_metrics
from luthier.reporting.panels import Panel
from luthier.tasks.base import Answer
from luthier.tasks.generation.panels import panels
from luthier.tasks.generation.seq2seq import Seq2SeqTask
from luthier.tasks.question_answering import columns as qa_columns
from luthier.tasks.question_answering.answers import read_answer_texts, read_context


class GenerativeQA(Seq2SeqTask):
    """A question gets an answer that is written, not found."""

    name = "generative-qa"
    about = "an answer, in words of its own, to a question with or without a context"
    row = "question, optional context, answers"
    shapes = ("context", "closed")
    metric_names = ("loss", "f1", "exact_match", "rougeL")
    roles = ("question", "context")

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        return qa_columns.recognise_generative_qa(profiles, given=given, shape=shape)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return qa_columns.why_not_generative_qa(profiles, given=given)

    def source_text(self, values: Mapping[str, Any]) -> str | Fault:
        """Question and context as T5 was pretrained to see them for SQuAD; it serves the others as well."""
        question = self.text_in(values, "question")
        if isinstance(question, Fault) or "context" not in self.columns:
            return question if isinstance(question, Fault) else f"question: {question}"
        context = read_context(values, self.columns)
        return context if isinstance(context, Fault) else f"question: {question} context: {context}"

    def target_texts(self, values: Mapping[str, Any]) -> list[str] | Fault:
        found = read_answer_texts(values, self.columns)
        if isinstance(found, Fault):
            return found
        return found or Fault("no-answer", "the question has no answer, and there is nothing to write")

    def default_prefix(self, config: PretrainedConfig) -> str:
        return ""

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        written = [i for i, answer in enumerate(answers) if answer["prediction"] is not None]
        references = [list(examples["targets"][i]) for i in written]
        predictions = [answers[i]["prediction"] for i in written]
        found: list[AnyMetric] = list(self.language(answers)[:1])
        if written:
            found += span_metrics(predictions, references)
            found += rouge_metrics(predictions, references, names=("rougeL",))
        return found

    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """The context's sentence that is nearest to the question; without contexts the nearest question's answer."""
        known, asked = ([_parts(text) for text in rows["text"]] for rows in (train, test))
        questions = [question for question, _ in asked]
        if "context" in self.columns:
            nearest = nearest_sentences(questions, [context for _, context in asked])
            return {"nearest-sentence": [{"prediction": text} for text, _ in nearest]}
        places = nearest_texts([question for question, _ in known], questions)
        return {"nearest-question": [{"prediction": train["target"][i]} for i in places]}

    def inputs(self, examples: Examples) -> dict[str, list[Any]]:
        parts = [_parts(text) for text in examples["text"]]
        found = {"question": [question for question, _ in parts]}
        return found | ({"context": [context for _, context in parts]} if "context" in self.columns else {})

    def examples_of(self, predictions: Examples) -> Examples:
        return super().examples_of({**predictions, "text": predictions["question"]})

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions)


def _parts(text: str) -> tuple[str, str]:
    question, _, context = text.removeprefix("question: ").partition(" context: ")
    return question, context
