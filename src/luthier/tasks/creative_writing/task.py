"""Creative writing: a decoder learns stories, plays or poems, with or without a prompt.

{"prompt": "A violin that sings", "story": "Nobody touched it ..."} -> {"prediction": "It began at night ..."}
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from luthier.data.columns.profile import Recognition
from luthier.data.columns.roles import Given, Profiles
from luthier.data.tokenized import Examples
from luthier.metrics.base import AnyMetric
from luthier.metrics.diversity import diversity_metrics
from luthier.tasks.generation.columns import WRITING_SHAPES, recognise_writing
from luthier.tasks.generation.document_task import DocumentTask
from luthier.tasks.generation.documents import DEFAULTS
from luthier.tasks.generation.writes import Writing, language_metrics
from luthier.tasks.phases import Answer, Fitted
from luthier.tasks.roles import Role


class CreativeWriting(DocumentTask):
    """The task creative-writing: a decoder learns to write stories."""

    name = "creative-writing"
    about = "stories, plays or poems, with or without a prompt"
    row = "prompt + story, or stories alone"
    lacking = "no column is named like a story or poem, or contains text"
    roles = (Role("prompt", needed=False), Role("story", learned=True))
    shapes = WRITING_SHAPES
    metric_names = (
        *("loss", "perplexity", "bits_per_byte"),
        *("distinct_1", "distinct_2", "distinct_3", "repetition", "self_bleu"),
    )
    text_role = "story"
    defaults: ClassVar[Mapping[str, Any]] = {
        **DEFAULTS,
        "evaluation.generated_rows": 32,
        "generation.do_sample": True,
        "generation.temperature": 0.9,
        "generation.top_p": 0.95,
        "generation.repetition_penalty": 1.1,
    }

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        return recognise_writing(profiles, given=given, shape=shape)

    def metrics(self, task: Fitted[Writing], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        stories = [answer["prediction"] for answer in answers if answer["prediction"] is not None]
        return [*language_metrics(answers), *(diversity_metrics(stories) if stories else [])]
