"""Luthier's side: its data, which all sides train on, and its steps."""

import time
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from bench.environment import peak_memory
from bench.training.cases import Case


def prepared(case: Case, data: Path, work: Path, seed: int, settings: Mapping[str, Any]) -> Any:
    """The rows as Luthier encodes them, which all sides train on."""
    from luthier.console import Console
    from luthier.pipeline.preparation.prepare import prepare
    from luthier.pipeline.recipes import build_recipe

    train, valid = case.files(data, work / "data", seed)
    common = {
        "validation": str(valid),
        "seed": seed,
        "max_length": case.longest,
        "train_rows": case.rows,
        "engine": "loop",
        "epochs": 1.0,
        "batch_size": 16,
        "learning_rate": 5e-5,
        "optimizer": "adamw",  # as the Trainer; a new T5 would get Adafactor
        "warmup_ratio": 0.0,
        "lr_scheduler_type": "linear",
    }
    return prepare(build_recipe(str(train), {**common, **case.settings, **settings}, work, Console()), Console())


def run_ours(found: Any) -> dict[str, Any]:
    """The engine `loop` on the plan of `luthier train`."""
    from luthier import allocator
    from luthier.engines.loop import new_accelerator
    from luthier.engines.loop import steps as loop
    from luthier.pipeline.fast_path import keeps_pages
    from luthier.pipeline.training.assemble import assemble

    training = assemble(found)
    accelerator, losses, tokens, places = new_accelerator(training), [], 0, 0
    began = time.perf_counter()
    with nullcontext() if keeps_pages(found.recipe, training.device) else allocator.kept():
        for step in loop(training, accelerator):
            losses.append(float(step.loss.detach()))
            tokens, places = tokens + step.tokens, places + step.padded_tokens
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds,
        "losses": losses,
        "tokens": tokens,
        "padding": 1 - tokens / places,
        "peak": peak_memory(),
        "model": training.model,
    }


def validation_loss(found: Any, model: Any, rows: int) -> float:
    """The mean loss of a trained model on held-out rows."""
    from luthier.pipeline.inference.infer import Asked, answer

    examples = {name: column[:rows] for name, column in found.splits["validation"][:rows].items()}
    encoded = found.encoded["validation"]
    size = min(rows, len(encoded.rows))
    asked = Asked(examples, [encoded.rows[i] for i in range(size)], encoded.lengths[:size])
    _, loss = answer(found.task, model.eval(), asked, found.recipe, generated=0)
    return float(loss or 0)


def profiled(found: Any) -> str:
    """Where the time of Luthier's steps goes, by operation; the profiler takes some of it."""
    with torch.profiler.profile() as profile:
        run_ours(found)
    shown: str = profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=25, max_name_column_width=45)
    return shown
