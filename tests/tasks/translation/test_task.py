"""Translation: two languages from the row to the score, and as T5 and mBART are told them."""

import json
from pathlib import Path
from unittest.mock import Mock

import pytest
import torch
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from transformers import BartConfig, PretrainedConfig, T5Config

from luthier.console import Console
from luthier.data.tokenized import Examples, Limits
from luthier.models.loading import load_model
from luthier.tasks.generation.writes import Writing
from luthier.tasks.phases import Fitted
from luthier.tasks.registry import restore
from luthier.tasks.translation.task import Translation
from tests.matrix.data import rows as drawn
from tests.tasks.by_hand import bound, encoded, learned, run, values_of
from tests.tasks.generation.drawn import Built
from tests.tasks.generation.encoder_decoders import FAST, predicted, ready, scores_of


def test_an_object_with_a_text_for_each_language_is_read_without_its_translation_too() -> None:
    task, examples = learned(Translation, [{"translation": {"en": f"the {i}", "de": f"das {i}"}} for i in range(6)])
    assert (examples["text"][2], examples["target"][2]) == ("the 2", "das 2")
    asked = {"text": "the cat", "target": "", "targets": []}
    assert task.query({"translation": {"en": "the cat", "de": "die Katze"}}) == asked
    assert task.query({"translation": {"en": "the cat"}}) == asked


def test_mbart_is_told_both_languages_and_begins_with_the_second(built: Built) -> None:
    task, examples, tokenizer = ready(Translation, built("mBART"))
    rows = encoded(task, examples, tokenizer, training=True)
    codes = {code: tokenizer.convert_tokens_to_ids(code) for code in ("en_XX", "de_DE")}
    assert {row["input_ids"][0] for row in rows} == {codes["en_XX"]}
    assert {row["labels"][0] for row in rows} == {codes["de_DE"]}
    model = load_model("Seq2SeqLM", str(built("mBART"))).eval()
    bound(task, tokenizer, Limits(64, 16)).configure(model)
    assert model.generation_config.forced_bos_token_id == codes["de_DE"]
    ids = model.generate(torch.tensor([rows[0]["input_ids"]]))[0].tolist()
    assert ids[1] == codes["de_DE"]
    written = bound(task, tokenizer, Limits(64, 16)).write(model, examples, Console())
    assert written is not None and "de_DE" not in written[0].text


def test_bleu_and_chrf_are_those_of_sacrebleu(built: Built, tmp_path: Path) -> None:
    made = run(tmp_path, built("Marian"), drawn("translation", 60), **FAST | {"training__learning_rate": 1e-2})
    said, scores = predicted(made), scores_of(made)
    bleu, chrf = BLEU(), CHRF()
    assert scores["bleu"]["value"] == pytest.approx(bleu.corpus_score(said["prediction"], [said["gold"]]).score)
    assert scores["chrf"]["value"] == pytest.approx(chrf.corpus_score(said["prediction"], [said["gold"]]).score)
    assert scores["chrf"]["value"] > 1
    task = restore(json.loads((made / "task.json").read_text()))
    for name, metric in {"bleu": bleu, "chrf": chrf}.items():
        assert scores[name]["signature"] == str(metric.get_signature())
        assert scores[name]["signature"] in task.panels(said)[0].note


def translation(shape: str, prefix: str | None = None) -> Fitted[Writing]:
    """A task whose languages are known, or not."""
    return Fitted(Translation(), shape, {"source": "one", "target": "other"}, {}, Writing(prefix=prefix))


@pytest.mark.parametrize(
    ("shape", "config", "prefix"),
    [
        ("en-de", T5Config(), "translate English to German: "),
        ("pt_BR-ro", T5Config(), "translate Portuguese to Romanian: "),
        ("", T5Config(), ""),
        ("en-de", BartConfig(), ""),
    ],
)
def test_t5_is_told_the_languages_by_name_where_they_are_known(
    shape: str, config: PretrainedConfig, prefix: str
) -> None:
    assert Translation().default_prefix(translation(shape), config) == prefix


@pytest.mark.parametrize(
    ("shape", "codes"), [("en-de", ["en", "de"]), ("pt_BR-ro", ["pt", "ro"]), ("", ()), ("english-german", ())]
)
def test_the_hub_is_told_languages_that_have_a_code(shape: str, codes: list[str]) -> None:
    assert translation(shape).words(Path("runs/one")).languages == codes


def test_the_target_language_decides_how_words_are_counted() -> None:
    examples: Examples = {"targets": [["狗在跑"]], "text": ["the dog runs"]}
    assert "tok:zh" in translation("en-zh").signatures(examples)["bleu"]
    assert "tok:13a" in translation("en-de").signatures(examples)["bleu"]


def test_the_baseline_is_the_source_itself() -> None:
    task, known = learned(Translation, drawn("translation", 9))
    said = task.bind(Mock(spec=[]), T5Config())[0].baselines(known, known)["copy"]
    assert [answer["prediction"] for answer in said] == known["text"]


def test_rows_without_a_translation_have_a_loss_alone() -> None:
    unwritten = [{"prediction": None, "nll": 3.0, "tokens": 2, "bytes": 9}]
    assert values_of(translation("en-de"), unwritten, {"targets": [["das"]]}) == {"loss": 1.5}
