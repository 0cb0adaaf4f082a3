"""The peers: transformers' `Trainer` and TRL's `SFTTrainer`, with their own loops and losses."""

import time
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments

from bench.environment import peak_memory
from bench.training.sides import GROUPED, PACKED, PADDED, SAME


class Clock(TrainerCallback):
    """Times the steps, without what a `Trainer` does before and after them."""

    def __init__(self) -> None:
        self.began = self.ended = 0.0
        self.losses: list[float] = []

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self.began = self.began or time.perf_counter()

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self.ended = time.perf_counter()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.losses.extend([logs["loss"]] if "loss" in logs else [])


def settings(found: Any, steps: int | None, output: Path) -> dict[str, Any]:
    """The arguments that all peers have in common: those of Luthier's recipe."""
    recipe = found.recipe
    return {
        "output_dir": str(output),
        "num_train_epochs": 1,
        "max_steps": steps or -1,
        "per_device_train_batch_size": recipe.training.batch_size,
        "learning_rate": recipe.training.learning_rate,
        "weight_decay": recipe.training.weight_decay,
        "lr_scheduler_type": "linear",
        "seed": recipe.seed,
        "bf16": recipe.training.precision == "bf16",
        "logging_steps": 1 if steps else 500,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": True,
    }


def run_trainer(found: Any, side: str, longest: int, steps: int | None, output: Path) -> dict[str, Any]:
    """A `Trainer` on the same rows and initial weights."""
    from luthier.data.batches import train_loader
    from luthier.pipeline.training.assemble import batch_plan, fresh_model

    model = fresh_model(found)
    model.config.use_cache = False
    rows, collate, plan = found.encoded["train"].rows, found.task.collator(model), batch_plan(found)
    if side == PADDED:
        collate = _to_length(collate, longest, found.task.tokenizer.pad_token_id)

    class Planned(Trainer):
        """With `same`, the batches are Luthier's."""

        def get_train_dataloader(self) -> Any:
            if side != SAME:
                return super().get_train_dataloader()
            stop = steps or plan.steps_per_epoch
            loader = train_loader(plan, rows, collate, start=0, stop=stop)
            return DataLoader([batch.tensors for batch in loader], batch_size=None)  # type: ignore[arg-type]

    strategy = "group_by_length" if side == GROUPED else "random"
    arguments = TrainingArguments(
        **settings(found, steps, output), train_sampling_strategy=strategy, remove_unused_columns=False
    )
    clock = Clock()
    Planned(model=model, args=arguments, train_dataset=rows, data_collator=collate, callbacks=[clock]).train()
    seconds = clock.ended - clock.began
    return {"seconds": seconds, "losses": clock.losses, "peak": peak_memory(), "model": model}


def run_sft(found: Any, side: str, longest: int, steps: int | None, output: Path) -> dict[str, Any]:
    """TRL's `SFTTrainer` on the same tokens and labels, with as many steps; gradient checkpointing is off on all sides.

    Returns:
        As `run_trainer`; the trained weights are in a model of their own, as TRL changes the forward pass of its.
    """
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer  # type: ignore[import-not-found]  # of another environment

    from luthier.pipeline.training.assemble import fresh_model

    encoded, packs = found.encoded["train"], side == PACKED
    rows = [{name: row[name] for name in ("input_ids", "labels")} for row in encoded.rows]
    chosen = settings(found, steps, output)
    if packs:
        share = float(encoded.lengths.mean()) / longest  # of a packed row that a row fills
        chosen["per_device_train_batch_size"] = max(1, round(share * chosen["per_device_train_batch_size"]))
    arguments = SFTConfig(
        **chosen,
        packing=packs,
        padding_free=not packs,
        max_length=longest if packs else None,  # the rows are cut
        gradient_checkpointing=False,
    )
    clock, model = Clock(), fresh_model(found)
    SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(rows),
        processing_class=found.task.tokenizer,
        callbacks=[clock],
    ).train()
    peak, trained = peak_memory(), fresh_model(found)
    trained.load_state_dict(model.state_dict())
    return {"seconds": clock.ended - clock.began, "losses": clock.losses, "peak": peak, "model": trained}


def _to_length(collate: Any, longest: int, padding: int) -> Any:
    """A collator whose inputs are all padded to one length."""

    def collated(rows: Any) -> dict[str, torch.Tensor]:
        batch = collate(rows)
        width = batch["input_ids"].shape[1]
        return {
            name: torch.nn.functional.pad(tensor, (0, longest - width), value=padding if name == "input_ids" else 0)
            if name != "labels"
            else tensor
            for name, tensor in batch.items()
        }

    return collated
