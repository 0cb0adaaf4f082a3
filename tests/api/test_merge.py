"""`merge`: the whole model of a run with an adapter, and what is refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from transformers import pipeline

import luthier
from luthier.errors import DamagedError, ModelError, UsageError
from luthier.models.export import read_task_card
from luthier.storage.checksums import MANIFEST
from tests.tasks.by_hand import quick

ROWS = [{"text": f"the {word} number {i}", "label": word} for i in range(20) for word in "abcde"]


def trained(run: Path, model: Path, **settings: Any) -> Path:
    return luthier.train(ROWS, run_dir=run, **quick("text-classification") | {"model": str(model)} | settings).run.path


@pytest.fixture(scope="module")
def adapter(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of an adapter for five labels."""
    return trained(tmp_path_factory.mktemp("adapter") / "run", tiny_model, adapter={"rank": 2}, max_steps=6)


def test_the_whole_model_answers_as_the_adapter_does(adapter: Path, tmp_path: Path) -> None:
    found = luthier.merge(adapter, tmp_path / "whole")
    assert found.directory == tmp_path / "whole" and found.difference < 1e-5 and found.texts > 5
    card = read_task_card(found.directory)
    assert card is not None and "base" not in card
    asked = [row["text"] for row in ROWS[:5]]
    ours, whole = (luthier.load(place).predict(asked) for place in (adapter, found.directory))
    plain = pipeline("text-classification", model=str(found.directory))(asked)
    for one, other, theirs in zip(ours, whole, plain, strict=True):
        assert one["prediction"] == other["prediction"] == theirs["label"]
        assert one["score"] == pytest.approx(other["score"], rel=1e-4) == pytest.approx(theirs["score"], rel=1e-4)


def test_the_cards_hold_code_that_works_in_a_clean_process(adapter: Path, tmp_path: Path) -> None:
    whole = luthier.merge(adapter, tmp_path / "whole").directory
    said = []
    for directory, needs in ((adapter / "model", True), (whole, False)):
        text = (directory / "README.md").read_text(encoding="utf-8")
        code = text.partition("```python\n")[2].partition("```")[0]
        assert ("PeftModel" in code) == needs
        assert ("library_name: peft" in text) == needs and ("holds the adapter alone" in text) == needs
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=directory,
            env=os.environ | {"HF_HUB_OFFLINE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert not done.returncode, done.stderr
        said.append([(one["label"], round(one["score"], 4)) for one in eval(done.stdout)])
    assert said[0] == said[1] and len(said[0]) == 2


def test_auto_classes_of_peft_load_the_adapter(adapter: Path) -> None:
    from peft import AutoPeftModelForSequenceClassification
    from transformers import AutoTokenizer

    predictor = luthier.load(adapter)
    model = AutoPeftModelForSequenceClassification.from_pretrained(adapter / "model", num_labels=5).eval()
    inputs = AutoTokenizer.from_pretrained(adapter / "model")("the c number 3", return_tensors="pt")
    assert model(**inputs).logits.tolist()[0] == pytest.approx(predictor.model(**inputs).logits.tolist()[0], abs=1e-6)


def test_by_default_it_lies_in_the_run_and_is_never_overwritten(adapter: Path) -> None:
    assert luthier.merge(adapter).directory == adapter / "merged"
    with pytest.raises(UsageError, match="exists already"):
        luthier.merge(adapter)


def test_a_whole_model_is_refused(tuned: Callable[[str], Path]) -> None:
    with pytest.raises(ModelError, match="not an adapter"):
        luthier.merge(tuned("single/one"))


def test_a_model_whose_outputs_differ_is_not_written(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from luthier.api import merge as api

    load = api.load_any

    def spoiled(*args: Any, **options: Any) -> Any:
        model = load(*args, **options)
        model.classifier.weight.data *= 1.01
        return model

    monkeypatch.setattr(api, "load_any", spoiled)
    with pytest.raises(DamagedError, match="outputs differ"):
        luthier.merge(adapter, tmp_path / "whole")
    assert not (tmp_path / "whole").exists()


def test_training_goes_on_from_an_adapter_as_a_whole_model(adapter: Path, tmp_path: Path) -> None:
    """The adapter is merged first, so no step is needed for the same answers."""
    again = trained(tmp_path / "run", adapter / "model", max_steps=1, **{"training.learning_rate": 1e-12})
    asked = [row["text"] for row in ROWS[:5]]
    ours, theirs = (luthier.load(place).predict(asked) for place in (adapter, again))
    assert [one["score"] for one in ours] == pytest.approx([one["score"] for one in theirs], rel=1e-4)
    assert (again / "model" / "model.safetensors").is_file()


def test_an_adapter_of_another_model_is_refused(adapter: Path, tiny_model: Path, tmp_path: Path) -> None:
    import shutil

    other = Path(shutil.copytree(tiny_model, tmp_path / "other"))
    (other / MANIFEST).unlink(missing_ok=True)
    weights = load_file(other / "model.safetensors")
    next(iter(weights.values())).add_(1e-3)
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    for use in (luthier.load, luthier.merge, luthier.evaluate, luthier.chat):
        with pytest.raises(ModelError, match="not the base model"):
            use(adapter, base_model=str(other))
