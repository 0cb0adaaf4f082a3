"""Summarization: an encoder-decoder reads a document and writes its summary."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig

from luthier.data.columns.profile import ColumnProfile, Recognition
from luthier.data.records import Fault
from luthier.data.tokenized import Examples
from luthier.metrics.base import AnyMetric
from luthier.metrics.overlap import lead_length, lead_sentences, rouge_metrics
from luthier.reporting.panels import Panel
from luthier.tasks.base import Answer
from luthier.tasks.generation.panels import panels
from luthier.tasks.generation.seq2seq import Seq2SeqTask
from luthier.tasks.summarization import columns as summary_columns


class Summarization(Seq2SeqTask):
    """A document gets a summary."""

    name = "summarization"
    about = "a summary for a document"
    row = "document, summary (one or several)"
    metric_names = ("loss", "rouge1", "rouge2", "rougeL", "rougeLsum")
    roles = ("document",)

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        return summary_columns.recognise_summarization(profiles, given=given, shape=shape)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return summary_columns.why_not(profiles, given=given)

    def source_text(self, values: Mapping[str, Any]) -> str | Fault:
        return self.text_in(values, "document")

    def target_texts(self, values: Mapping[str, Any]) -> list[str] | Fault:
        column = self.columns["summary"]
        return summary_columns.references(values, column) or Fault("missing-label", f"column {column!r} is empty")

    def default_prefix(self, config: PretrainedConfig) -> str:
        return "summarize: " if config.model_type == "t5" else ""

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        written = [i for i, answer in enumerate(answers) if answer["prediction"] is not None]
        references = [list(examples["targets"][i]) for i in written]
        rouge = rouge_metrics([answers[i]["prediction"] for i in written], references) if written else []
        return [*self.language(answers)[:1], *rouge]

    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """The first sentences of the document, as many as summaries are long."""
        n = lead_length(train["text"], train["target"])
        return {"lead": [{"prediction": text} for text in lead_sentences(test["text"], n)]}

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions)
