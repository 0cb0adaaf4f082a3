"""Text generation: a decoder learns from documents, and continues a prompt.

{"text": "My lord, the letter came at noon."} -> {"prompt": "My lord,", "prediction": " the messenger is here."}
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from transformers import PreTrainedTokenizerBase

from luthier.data.columns.profile import Recognition
from luthier.data.columns.roles import Columns, Given, Profiles
from luthier.data.tokenized import Examples
from luthier.metrics.base import AnyMetric
from luthier.models.families import writes
from luthier.recipe import GenerationRecipe
from luthier.tasks.generation.columns import likely_text, recognise_text
from luthier.tasks.generation.document_task import DocumentTask
from luthier.tasks.generation.documents import DEFAULTS
from luthier.tasks.generation.writes import Writing, language_metrics
from luthier.tasks.phases import Answer, Fitted
from luthier.tasks.roles import Role


class TextGeneration(DocumentTask):
    """The task text-generation: a decoder learns to write documents."""

    name = "text-generation"
    about = "text like the training documents, continued from a prompt"
    row = "text"
    lacking = "no column contains text"
    roles = (Role("text", learned=True),)
    metric_names = ("loss", "perplexity", "bits_per_byte")
    broad = True
    defaults: ClassVar[Mapping[str, Any]] = {
        **DEFAULTS,
        "evaluation.samples": 4,
        "evaluation.generated_rows": 16,
        "generation.do_sample": True,
        "generation.temperature": 0.8,
        "generation.top_p": 0.95,
    }

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        return recognise_text(profiles, given=given, shape=shape)

    def likely(self, profiles: Profiles) -> list[Columns]:
        return likely_text(profiles)

    def of_model(self, config: Any, tokenizer: PreTrainedTokenizerBase) -> Fitted[Writing] | None:
        return Fitted(self, "", {"text": "text"}, {}, Writing(GenerationRecipe())) if writes(config) else None

    def metrics(self, task: Fitted[Writing], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        return language_metrics(answers)
