"""Build everything that an engine trains with: model, optimizer, schedule and batch plan."""

from typing import Any

import torch
from accelerate.utils import set_seed
from transformers import PreTrainedModel

from luthier import processes
from luthier.console import Console
from luthier.data.batches import BatchPlan
from luthier.data.tokenized import tokenizer_digest
from luthier.engines.averages import Ema, averages
from luthier.engines.base import Training
from luthier.engines.objective import Objective, RDrop
from luthier.engines.optimizers import make_optimizer, make_scheduler
from luthier.errors import ModelError, RecipeError
from luthier.fast import Fast, fast_training
from luthier.fast.dropout import again
from luthier.findings import Decision
from luthier.models.adapters.add import add_adapter
from luthier.models.adapters.load import load_any
from luthier.models.device import choose_device
from luthier.models.finite import require_finite
from luthier.models.heads import renew_head
from luthier.models.learned import state_digest
from luthier.models.loading import freeze, has_dropout
from luthier.models.precision import choose
from luthier.models.scratch import grow_embeddings, make_model, renew_embeddings
from luthier.pipeline.fast_path import allowed
from luthier.pipeline.parts import shared_with_own
from luthier.pipeline.preparation.prepare import Prepared
from luthier.pipeline.training.batches import plan_of
from luthier.pipeline.training.label_head import NEW, decide_head
from luthier.recipe import TrainingRecipe
from luthier.tasks.phases import Bound


def assemble(prepared: Prepared) -> Training:
    """Build everything that an engine needs, at step 0. The recipe's seed determines the new weights.

    Raises:
        RecipeError: A setting does not suit the model or the optimizer.
    """
    recipe, task = prepared.recipe, prepared.task
    model = model_to_train(prepared)
    model.config.use_cache = False  # useless in training, and it hides from transformers that rows are packed
    if not processes.is_main():
        set_seed(recipe.seed + processes.rank())  # from here on, dropout differs between processes
    plan = batch_plan(prepared)
    total = recipe.training.total_steps(plan.steps_per_epoch, 0)
    device = choose_device(recipe.device)
    optimizer = make_optimizer(model, recipe.training, device)
    decay = recipe.training.ema_decay
    if decay is not None and averages(optimizer):
        what = f"{recipe.training.optimizer} averages the weights itself, and the average is what is evaluated"
        raise RecipeError(what, where="training.ema_decay", hint="remove ema_decay, or choose another optimizer")
    return Training(
        model=model,
        device=device,
        optimizer=optimizer,
        scheduler=make_scheduler(optimizer, recipe.training, total),
        plan=plan,
        rows=prepared.encoded["train"].rows,
        collate=task.collator(model),
        objective=make_objective(task, recipe.training, fast_training(model, allowed(task, recipe.fast), device)),
        recipe=recipe.training,
        total_steps=total,
        ema=None if decay is None else Ema(model, decay),
    )


def make_objective(task: Bound[Any], training: TrainingRecipe, fast: Fast) -> Objective:
    """What training minimises: the task's loss, and with R-Drop the divergence of two passes.

    Raises:
        RecipeError: R-Drop is asked for, and the model has no dropout, or the task no probabilities.
    """
    loss = task.loss(training)
    if training.r_drop_alpha is None:
        if training.precision != "fp16":  # whose gradients would be too small before the loss is scaled
            fast = fast.asking(task.token_targets(), training.label_smoothing)
        return Objective(loss, fast, fast.targets is None)
    if not has_dropout(fast.model) and training.neftune_noise_alpha is None:
        what = "R-Drop compares two passes with different dropout, but the model has no dropout"
        raise RecipeError(what, where="training.r_drop_alpha", hint="--set dropout=0.1")
    return RDrop(loss, fast, divergence=task.divergence(), alpha=training.r_drop_alpha)


def batch_plan(prepared: Prepared) -> BatchPlan:
    """The rows of each optimizer step."""
    return plan_of(prepared.recipe, prepared.encoded["train"].lengths)


def model_to_train(prepared: Prepared) -> PreTrainedModel:
    """The recipe's model before any step, set up for training.

    Raises:
        RecipeError: The model has nothing to freeze by a pattern, or does not support gradient checkpointing.
    """
    model, training = fresh_model(prepared), prepared.recipe.training
    if prepared.recipe.model.freeze:
        freeze(model, prepared.recipe.model.freeze)
    if training.gradient_checkpointing:
        if not model.supports_gradient_checkpointing:
            what = f"{type(model).__name__} does not support gradient checkpointing"
            raise RecipeError(what, where="training.gradient_checkpointing", hint="use a smaller micro-batch instead")
        # Its name since transformers 5.23, and before.
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        fast = prepared.recipe.fast.dropout_masks and choose_device(prepared.recipe.device).type == "cpu"
        enable({"use_reentrant": False} | ({"context_fn": again} if fast else {}))
    if training.neftune_noise_alpha is not None:  # Jain et al. 2023
        from transformers.integrations.neftune import activate_neftune

        activate_neftune(model, training.neftune_noise_alpha)
    return model


def fresh_model(prepared: Prepared) -> PreTrainedModel:
    """The recipe's model before any step, with the head that the data needs. The seed determines the new weights.

    Raises:
        ModelError: The model cannot be loaded, or has weights that are not finite.
    """
    recipe, task, tokenizer = prepared.recipe, prepared.task, prepared.task.tokenizer
    adapter, auto_class = recipe.model.adapter, prepared.task.kind.auto_class
    set_seed(recipe.seed)
    if recipe.model.name is None:
        model = make_model(auto_class, prepared.config, dropout=recipe.model.dropout)
    else:
        model = load_any(
            auto_class,
            recipe.model.name,
            merge=True,
            four_bit=adapter is not None and adapter.kind == "qlora",
            config=task.model_config(),
            dropout=recipe.model.dropout,
        )
        if any(head.value == NEW for head in decide_head(task, prepared.config)):
            renew_head(model)
        require_finite(model, recipe.model.name)
        _require_start(model, recipe.model.name)
    if recipe.model.fresh_tokenizer:
        renew_embeddings(model, tokenizer, shared_with_own(recipe, tokenizer))
    added = grow_embeddings(model, tokenizer)
    if model.config.pad_token_id is None:
        model.config.pad_token_id = tokenizer.pad_token_id
    if adapter is not None:
        add_adapter(model, adapter, auto_class, range(len(tokenizer) - added, len(tokenizer)))
    task.configure(model)
    return model


def _require_start(model: PreTrainedModel, name: str) -> None:
    """Check that an encoder-decoder can begin an answer: most need a start token, some begin with a language."""
    if not model.config.is_encoder_decoder or getattr(model.config, "decoder_start_token_id", None) is not None:
        return
    shift: Any = getattr(model, "prepare_decoder_input_ids_from_labels", lambda labels: labels)
    try:
        shift(labels=torch.tensor([[0, 1]]))
    except (RuntimeError, TypeError, ValueError):
        what = "config.json has no decoder_start_token_id, the token that the model begins each answer with"
        hint = "set it there: T5 begins with pad_token_id, BART with eos_token_id"
        raise ModelError(what, where=name, hint=hint) from None


def decide_precision(prepared: Prepared, console: Console) -> None:
    """Choose the recipe's precision, if it is auto, by measuring this device.

    Raises:
        RecipeError: fp16 was asked for, and the model does not run on a GPU.
        UsageError: The recipe's device does not exist.
    """
    device = choose_device(prepared.recipe.device)
    if prepared.recipe.training.precision == "fp16" and device.type == "cpu":
        raise RecipeError("fp16 needs a GPU, for gradient scaling", where="training.precision", hint="--precision auto")
    if prepared.recipe.training.precision == "auto":
        precision, why = choose(device)
        prepared.recipe.training.precision = precision
        decision = Decision("precision", precision, why)
        prepared.decisions.append(decision)
        console.decision(decision)


def fingerprint(prepared: Prepared, model: PreTrainedModel) -> dict[str, Any]:
    """Everything that determines the weights of a run: data, tokenizer, initial weights, recipe, device, processes."""
    digests = {f"{split} data": [source.digest for source in sources] for split, sources in prepared.sources.items()}
    return (
        prepared.recipe.flatten(may_change=False)
        | digests
        | {
            "task code": prepared.task.kind.code_digest(),
            "tokenizer": tokenizer_digest(prepared.task.tokenizer),
            "initial weights": state_digest(model.state_dict()),
            "processes": processes.count(),
            "device": choose_device(prepared.recipe.device).type,  # the device behind `auto`
        }
    )
