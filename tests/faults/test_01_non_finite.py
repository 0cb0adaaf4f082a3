"""Fault 1: a loss or gradient that is not finite stops the run before the update and names the step and its rows."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers.utils import ModelOutput

from luthier.api.resume import resume
from luthier.cli import main
from luthier.data.batches import Batch
from luthier.engines import checkpoints
from luthier.engines.base import Training
from luthier.engines.objective import Objective
from luthier.errors import ModelError, NonFiniteError
from luthier.learning_curves.record import read_curves
from luthier.pipeline.training import finish as story
from luthier.storage.checksums import verify
from tests.faults.runs import EITHER, begin

BAD_STEP = 6  # in the second epoch, after the checkpoints of the steps 3 and 4
Break = Callable[[Training], None]


def nan_loss(training: Training) -> None:
    _at_bad_step(training, lambda loss: loss * math.nan)


def infinite_loss(training: Training) -> None:
    _at_bad_step(training, lambda loss: loss + math.inf)


def nan_gradient(training: Training) -> None:
    """The loss is finite and one number of one gradient is not."""
    weight = training.model.classifier.weight

    def spoil(gradient: Tensor) -> Tensor:
        spoilt = gradient.clone()
        if training.state.step + 1 == BAD_STEP:
            spoilt.view(-1)[0] = math.nan
        return spoilt

    weight.register_hook(spoil)


def infinite_gradient(training: Training) -> None:
    weight = training.model.bert.embeddings.word_embeddings.weight
    weight.register_hook(lambda gradient: gradient / 0 if training.state.step + 1 == BAD_STEP else gradient)


def _at_bad_step(training: Training, change: Callable[[Tensor], Tensor]) -> None:
    summed = training.objective.loss_sum

    def loss(outputs: ModelOutput, batch: Batch) -> Tensor:
        found = summed(outputs, batch)
        return change(found) if training.state.step + 1 == BAD_STEP else found

    training.objective = Objective(loss)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[Break], dict[int, dict[str, Tensor]]]:
    """Breaks every training that is assembled; the weights before each update land in what is given back."""

    def put(change: Break) -> dict[int, dict[str, Tensor]]:
        seen: dict[int, dict[str, Tensor]] = {}
        right = story.assemble

        def assemble(prepared: object) -> Training:
            training = right(prepared)
            change(training)

            def note(model: torch.nn.Module, _: object) -> None:
                if model.training:
                    state = model.state_dict()
                    seen.setdefault(training.state.step, {name: t.clone() for name, t in state.items()})

            training.model.register_forward_pre_hook(note)
            seen[-1] = training.model.state_dict()  # the tensors themselves: what they are at the end
            return training

        monkeypatch.setattr(story, "assemble", assemble)
        return seen

    return put


@pytest.mark.parametrize("engine", EITHER)
@pytest.mark.parametrize(
    ("change", "optimizer"),
    [
        (nan_loss, "adamw"),
        (infinite_loss, "adamw"),
        (nan_gradient, "adamw"),
        (infinite_gradient, "adamw"),
        (nan_gradient, "adafactor"),
    ],
)
def test_stops_before_the_update_and_names_step_and_rows(
    broken: Callable[[Break], dict[int, dict[str, Tensor]]],
    tmp_path: Path,
    tiny_model: Path,
    engine: str,
    change: Break,
    optimizer: str,
) -> None:
    seen = broken(change)
    with pytest.raises(NonFiniteError, match=f"step {BAD_STEP}: the loss is .*the update was not applied") as caught:
        begin(tmp_path, tiny_model, training__engine=engine, training__optimizer=optimizer)
    assert caught.value.exit_code == 3
    assert "data.csv" in caught.value.where and any(c.isdigit() for c in caught.value.where.rpartition("data.csv")[2])
    before, after = seen[BAD_STEP - 1], seen[-1]
    assert [name for name in before if not torch.equal(before[name], after[name])] == []
    assert not torch.equal(seen[BAD_STEP - 2]["classifier.weight"], before["classifier.weight"]), "nothing was learned"

    curves = read_curves(tmp_path / "run" / "curves.jsonl")
    assert curves["train/loss"].steps == list(range(1, BAD_STEP + 1))
    last_loss, last_norm = curves["train/loss"].values[-1], curves["train/grad_norm"].values[-1]
    assert not (math.isfinite(last_loss) and math.isfinite(last_norm))
    assert 0.0 not in curves["train/loss"].values + curves["train/grad_norm"].values
    assert all(map(math.isfinite, curves["train/loss"].values[:-1]))
    assert f'"step": {BAD_STEP}, ' in (tmp_path / "run" / "curves.jsonl").read_text()

    kept = checkpoints.list_checkpoints(tmp_path / "run" / "checkpoints")
    assert [found.step for found in kept] == [3, 4]
    for found in kept:
        verify(found.path)
        assert all(tensor.isfinite().all() for tensor in load_file(found.path / "model.safetensors").values())
    assert not (tmp_path / "run" / "model").exists() and not (tmp_path / "run" / "result.json").exists()


@pytest.mark.parametrize("engine", EITHER)
def test_the_run_goes_on_once_the_cause_is_gone(
    broken: Callable[[Break], object],
    tmp_path: Path,
    tiny_model: Path,
    engine: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        right = story.assemble
        patch.setattr(story, "assemble", right)
        broken(nan_gradient)
        with pytest.raises(NonFiniteError):
            begin(tmp_path, tiny_model, training__engine=engine)
        patch.setattr(story, "assemble", right)
        found = resume(tmp_path / "run").to_dict()
    through = begin(tmp_path, tiny_model, run="through", training__engine=engine)
    assert found["steps"] == 12
    ours, theirs = (load_file(path / "model" / "model.safetensors") for path in (tmp_path / "run", through))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_weight_that_is_nan_from_the_start_never_trains(tmp_path: Path, tiny_model: Path) -> None:
    """What the `Trainer` by itself logs as loss 0.0, with exit code 0 and every weight nan at the end."""
    import shutil

    from safetensors.torch import save_file

    spoilt = tmp_path / "spoilt"
    shutil.copytree(tiny_model, spoilt)
    tensors = load_file(spoilt / "model.safetensors")
    tensors["bert.embeddings.LayerNorm.weight"][3] = math.nan
    save_file(tensors, spoilt / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"not finite, in 1 parameter, such as bert.embeddings.LayerNorm.weight"):
        begin(tmp_path, spoilt)
    assert not list((tmp_path / "run" / "checkpoints").glob("*"))


def test_the_command_says_so_in_a_few_lines(
    broken: Callable[[Break], object], tmp_path: Path, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken(nan_loss)
    begin_data = tmp_path / "data.csv"
    from tests.conftest import review_rows, write_csv

    write_csv(begin_data, review_rows(1200))
    words = ["train", str(begin_data), "--model", str(tiny_model), "--precision", "fp32", "--batch-size", "4"]
    assert main([*words, "--run-dir", str(tmp_path / "run"), "--quiet"]) == 3
    said = capsys.readouterr().err
    assert f"step {BAD_STEP}: the loss is nan" in said and "Traceback" not in said
    assert len(said.strip().splitlines()) <= 6
