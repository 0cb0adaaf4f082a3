"""Translation: an encoder-decoder reads a sentence in one language and writes it in another.

{"en": "Two dogs play in the snow.", "de": "Zwei Hunde spielen im Schnee."} -> {"prediction": "Zwei Hunde ..."}
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

from luthier.data.columns.profile import Recognition
from luthier.data.columns.roles import Columns, Given, Profiles
from luthier.data.records import Fault
from luthier.data.tokenized import Examples
from luthier.findings import Decision
from luthier.metrics.base import AnyMetric
from luthier.metrics.translation import signatures, translation_metrics
from luthier.reporting.names import capital, metric
from luthier.reporting.panels import Panel
from luthier.reporting.task_words import TaskWords
from luthier.tasks.generation.panels import panels
from luthier.tasks.generation.seq2seq import Seq2SeqTask, answered
from luthier.tasks.generation.writes import Writing, language_metrics
from luthier.tasks.phases import Answer, Bound, Fitted, Recognised
from luthier.tasks.roles import Role
from luthier.tasks.translation import languages
from luthier.tasks.translation.columns import likely, read_side, recognise_translation


class Translation(Seq2SeqTask):
    """The task translation. The shape is the direction, such as `en-de`."""

    name = "translation"
    about = "a translation for a sentence"
    row = "source, target, in two languages"
    lacking = "no two columns are named as languages, or source and target"
    roles = (Role("source"), Role("target", learned=True))
    metric_names = ("loss", "bleu", "chrf")
    longest = 256

    def recognise(self, profiles: Profiles, given: Given, shape: str | None) -> Recognition | None:
        return recognise_translation(profiles, given=given, shape=shape)

    def likely(self, profiles: Profiles) -> list[Columns]:
        return likely(profiles)

    def source_text(self, task: Recognised[Writing], values: Mapping[str, Any]) -> str | Fault:
        return read_side(values, task.columns, task.shape, "source")

    def target_texts(self, task: Recognised[Writing], values: Mapping[str, Any]) -> list[str] | Fault:
        text = read_side(values, task.columns, task.shape, "target")
        return text if isinstance(text, Fault) else [text]

    def default_prefix(self, task: Fitted[Writing], config: PretrainedConfig) -> str:
        if config.model_type != "t5" or not all(_direction(task)):
            return ""
        source, target = (languages.english_name(code) for code in _direction(task))
        return f"translate {source} to {target}: "

    def ready(
        self, task: Fitted[Writing], tokenizer: PreTrainedTokenizerBase, config: PretrainedConfig
    ) -> tuple[Writing, list[Decision]]:
        learned, decisions = super().ready(task, tokenizer, config)
        return learned, decisions + languages.set_direction(tokenizer, *_direction(task))

    def configure(self, task: Bound[Writing], model: PreTrainedModel) -> None:
        super().configure(task, model)
        first = languages.first_token(task.tokenizer)
        if first is not None:
            model.generation_config.forced_bos_token_id = first

    def metrics(self, task: Fitted[Writing], answers: Sequence[Answer], examples: Examples) -> list[AnyMetric]:
        written, right = answered(answers, examples)
        found = translation_metrics(written, right, _direction(task)[1]) if written else []
        return [*language_metrics(answers)[:1], *found]

    def signatures(self, task: Fitted[Writing], examples: Examples) -> dict[str, str]:
        return signatures([list(targets) for targets in examples["targets"]], _direction(task)[1])

    def baselines(self, task: Bound[Writing], train: Examples, test: Examples) -> dict[str, Sequence[Answer]]:
        """The source, copied: names and numbers are often the same in both languages."""
        return {"copy": [{"prediction": text} for text in test["text"]]}

    def panels(self, task: Fitted[Writing], predictions: Mapping[str, Sequence[Any]]) -> list[Panel]:
        found = self.signatures(task, self.examples_of(task, predictions)).items()
        return panels(predictions, note="\n".join(f"{capital(metric(name))}: {how}" for name, how in found))

    def words(self, task: Fitted[Writing], run: Path) -> TaskWords:
        """See `Fitted.words`. Adds the languages as ISO 639 codes, as the Hub expects them."""
        codes = [code.split("_")[0] for code in _direction(task)]
        known = all(re.fullmatch("[a-z]{2,3}", code) for code in codes)
        return replace(super().words(task, run), languages=codes if known else ())


def _direction(task: Recognised[Writing]) -> tuple[str, str]:
    """The languages of source and target; empty if unknown."""
    source, _, target = task.shape.partition("-")
    return source, target
