"""Text generation: a decoder learns the text of documents, and goes on from where a person begins."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from transformers import PreTrainedTokenizerBase

from luthier.data.columns.profile import ColumnProfile, Recognition
from luthier.data.tokenized import Examples
from luthier.metrics.base import AnyMetric
from luthier.models.families import writes
from luthier.recipe import GenerationRecipe
from luthier.reporting.panels import Panel
from luthier.tasks.base import Answer
from luthier.tasks.generation import columns as text_columns
from luthier.tasks.generation.document_task import DocumentTask
from luthier.tasks.generation.panels import panels


class TextGeneration(DocumentTask):
    """Documents that a decoder learns to write."""

    name = "text-generation"
    about = "text like that of the documents, from a beginning on"
    row = "text"
    metric_names = ("loss", "perplexity", "bits_per_byte")
    roles = ("text",)
    broad = True
    defaults: ClassVar[Mapping[str, Any]] = {
        **DocumentTask.defaults,
        "evaluation.samples": 4,
        "evaluation.generated_rows": 16,
        "generation.do_sample": True,
        "generation.temperature": 0.8,
        "generation.top_p": 0.95,
    }

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        return text_columns.recognise_text(profiles, given=given, shape=shape)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return text_columns.why_not_text(profiles, given=given)

    @classmethod
    def of_model(cls, config: Any, tokenizer: PreTrainedTokenizerBase) -> Self | None:
        return cls("", {"text": "text"}, GenerationRecipe()) if writes(config) else None

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        return self.language(answers)

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions)
