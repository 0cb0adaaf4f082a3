"""Creative writing: a decoder learns stories, plays or poems, to a prompt or without one."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from luthier.data.columns.profile import ColumnProfile, Recognition
from luthier.data.tokenized import Examples
from luthier.metrics.base import AnyMetric
from luthier.metrics.diversity import diversity_metrics
from luthier.reporting.panels import Panel
from luthier.tasks.base import Answer
from luthier.tasks.generation import columns as text_columns
from luthier.tasks.generation.document_task import DocumentTask
from luthier.tasks.generation.panels import panels


class CreativeWriting(DocumentTask):
    """Stories that a decoder learns to write."""

    name = "creative-writing"
    about = "stories, plays or poems, to a prompt or without one"
    row = "prompt + story, or stories alone"
    shapes = ("prompt", "story")
    metric_names = (
        *("loss", "perplexity", "bits_per_byte"),
        *("distinct_1", "distinct_2", "distinct_3", "repetition", "self_bleu"),
    )
    roles = ("prompt", "story")
    text_role = "story"
    defaults: ClassVar[Mapping[str, Any]] = {
        **DocumentTask.defaults,
        "evaluation.generated_rows": 32,
        "generation.do_sample": True,
        "generation.temperature": 0.9,
        "generation.top_p": 0.95,
        "generation.repetition_penalty": 1.1,
    }

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        return text_columns.recognise_writing(profiles, given=given, shape=shape)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return text_columns.why_not_writing(profiles, given=given)

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        stories = [answer["prediction"] for answer in answers if answer["prediction"]]
        return [*self.language(answers), *(diversity_metrics(stories) if stories else [])]

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        return panels(predictions)
