"""The loss that several tasks sum: that of torch, over the labels that count."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Categorical, kl_divergence

from luthier.console import Console
from luthier.data.batches import IGNORED
from luthier.errors import RecipeError
from luthier.pipeline.preparation.prepare import prepare
from luthier.pipeline.recipes import build_recipe
from luthier.pipeline.training.assemble import assemble
from luthier.tasks.losses import binary_divergence, categorical_divergence, summed_cross_entropy
from tests.engines.helpers import COLUMNS, prepared_data
from tests.matrix.data import write
from tests.tasks.by_hand import quick


def test_labels_of_any_shape_are_summed_but_for_the_ignored() -> None:
    labels = torch.tensor([[0, 3, IGNORED], [1, IGNORED, IGNORED]])
    assert float(summed_cross_entropy(torch.zeros(2, 3, 4), labels)) == pytest.approx(3 * math.log(4))
    assert float(summed_cross_entropy(torch.zeros(2, 4), torch.tensor([0, IGNORED]))) == pytest.approx(math.log(4))
    assert float(summed_cross_entropy(torch.randn(1, 2, 4), torch.full((1, 2), IGNORED))) == 0.0


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_it_is_torchs_cross_entropy(smoothing: float) -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 3, 5), torch.tensor([[0, 4, IGNORED], [1, 2, 3]])
    expected = nn.CrossEntropyLoss(ignore_index=IGNORED, reduction="sum", label_smoothing=smoothing)
    found = summed_cross_entropy(logits, labels, smoothing)
    assert float(found) == pytest.approx(float(expected(logits.view(-1, 5), labels.view(-1))), rel=1e-6)


def test_logits_of_half_precision_are_summed_in_single() -> None:
    found = summed_cross_entropy(torch.zeros(1, 3000, 4, dtype=torch.bfloat16), torch.zeros(1, 3000, dtype=torch.long))
    assert found.dtype == torch.float32
    assert float(found) == pytest.approx(3000 * math.log(4), rel=1e-5)


def test_the_divergence_is_the_mean_of_both_kullback_leibler_divergences_where_there_are_labels() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 3, 5) * 3, torch.tensor([[0, 4, IGNORED], [IGNORED, IGNORED, 3]]).repeat(2, 1)
    one, other = Categorical(logits=logits[:2]), Categorical(logits=logits[2:])
    each = (kl_divergence(one, other) + kl_divergence(other, one)) / 2
    found = categorical_divergence(logits, labels)
    assert float(found) == pytest.approx(float(each[0, 0] + each[0, 1] + each[1, 2]), rel=1e-5)
    assert float(categorical_divergence(logits[:2].repeat(2, 1, 1), labels)) == 0.0
    assert float(categorical_divergence(logits, torch.full_like(labels, IGNORED))) == 0.0


def test_the_divergence_of_labels_that_are_true_or_false_on_their_own() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(4, 3) * 3, torch.tensor([[0.0, 1.0, IGNORED], [1.0, 1.0, 0.0]]).repeat(2, 1)
    one, other = Bernoulli(logits=logits[:2]), Bernoulli(logits=logits[2:])
    each = (kl_divergence(one, other) + kl_divergence(other, one)) / 2
    assert float(binary_divergence(logits, labels)) == pytest.approx(float(each.sum() - each[0, 2]), rel=1e-5)
    assert float(binary_divergence(logits[:2].repeat(2, 1), labels)) == 0.0


def test_both_predictions_are_drawn_to_each_other() -> None:
    logits = torch.randn(2, 5, requires_grad=True)
    categorical_divergence(logits, torch.zeros(2, dtype=torch.long)).backward()
    assert logits.grad is not None and bool((logits.grad.abs().sum(-1) > 1e-3).all())


def by_hand(task: str, outputs: Any, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits [2b, ..., c] of a doubled batch, and the labels [b, ...] that they predict."""
    if task == "question-answering":
        return torch.stack([outputs.start_logits, outputs.end_logits], dim=1), labels
    if task in ("chat", "text-generation", "creative-writing"):
        return outputs.logits[:, :-1], labels[:, 1:]
    return outputs.logits, labels


@pytest.mark.parametrize(
    ("task", "model"),
    [
        ("text-classification", "BERT"),
        ("token-classification", "DistilBERT"),
        ("question-answering", "BERT"),
        ("text-generation", "LLaMA"),
        ("chat", "GPT-2"),
        ("creative-writing", "GPT-2"),
        ("summarization", "T5"),
        ("translation", "BART"),
        ("generative-qa", "T5"),
    ],
)
def test_r_drop_compares_the_labelled_positions_of_every_task(
    task: str, model: str, built: Callable[[str], Path], tmp_path: Path
) -> None:
    write(tmp_path / "rows.jsonl", task)
    more = {"task": task, "model.name": str(built(model)), "model.dropout": 0.2, "data.max_length": 96}
    more["fast.logits"] = False  # all of them are needed here
    recipe = build_recipe(tmp_path / "rows.jsonl", quick(task) | more, tmp_path, Console())
    prepared = prepare(recipe, Console())
    plain, prepared.recipe.training.r_drop_alpha = assemble(prepared).objective, 0.5
    training = assemble(prepared)
    batch = training.collate([training.rows[int(row)] for row in training.plan.rows(0)])
    assert bool((batch["labels"] == IGNORED).any()) is (task not in ("text-classification", "question-answering"))
    assert ("position_ids" in batch) is (task in ("text-generation", "creative-writing")), "documents are packed"
    with torch.no_grad():
        outputs, loss = training.objective(training.model.train(), batch)
    twice = {name: torch.cat([tensor, tensor]) for name, tensor in batch.items()}
    logits, labels = by_hand(task, outputs, batch["labels"])
    one, other = (Categorical(logits=half) for half in logits.float().chunk(2))
    each = (kl_divergence(one, other) + kl_divergence(other, one)) / 2
    assert plain.loss_sum is not None and loss is not None
    expected = plain.loss_sum(outputs, twice) / 2 + 0.5 * each[labels != IGNORED].sum()
    assert float(loss) == pytest.approx(float(expected), rel=1e-4)
    assert float(each[labels != IGNORED].sum()) > 1e-4, "equal passes would prove nothing"


def test_numbers_have_no_probabilities_to_compare(tmp_path: Path, tiny_model: Path) -> None:
    with pytest.raises(RecipeError, match=r"does not use training\.r_drop_alpha for rows of shape pair/number"):
        prepared_data(tmp_path, tiny_model, "pair/number", **{"training.r_drop_alpha": 1.0})
    prepared = prepared_data(tmp_path, tiny_model, "pair/number")
    assert prepared.recipe.data.columns == COLUMNS["pair/number"]
    with pytest.raises(RecipeError, match="has no probabilities of labels") as caught:
        prepared.task.divergence()
    assert caught.value.where == "training.r_drop_alpha"
