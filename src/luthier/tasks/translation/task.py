"""Translation: an encoder-decoder reads a sentence in one language and writes it in another."""

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.data.columns.profile import ColumnProfile, Recognition
from luthier.data.records import Fault
from luthier.data.tokenized import Examples, Limits
from luthier.findings import Decision
from luthier.metrics.base import AnyMetric
from luthier.metrics.translation import signatures, translation_metrics
from luthier.reporting.names import capital, metric
from luthier.reporting.panels import Panel
from luthier.tasks.base import Answer
from luthier.tasks.generation.panels import panels
from luthier.tasks.generation.seq2seq import Seq2SeqTask
from luthier.tasks.translation import columns as translation_columns
from luthier.tasks.translation import languages


class Translation(Seq2SeqTask):
    """A sentence gets its translation. The shape names the direction: `en-de`."""

    name = "translation"
    about = "a translation for a sentence"
    row = "source, target, in two languages"
    metric_names = ("loss", "bleu", "chrf")
    roles = ("source",)
    longest = 256

    @property
    def direction(self) -> tuple[str, str]:
        """The languages of source and target; empty where the data does not say."""
        source, _, target = self.shape.partition("-")
        return source, target

    @classmethod
    def recognise(
        cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]], shape: str | None
    ) -> Recognition | None:
        return translation_columns.recognise_translation(profiles, given=given, shape=shape)

    @classmethod
    def why_not(cls, profiles: Mapping[str, ColumnProfile], given: Mapping[str, str | list[str]]) -> str:
        return translation_columns.why_not(profiles, given=given)

    def source_text(self, values: Mapping[str, Any]) -> str | Fault:
        return translation_columns.read_side(values, self.columns, self.shape, "source")

    def target_texts(self, values: Mapping[str, Any]) -> list[str] | Fault:
        text = translation_columns.read_side(values, self.columns, self.shape, "target")
        return text if isinstance(text, Fault) else [text]

    def default_prefix(self, config: PretrainedConfig) -> str:
        if config.model_type != "t5" or not all(self.direction):
            return ""
        source, target = (languages.english_name(code) for code in self.direction)
        return f"translate {source} to {target}: "

    def ready(self, tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig) -> list[Decision]:
        decisions = super().ready(tokenizer, config)
        self._first_token, decision = languages.set_direction(tokenizer, *self.direction)
        return decisions + decision

    def configure(self, model: PreTrainedModel, limits: Limits) -> None:
        super().configure(model, limits)
        if self._first_token is not None:
            model.generation_config.forced_bos_token_id = self._first_token

    def metrics(self, answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        written = [i for i, answer in enumerate(answers) if answer["prediction"] is not None]
        references = [list(examples["targets"][i]) for i in written]
        predictions = [answers[i]["prediction"] for i in written]
        found = translation_metrics(predictions, references, self.direction[1]) if written else []
        return [*self.language(answers)[:1], *found]

    def signatures(self, examples: Examples) -> dict[str, str]:
        return signatures([list(targets) for targets in examples["targets"]], self.direction[1])

    def baselines(self, train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """The source, copied: names and numbers are right in any language."""
        return {"copy": [{"prediction": text} for text in test["text"]]}

    def panels(self, predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        found = self.signatures(self.examples_of(predictions)).items()
        notes = [f"{capital(metric(name))}: {signature}" for name, signature in found]
        return panels(predictions, note="\n".join(notes))
