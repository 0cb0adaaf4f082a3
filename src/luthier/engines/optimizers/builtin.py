"""The optimizers that Luthier knows, each from the library that keeps it."""

from collections.abc import Mapping
from typing import Any

from torch.optim import SGD, Adafactor, AdamW, Optimizer

from luthier.engines.optimizers.kinds import OptimizerKind
from luthier.recipe import TrainingRecipe

EXTRA = "optimizers"
CONSTANT = ("constant", "constant_with_warmup")


def _adam(recipe: TrainingRecipe) -> dict[str, Any]:
    return {"betas": (recipe.adam_beta1, recipe.adam_beta2), "eps": recipe.adam_epsilon}


def _fused_adam(recipe: TrainingRecipe) -> dict[str, Any]:
    return {**_adam(recipe), "fused": True}


def _adafactor(recipe: TrainingRecipe) -> Mapping[str, Any]:
    # Torch's default for the first eps, 1.2e-7, is larger than the mean squared gradient of a clipped model.
    return {"eps": (1e-15, 1e-3)}


def _bitsandbytes(name: str) -> type[Optimizer]:
    import bitsandbytes

    return getattr(bitsandbytes.optim, name)


def _schedulefree() -> type[Optimizer]:
    from schedulefree import AdamWScheduleFree

    return AdamWScheduleFree


def _muon() -> type[Optimizer]:
    from luthier.engines.optimizers.muon import MuonWithAdamW

    return MuonWithAdamW


BUILT_IN = (
    OptimizerKind(
        "adamw",
        "AdamW (Loshchilov & Hutter 2019), fused: one pass over memory per step",
        lambda: AdamW,
        _fused_adam,
        guarded=True,
    ),
    OptimizerKind(
        "adamw_8bit",
        "AdamW with 8-bit moments, a quarter of the memory (Dettmers et al. 2022)",
        lambda: _bitsandbytes("AdamW8bit"),
        _adam,
        takes=("min_8bit_size",),
        package="bitsandbytes",
        extra=EXTRA,
    ),
    OptimizerKind(
        "paged_adamw_8bit",
        "AdamW with 8-bit moments that move to the host's memory when the GPU's is full (Dettmers et al. 2023)",
        lambda: _bitsandbytes("PagedAdamW8bit"),
        _adam,
        takes=("min_8bit_size",),
        package="bitsandbytes",
        extra=EXTRA,
        devices=("cuda",),
    ),
    OptimizerKind(
        "adafactor",
        "Adafactor (Shazeer & Stern 2018): row and column means instead of moments; updates relative to the weights",
        lambda: Adafactor,
        _adafactor,
        takes=("beta2_decay", "d"),
    ),
    OptimizerKind(
        "lion",
        "Lion (Chen et al. 2023): the sign of a moving average; one moment; smaller rates than AdamW",
        lambda: _bitsandbytes("Lion"),
        lambda recipe: {"betas": (0.9, 0.99)},
        defaults={"training.learning_rate": 1e-5, "training.weight_decay": 0.1},
        package="bitsandbytes",
        extra=EXTRA,
    ),
    OptimizerKind(
        "sgd",
        "stochastic gradient descent with momentum 0.9; larger rates than AdamW",
        lambda: SGD,
        lambda recipe: {"momentum": 0.9, "fused": True},
        takes=("momentum", "dampening", "nesterov"),
        defaults={"training.learning_rate": 1e-2},
        guarded=True,
    ),
    OptimizerKind(
        "muon",
        "Muon (Jordan et al. 2024) for weight matrices, with rates like AdamW's (Liu et al. 2025); AdamW for the rest",
        _muon,
        _adam,
        takes=("momentum", "nesterov", "ns_steps"),
        package="torch>=2.9",
        matrices_apart=True,
    ),
    OptimizerKind(
        "adamw_schedule_free",
        "schedule-free AdamW (Defazio et al. 2024): averages the weights instead of decaying the rate",
        _schedulefree,
        _adam,
        takes=("r", "weight_lr_power"),
        defaults={"training.lr_scheduler_type": "constant"},
        schedules=CONSTANT,
        package="schedulefree",
        extra=EXTRA,
    ),
)
