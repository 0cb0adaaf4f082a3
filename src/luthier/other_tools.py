"""The settings of other tools: the nearest of Luthier's, worked out with the given values, or why there is none.

The names are those of transformers' `TrainingArguments` and its example scripts, of PEFT, bitsandbytes, TRL, DeepSpeed
and the fine-tuning tools built on them.
"""

import json
import re
import shlex
from collections.abc import Callable, Collection, Mapping
from fnmatch import fnmatch
from typing import Any, Literal

from luthier import processes

Style = Literal["option", "set", "python", "toml"]
Keys = Mapping[str, Any]
MOST_SHOWN = 60  # characters of a value in a hint

# Ours to their names, where the value stays the same.
_SAME = {
    "data.columns.label": "label_column label_column_name label_key summary_column target_column response_column",
    "data.columns.text": "text_column text_column_name sentence1_key text_key dataset_text_field source_column",
    "data.max_length": "max_seq_length max_seq_len max_source_length model_max_length cutoff_len sequence_len"
    " block_size max_prompt_length max_input_length",
    "data.max_target_length": "max_completion_length max_answer_length max_output_length",
    "data.stride": "doc_stride",
    "data.test": "test_file test_data test_path",
    "data.train_rows": "max_train_samples max_samples num_samples",
    "data.validation": "valid valid_data dev val validation_file eval_file dev_file valid_file val_data"
    " validation_data eval_dataset",
    "data.validation_share": "val_size val_set_size validation_split eval_size",
    "evaluation.eval_batch_size": "per_device_eval_batch_size per_gpu_eval_batch_size validation_batch_size"
    " micro_eval_batch_size",
    "evaluation.metric_for_best": "metric_for_best_model monitor",
    "generation.max_new_tokens": "generation_max_length val_max_target_length max_gen_length",
    "generation.num_beams": "generation_num_beams beam_size beams",
    "model.adapter.alpha": "lora_alpha",
    "model.adapter.dropout": "lora_dropout",
    "model.adapter.modules_to_save": "additional_target lora_modules_to_save",
    "model.adapter.rank": "r lora_r lora_rank",
    "model.adapter.target_modules": "lora_target lora_target_modules",
    "model.dropout": "hidden_dropout hidden_dropout_prob dropout_rate attention_dropout",
    "model.name": "model_name model_name_or_path pretrained_model_name_or_path base_model model_id model_path",
    "run_dir": "output_dir output_path save_dir",
    "seed": "random_seed random_state data_seed manual_seed",
    "task": "task_name task_type",
    "training.adam_beta1": "beta1",
    "training.adam_beta2": "beta2",
    "training.adam_epsilon": "eps epsilon adam_eps",
    "training.average_best": "average_checkpoints num_average_checkpoints avg_checkpoints num_best_checkpoints",
    "training.batch_size": "global_batch_size effective_batch_size total_batch_size",
    "training.dataloader_num_workers": "num_workers preprocessing_num_workers",
    "training.early_stopping_patience": "patience early_stopping",
    "training.ema_decay": "model_ema_decay ema_rate ema_beta weight_ema_decay moving_average_decay",
    "training.epochs": "num_train_epochs num_epochs n_epochs max_epochs train_epochs",
    "training.eval_strategy": "evaluation_strategy",
    "training.eval_steps": "eval_every eval_interval evaluation_steps",
    "training.gradient_accumulation_steps": "grad_accumulation grad_accum accumulate_grad_batches"
    " gradient_accumulation",
    "training.label_smoothing": "label_smoothing_factor",
    "training.learning_rate": "lr peak_lr max_lr learningrate",
    "training.length_grouping": "group_by_length bucket_by_length",
    "training.logging_steps": "log_every log_interval log_steps",
    "training.lr_scheduler_type": "scheduler lr_scheduler lr_schedule scheduler_type lr_scheduler_name",
    "training.max_grad_norm": "clip_grad grad_clip max_norm gradient_clip_val gradient_clipping clip_grad_norm",
    "training.max_steps": "max_train_steps total_steps num_training_steps max_iters",
    "training.gradient_checkpointing": "activation_checkpointing",
    "training.max_time": "time_limit time_budget max_train_time max_training_time max_runtime",
    "training.neftune_noise_alpha": "neft_alpha noisy_embedding_alpha",
    "training.r_drop_alpha": "rdrop_alpha rdrop_coef reg_alpha",
    "training.save_steps": "save_every save_interval checkpointing_steps",
    "training.warmup_ratio": "warmup_proportion warmup_fraction",
    "training.warmup_steps": "num_warmup_steps warmup_iters lr_warmup_steps",
    "training.weight_decay": "wd l2",
    "tracking.project": "wandb_project project_name experiment_name mlflow_experiment_name",
    "tracking.tags": "wandb_tags",
    "tracking.trackers": "report_to log_with logger loggers",
}
_OURS = {theirs: ours for ours, names in _SAME.items() for theirs in names.split()}

# Patterns of names to the reason why there is no such setting.
_NOT_OFFERED = {
    "lora_* peft_* init_lora_weights loftq*": "--lora trains a LoRA adapter; the keys of model.adapter set"
    " its kind, rank, alpha, dropout and target modules",
    "load_in_8bit bnb_* quantization* use_8bit": "weights are in float32 or mixed precision, or in 4 bits (NF4) with"
    " --set model.adapter.kind=qlora",
    "deepspeed* fsdp* parallelism_config tensor_parallel* zero_stage ddp_* local_rank tp_size": "several GPUs each"
    " hold the whole model: start the command with `accelerate launch`",
    "wandb* trackio* use_wandb mlflow* tensorboard* logging_dir": "--track sends the curves to wandb, mlflow,"
    " tensorboard, trackio or csv, whose own environment variables say where",
    "push_to_hub* hub_*": "a run stays in its directory, and is sent nowhere but to the trackers of --track",
    "logging_strategy logging_first_step logging_nan_inf_filter log_on_each_node log_level* disable_tqdm"
    " include_num_input_tokens_seen debug skip_memory_metrics": "the loss of every step is recorded; --quiet and"
    " --verbose choose what is printed",
    "torch_compile* use_liger_kernel liger* jit* flash_attention attn_implementation use_flash_attention* use_cache"
    " torch_empty_cache_steps tf32 use_cpu_offload": "Luthier chooses the kernels itself",
    "do_train do_eval do_predict": "`luthier train` trains and evaluates; `luthier predict` predicts",
    "load_best_model_at_end save_only_model save_safetensors save_on_each_node": "the best checkpoint always becomes"
    " the model (see best_tolerance), as safetensors",
    "overwrite_output_dir": "a run directory is never overwritten; choose another --run-dir",
    "resume_from_checkpoint ignore_data_skip restore_callback_states_from_checkpoint": "`luthier resume RUN` continues"
    " from the newest checkpoint",
    "predict_with_generate generation_config": "tasks that generate text are always scored on generated text; the"
    " generation table of the recipe says how",
    "packing* *_checkpointing_kwargs sortish_sampler dataloader_* accelerator_config length_column_name"
    " remove_unused_columns"
    " full_determinism average_tokens_across_devices eval_do_concat_batches eval_use_gather_object"
    " include_for_metrics batch_eval_metrics prediction_loss_only eval_accumulation_steps eval_delay"
    " enable_jit_checkpoint auto_find_batch_size *_full_eval optim_args optim_target_modules": "Luthier decides this"
    " itself",
    "train_file train_data data_path dataset dataset_name data_dir dataset_path": "data comes first: luthier train"
    " reviews.csv, or luthier.train(data)",
    "trust_remote_code": "code of a model is never run",
    "use_fast_tokenizer tokenizer_name": "a model is used with its own tokenizer; --fresh-tokenizer trains another, and"
    " with --tokenizer DIR takes that one",
    "id2label label2id": "labels are found in the data; --label-names 0=negative,1=positive names codes",
    "num_labels": "labels are found in the data",
}  # fmt: skip
_OPTIONS = {
    "data.allow": "--allow",
    "data.columns.label": "--label",
    "data.columns.text": "--text",
    "data.label_names": "--label-names",
    "data.test": "--test",
    "data.validation": "--valid",
    "evaluation.metric_mode": "--metric-mode",
    "evaluation.threshold": "--threshold",
    "model.from_scratch": "--from-scratch",
    "model.fresh_tokenizer": "--fresh-tokenizer",
    "model.name": "--model",
    "model.tokenizer": "--tokenizer",
    "run_dir": "--run-dir",
    "training.batch_size": "--batch-size",
    "training.gradient_accumulation_steps": "--grad-accumulation",
    "training.learning_rate": "--lr",
    "training.lr_scheduler_type": "--scheduler",
    "tracking.project": "--track-project",
    "tracking.run_name": "--track-name",
    "tracking.trackers": "--track",
    **{key: f"--{key}" for key in ("device", "seed", "task")},
    **{
        f"training.{key}": f"--{key.replace('_', '-')}"
        for key in ("epochs", "max_steps", "max_time", "tokens_per_batch", "precision", "engine")
    },
}


def hint_for(name: str, given: Mapping[str, Any], style: Style, options: Collection[str] | None = None) -> str:
    """What to use instead of a setting of another tool; empty for a name that no tool is known to have.

    Args:
        name: The name, with underscores.
        given: Every setting that was given, theirs and ours, with its value; None for one without a value.
        style: How settings are written: as options of the command, as options or `--set`, as arguments in Python, or as
            keys of a recipe.
        options: The options that the command has; None for those of `luthier train`.
    """
    found = _equivalent(name, given.get(name), given)
    if isinstance(found, str):
        return found and f"{name} is not offered: {found}"
    return f"use {written(found, style, options)}"


def place_of(key: str) -> str:
    """Where the command line sets a recipe key: `--lr`, or `--set weight_decay`."""
    return _OPTIONS.get(key) or f"--set {_last(key)}"


def written(keys: Keys, style: Style, options: Collection[str] | None = None) -> str:
    """Write recipe keys with their values, the way that they are given; `VALUE` for one without a value."""
    if style in ("option", "set") or "run_dir" in keys:
        named = {
            key: _OPTIONS[key] for key in keys if key in _OPTIONS and _OPTIONS[key] in (options or {_OPTIONS[key]})
        }
        words = [
            [named[key], _word(keys[key])] if key in named else ["--set", f"{_last(key)}={_word(keys[key])}"]
            for key in keys
        ]
        line = " ".join(map(shlex.join, words))
        either = style == "set" and len(words) == 1 and words[0][0] not in ("--set", "--run-dir")
        return f"{line}, or --set {_last(next(iter(keys)))}={words[0][1]}" if either else line
    if style == "python":
        return ", ".join(_argument(key, value) for key, value in keys.items())
    return ", ".join(f"{key} = {'VALUE' if value is None else json.dumps(value)}" for key, value in keys.items())


def _argument(key: str, value: Any) -> str:
    """A key as an argument in Python; the keys of a table in a table are an argument of its name."""
    table, _, leaf = _last(key).rpartition(".")
    return f'{table}={{"{leaf}": {_literal(value)}}}' if table else f"{leaf}={_literal(value)}"


def _literal(value: Any) -> str:
    """A value as Python writes it; `VALUE` for none, and for data in memory."""
    shown = "VALUE" if value is None else repr(value)
    return shown if len(shown) <= MOST_SHOWN else "VALUE"


def _last(key: str) -> str:
    """The part of a key that names it: the last one. An adapter's keep their table: `dropout` is the model's."""
    return key.removeprefix("model.") if key.startswith("model.adapter.") else key.rpartition(".")[2]


def _word(value: Any) -> str:
    return "VALUE" if value is None else value if isinstance(value, str) else json.dumps(value)


def _equivalent(name: str, value: Any, given: Mapping[str, Any]) -> Keys | str:
    """Our keys for a setting, or why there are none."""
    if name in _WORKED_OUT:
        return _WORKED_OUT[name](value, given)
    if name in _OURS:
        return {_OURS[name]: value}
    fitting = (why for names, why in _NOT_OFFERED.items() if any(fnmatch(name, one) for one in names.split()))
    return next(fitting, "")


def _batch(value: Any, given: Mapping[str, Any]) -> Keys | str:
    """Theirs counts the examples of one process and one micro-batch, ours those of the whole step."""
    ours = "training.gradient_accumulation_steps"
    named = [given[name] for name in (_last(ours), ours, *_SAME[ours].split()) if given.get(name)]
    steps = named[0] if named and isinstance(named[0], int) else 1
    size = value * steps * processes.count() if isinstance(value, int) else None
    return {"training.batch_size": size} | ({ours: steps} if steps > 1 else {})


def _half(precision: str) -> Callable[[Any, Mapping[str, Any]], Keys | str]:
    return lambda value, given: {"training.precision": "fp32" if value is False else precision}


_OPTIMIZERS = {
    r"(paged_)?adamw(_torch\w*|_hf|_apex_fused|_32bit|_bnb)?": "adamw",
    r"adamw_(bnb_)?8bit": "adamw_8bit",
    r"paged_adamw_8bit": "paged_adamw_8bit",
    r"(paged_)?lion(_32bit|_8bit)?": "lion",
    r"schedule_free_adamw": "adamw_schedule_free",
    r"adafactor|sgd|muon": "{}",
}


def _optimizer(value: Any, given: Mapping[str, Any]) -> Keys | str:
    if value is None:
        return {"training.optimizer": None}
    name = str(value).lower()
    found = next((ours for pattern, ours in _OPTIMIZERS.items() if re.fullmatch(pattern, name)), None)
    if found is None:
        return "training.optimizer is adamw, adamw_8bit, adafactor, lion, sgd, muon or adamw_schedule_free"
    return {"training.optimizer": found.format(name)}


def _sampling(value: Any, given: Mapping[str, Any]) -> Keys | str:
    if value == "sequential":
        return "training rows are always shuffled"
    return {"training.length_grouping": None if value is None else value == "group_by_length"}


def _precision(value: Any, given: Mapping[str, Any]) -> Keys | str:
    names = {"no": "fp32", "float32": "fp32", "float": "fp32", "bfloat16": "bf16", "float16": "fp16", "half": "fp16"}
    return {"training.precision": names.get(str(value).rpartition(".")[2], value)}


def _warmup(value: Any, given: Mapping[str, Any]) -> Keys | str:
    return {"training.warmup_steps" if isinstance(value, int) and value >= 1 else "training.warmup_ratio": value}


def _adapter(kind: str) -> Callable[[Any, Mapping[str, Any]], Keys | str]:
    """An adapter of a kind; theirs may be switched off."""
    off = "leave it out: without an adapter, the whole model is trained"
    return lambda value, given: off if value is False else {"model.adapter.kind": kind}


def _tuning(value: Any, given: Mapping[str, Any]) -> Keys | str:
    if str(value).lower() in ("full", "freeze", "none"):
        return "without an adapter, the whole model is trained; model.freeze freezes a part of it"
    return {"model.adapter.kind": value}


def _percentage(value: Any, given: Mapping[str, Any]) -> Keys | str:
    return {"data.validation_share": value / 100 if isinstance(value, int | float) else None}


def _direction(value: Any, given: Mapping[str, Any]) -> Keys | str:
    return {"evaluation.metric_mode": None if value is None else "max" if value else "min"}


def _switch(key: str, usual: float) -> Callable[[Any, Mapping[str, Any]], Keys | str]:
    """A setting that is on or off in another tool, and a number here."""

    def found(value: Any, given: Mapping[str, Any]) -> Keys | str:
        if value is False:
            return f"it is off unless {_last(key)} is set"
        return {key: usual if value in (None, True) else value}

    return found


def _on_cpu(value: Any, given: Mapping[str, Any]) -> Keys | str:
    return {"device": "auto" if value is False else "cpu"}


_WORKED_OUT: dict[str, Callable[[Any, Mapping[str, Any]], Keys | str]] = {
    **dict.fromkeys(("per_device_train_batch_size", "per_gpu_train_batch_size", "micro_batch_size"), _batch),
    **dict.fromkeys(("train_batch_size", "train_micro_batch_size_per_gpu", "device_batch_size"), _batch),
    **dict.fromkeys(("optim", "optimizer_type", "optimizer_name"), _optimizer),
    **dict.fromkeys(("mixed_precision", "dtype", "torch_dtype"), _precision),
    **dict.fromkeys(("use_cpu", "no_cuda", "cpu"), _on_cpu),
    **dict.fromkeys(("use_ema", "model_ema", "ema", "with_ema"), _switch("training.ema_decay", 0.999)),
    **dict.fromkeys(("r_drop", "rdrop", "use_rdrop", "use_r_drop"), _switch("training.r_drop_alpha", 1.0)),
    **dict.fromkeys(("use_peft", "use_lora", "lora", "peft"), _adapter("lora")),
    **dict.fromkeys(("load_in_4bit", "use_4bit", "qlora", "use_qlora"), _adapter("qlora")),
    "use_dora": _adapter("dora"),
    "use_rslora": _adapter("rslora"),
    **dict.fromkeys(("finetuning_type", "peft_type", "adapter_type"), _tuning),
    "bf16": _half("bf16"),
    "fp16": _half("fp16"),
    "greater_is_better": _direction,
    "train_sampling_strategy": _sampling,
    "validation_split_percentage": _percentage,
    "warmup": _warmup,
}
