"""Summarization: an encoder-decoder reads a document and writes its summary.

{"document": "The strings were worn ...", "summary": "New strings."} -> {"prediction": "Worn strings were replaced."}
"""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig

from luthier.data.columns.profile import Recognition
from luthier.data.columns.roles import Columns, Given, Profiles, several
from luthier.data.records import Fault
from luthier.data.tokenized import Examples
from luthier.metrics.base import AnyMetric
from luthier.metrics.overlap import lead_length, lead_sentences, rouge_metrics
from luthier.tasks.generation.seq2seq import Seq2SeqTask, answered, text_in
from luthier.tasks.generation.writes import Writing, language_metrics
from luthier.tasks.phases import Answer, Bound, Fitted, Recognised
from luthier.tasks.roles import Role, not_text
from luthier.tasks.summarization.columns import likely, recognise_summarization, references, why_not


class Summarization(Seq2SeqTask):
    """The task summarization."""

    name = "summarization"
    about = "a summary for a document"
    row = "document, summary (one or several)"
    roles = (Role("document"), Role("summary", learned=True))
    metric_names = ("loss", "rouge1", "rouge2", "rougeL", "rougeLsum")

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        return recognise_summarization(profiles, given=given, shape=shape)

    def likely(self, profiles: Profiles) -> list[Columns]:
        return likely(profiles)

    def why_not(self, profiles: Profiles, given: Given) -> str:
        return why_not(profiles)

    def source_text(self, task: Recognised[Writing], values: Mapping[str, Any]) -> str | Fault:
        return text_in(task, values, "document")

    def target_texts(self, task: Recognised[Writing], values: Mapping[str, Any]) -> list[str] | Fault:
        column = task.columns["summary"]
        if objects := [name for name in several(column) if isinstance(values.get(name), dict)]:
            return not_text(objects[0], values[objects[0]])
        return references(values, column) or Fault("missing-label", f"column {column!r} is empty")

    def default_prefix(self, task: Fitted[Writing], config: PretrainedConfig) -> str:
        return "summarize: " if config.model_type == "t5" else ""

    def metrics(self, task: Fitted[Writing], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        written, right = answered(answers, examples)
        return [*language_metrics(answers)[:1], *(rouge_metrics(written, right) if written else [])]

    def baselines(self, task: Bound[Writing], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """The first sentences of the document, as many as summaries usually have."""
        n = lead_length(train["text"], train["target"])
        return {"lead": [{"prediction": text} for text in lead_sentences(test["text"], n)]}
