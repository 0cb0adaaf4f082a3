"""Both engines and every way to cut a step into parts give the same losses and weights, as plain torch does."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from transformers.utils import ModelOutput

from luthier.api.train import train
from luthier.data.batches import Batch, MicroBatch
from luthier.engines import loop, trainer
from luthier.engines.base import Training
from luthier.engines.objective import Objective
from luthier.engines.optimizers.schedules import rates
from luthier.fast import embeddings
from luthier.learning_curves.record import read_curves
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.assemble import assemble
from tests.conftest import write_csv
from tests.engines.helpers import (
    ENGINES,
    OPTIMIZERS,
    SHAPES,
    Trace,
    loss_gap,
    prepared_data,
    rows,
    run_steps,
    same_weights,
    weight_gap,
    with_settings,
)

STEPS = 30
TOLERANCE = 1e-5
SETTINGS = {"training__max_steps": STEPS, "training__epochs": 10.0, "training__learning_rate": 1e-3}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Callable[[str], Prepared]:
    """Prepared data by shape: 5 batches of 16 and one of 3 an epoch, fewer rows than the 4 parts of a 4x4 step."""
    directory = tmp_path_factory.mktemp("parity")
    cache: dict[str, Prepared] = {}
    return lambda shape: cache.setdefault(shape, prepared_data(directory, tiny_model, shape))


def trace(prepared: Prepared, engine: str, parts: int, change: Callable[[Training], None] | None = None) -> Trace:
    found, training = run_steps(
        prepared,
        change or (lambda training: None),
        training__engine=engine,
        training__gradient_accumulation_steps=parts,
        **SETTINGS,
    )
    sizes = [len(piece) for step in range(STEPS) for piece in training.plan.micro_batches(step)]
    assert len(sizes) == STEPS * parts
    assert len(set(training.plan.lengths.tolist())) > 10, "rows of one length would hide a wrong normalisation"
    if parts == 4:
        fillers = [micro for step in range(STEPS) for micro in training.plan.micro_batches(step) if micro[0] < 0]
        assert len(fillers) == STEPS // 6, "each epoch ends with a batch of 3 rows in 4 parts"
    return found


@pytest.mark.parametrize("shape", SHAPES)
def test_engines_and_accumulation_agree_for_every_shape(data: Callable[[str], Prepared], shape: str) -> None:
    prepared = data(shape)
    assert prepared.recipe.data.shape == shape
    reference = trace(prepared, "loop", 1)
    assert len(reference.losses) == STEPS and len(set(reference.losses)) == STEPS
    for engine, parts in (("trainer", 1), ("loop", 4), ("trainer", 4)):
        other = trace(prepared, engine, parts)
        assert loss_gap(reference, other) <= TOLERANCE, (engine, parts)
        assert weight_gap(reference, other) <= TOLERANCE, (engine, parts)
        assert other.rates == reference.rates
        torch.testing.assert_close(other.norms, reference.norms, rtol=1e-4, atol=0)


def _in_double(training: Training) -> None:
    """In float32, the rounding of several parts can grow to 1e-5 of a weight in thirty steps of Adam or Adafactor."""
    training.model.double()


@pytest.mark.parametrize("shape", ["single/one", "single/several"])
def test_engines_agree_under_weights_smoothing_and_uneven_parts(data: Callable[[str], Prepared], shape: str) -> None:
    prepared = with_settings(
        data(shape), training__class_weights="balanced", training__label_smoothing=0.1, training__batch_size=10
    )
    traces = [
        run_steps(
            prepared, _in_double, training__engine=engine, training__gradient_accumulation_steps=parts, **SETTINGS
        )[0]
        for engine in ENGINES
        for parts in (1, 3)
    ]
    for other in traces[1:]:
        assert loss_gap(traces[0], other) <= TOLERANCE
        assert weight_gap(traces[0], other) <= TOLERANCE


def test_engines_agree_with_adafactor(data: Callable[[str], Prepared]) -> None:
    prepared = with_settings(data("single/one"), training__optimizer="adafactor")

    reference = trace(prepared, "loop", 1, _in_double)
    for engine, parts in (("trainer", 1), ("loop", 4)):
        other = trace(prepared, engine, parts, _in_double)
        assert loss_gap(reference, other) <= TOLERANCE
        assert weight_gap(reference, other) <= TOLERANCE


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_engines_agree_with_every_optimizer(data: Callable[[str], Prepared], optimizer: str, parts: int) -> None:
    """Not across accumulation: where a sign or eight bits decide, the rounding of four parts can change an update."""
    schedule = "constant" if optimizer == "adamw_schedule_free" else "cosine"
    settings = {"training__optimizer": optimizer, "training__lr_scheduler_type": schedule, "training__layer_decay": 0.8}
    prepared = with_settings(data("single/one"), **settings)
    one, other = (trace(prepared, engine, parts) for engine in ENGINES)
    assert loss_gap(one, other) <= TOLERANCE and weight_gap(one, other) <= TOLERANCE
    expected = rates(with_settings(prepared, **SETTINGS).recipe.training, STEPS)
    # The first group holds the parameters with the recipe's own rate, and the curves record its rate.
    assert one.rates == other.rates == expected


def test_engines_agree_where_the_gradient_of_the_embeddings_is_kept(
    data: Callable[[str], Prepared], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "LARGE", 1)
    reference = trace(with_settings(data("single/one"), fast__embeddings=False), "loop", 1)
    for engine, parts in (("loop", 1), ("trainer", 1), ("loop", 4), ("trainer", 4)):
        kept = trace(data("single/one"), engine, parts)
        assert loss_gap(reference, kept) <= TOLERANCE, (engine, parts)
        assert weight_gap(reference, kept) <= TOLERANCE, (engine, parts)
        if (engine, parts) == ("loop", 1):
            assert same_weights(reference.weights, kept.weights), "bit for bit"


def test_engines_draw_the_same_dropout(data: Callable[[str], Prepared]) -> None:
    with_dropout = with_settings(data("single/one"), model__dropout=0.2)
    one, other = (trace(with_dropout, engine, 1) for engine in ENGINES)
    assert loss_gap(one, other) <= TOLERANCE
    assert loss_gap(one, trace(data("single/one"), "loop", 1)) > 1e-3, "dropout was off"


def _mean_of_means(patch: pytest.MonkeyPatch, module: ModuleType, training: Training) -> None:
    summed = training.objective.loss_sum
    count = module.amounts

    def mean(outputs: ModelOutput, batch: Batch) -> Tensor:
        return summed(outputs, batch) / batch["labels"].ne(-100).sum().clamp(min=1)

    def parts_for_labels(group: list[MicroBatch]) -> list[int]:
        return [len(group), *count(group)[1:]]

    training.objective = Objective(mean)
    patch.setattr(module, "amounts", parts_for_labels)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_parity_check_notices_a_wrong_normalisation(
    data: Callable[[str], Prepared], monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    prepared = data("single/one")
    module = {"loop": loop, "trainer": trainer}[engine]
    reference = trace(prepared, engine, 1)
    with monkeypatch.context() as patch:
        broken = trace(prepared, engine, 4, lambda training: _mean_of_means(patch, module, training))
    assert loss_gap(reference, broken) > TOLERANCE
    assert weight_gap(reference, broken) > TOLERANCE


def test_the_loop_is_what_plain_torch_computes(data: Callable[[str], Prepared]) -> None:
    """An independent loop: batches by the plan's rows, torch's mean loss, unfused AdamW, the schedule by hand."""
    prepared = data("single/one")
    training = assemble(with_settings(prepared, **SETTINGS))
    model = training.model.train()
    still = [p for name, p in model.named_parameters() if "bias" in name or "LayerNorm" in name]
    matrices = [p for name, p in model.named_parameters() if not ("bias" in name or "LayerNorm" in name)]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": 0.01}, {"params": still, "weight_decay": 0.0}], lr=1e-3, fused=False
    )
    reference = Trace()
    for step in range(STEPS):
        features = [training.rows[int(row)] for row in training.plan.rows(step)]
        longest = max(len(row["input_ids"]) for row in features)
        batch = {
            key: torch.tensor([row[key] + [0] * (longest - len(row[key])) for row in features])
            for key in ("input_ids", "attention_mask", "token_type_ids")
        }
        loss = functional.cross_entropy(model(**batch).logits, torch.tensor([row["labels"] for row in features]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (STEPS - step) / STEPS
        optimizer.step()
        reference.losses.append(loss.item())
    reference.weights = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    for engine in ENGINES:
        ours = trace(prepared, engine, 1)
        assert loss_gap(reference, ours) <= 1e-6
        assert weight_gap(reference, ours) <= 1e-6


def test_whole_runs_of_both_engines_agree(tmp_path: Path, tiny_model: Path) -> None:
    """Through `train`: the curves and the exported weights, with evaluation between the steps."""
    file = write_csv(tmp_path / "data.csv", rows(130))
    found = {}
    for engine in ENGINES:
        run = tmp_path / engine
        train(
            file,
            run_dir=run,
            **{
                "model.name": str(tiny_model),
                "model.dropout": 0.0,
                "data.columns.text": "text",
                "data.columns.label": "label",
                "training.engine": engine,
                "training.precision": "fp32",
                "training.max_steps": STEPS,
                "training.epochs": 10.0,
                "training.eval_strategy": "steps",
                "training.eval_steps": 7,
                "evaluation.baselines": False,
                "evaluation.resamples": 100,
            },
        )
        found[engine] = (read_curves(run / "curves.jsonl"), load_file(run / "model" / "model.safetensors"))
    (curves, model), (other_curves, other_model) = found.values()
    for name in ("train/loss", "eval/loss", "train/grad_norm", "train/learning_rate"):
        assert curves[name].steps == other_curves[name].steps
        torch.testing.assert_close(curves[name].values, other_curves[name].values, rtol=TOLERANCE, atol=0)
    assert curves["train/loss"].steps == list(range(1, STEPS + 1))
    assert curves["eval/loss"].steps == [7, 14, 21, 28, 30]
    for name, tensor in model.items():
        torch.testing.assert_close(tensor, other_model[name], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("engine", ENGINES)
def test_two_runs_with_one_seed_are_equal_bit_for_bit(data: Callable[[str], Prepared], engine: str) -> None:
    prepared = with_settings(data("single/one"), model__dropout=0.1)
    one, other = trace(prepared, engine, 1), trace(prepared, engine, 1)
    assert one.losses == other.losses
    assert same_weights(one.weights, other.weights)
    another_seed = trace(with_settings(prepared, seed=7), engine, 1)
    assert not same_weights(one.weights, another_seed.weights)
