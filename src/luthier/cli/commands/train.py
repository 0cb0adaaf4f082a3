"""`luthier train`: from data to a model, a score and a report."""

from pathlib import Path
from typing import Annotated

from typer import Option

from luthier.cli.options import (
    EVALUATION,
    RUN,
    TASK,
    TRACKING,
    TRAINING,
    Allow,
    BatchSize,
    DataOrRecipe,
    Device,
    Epochs,
    LabelColumns,
    LabelNames,
    LearningRate,
    Lora,
    MaxSteps,
    Model,
    RoleColumns,
    Scratch,
    Seed,
    Set,
    Task,
    Test,
    TextColumns,
    TokensPerBatch,
    Validation,
    names_of_labels,
    overrides,
)
from luthier.cli.output import Output
from luthier.cli.scores import print_result, print_seeds


def train(
    out: Output,
    data: DataOrRecipe,
    task: Task = None,
    model: Model = None,
    from_scratch: Scratch = None,
    fresh_tokenizer: Annotated[
        bool,
        Option("--fresh-tokenizer", metavar="", help="Use a new tokenizer, trained on the data.", rich_help_panel=TASK),
    ] = False,
    tokenizer: Annotated[
        str | None,
        Option(metavar="KIND|DIR", help="New tokenizer: a kind, or a saved one.", rich_help_panel=TASK),
    ] = None,
    lora: Lora = False,
    text: TextColumns = None,
    label: LabelColumns = None,
    column: RoleColumns = None,
    label_names: LabelNames = None,
    valid: Validation = None,
    test: Test = None,
    epochs: Epochs = None,
    max_steps: MaxSteps = None,
    max_time: Annotated[
        str | None,
        Option(metavar="TIME", help="Time for the whole command, such as 10m.", rich_help_panel=TRAINING),
    ] = None,
    batch_size: BatchSize = None,
    tokens_per_batch: TokensPerBatch = None,
    grad_accumulation: Annotated[
        int | None, Option(metavar="N", help="Micro-batches per optimizer step.", rich_help_panel=TRAINING)
    ] = None,
    lr: LearningRate = None,
    scheduler: Annotated[
        str | None,
        Option(metavar="NAME", help="Learning-rate schedule (default: linear).", rich_help_panel=TRAINING),
    ] = None,
    precision: Annotated[
        str | None, Option(metavar="NAME", help="auto (default), fp32, bf16 or fp16.", rich_help_panel=TRAINING)
    ] = None,
    engine: Annotated[
        str | None, Option(metavar="NAME", help="loop (default) or trainer.", rich_help_panel=TRAINING)
    ] = None,
    seed: Seed = None,
    seeds: Annotated[
        int | None,
        Option(metavar="N", help="Train N seeds: mean and spread of the scores.", rich_help_panel=RUN),
    ] = None,
    run_dir: Annotated[
        Path | None, Option(metavar="DIR", help="Run directory (default: a new one in runs/).", rich_help_panel=RUN)
    ] = None,
    threshold: Annotated[
        str | None,
        Option(metavar="P|AIM", help="Threshold, or its aim: f1, precision=P, recall=R.", rich_help_panel=EVALUATION),
    ] = None,
    metric_mode: Annotated[
        str | None,
        Option(metavar="MODE", help="Direction of a custom metric: min or max.", rich_help_panel=EVALUATION),
    ] = None,
    keep_checkpoints: Annotated[
        bool,
        Option("--keep-checkpoints", metavar="", help="Keep the checkpoints of the finished run.", rich_help_panel=RUN),
    ] = False,
    track: Annotated[
        list[str] | None,
        Option(
            metavar="NAME",
            help="tensorboard, wandb, mlflow, trackio or csv; repeatable.",
            rich_help_panel=TRACKING,
        ),
    ] = None,
    track_project: Annotated[
        str | None, Option(metavar="NAME", help="Project or experiment (default: luthier).", rich_help_panel=TRACKING)
    ] = None,
    track_name: Annotated[
        str | None,
        Option(metavar="NAME", help="Run name (default: the run directory's).", rich_help_panel=TRACKING),
    ] = None,
    allow: Allow = None,
    settings: Set = None,
    dry_run: Annotated[
        bool, Option("--dry-run", metavar="", help="Print the complete recipe and exit.", rich_help_panel=RUN)
    ] = False,
    device: Device = None,
) -> int:
    """Fine-tune a model, evaluate it and write a report.

    Anything you don't set is inferred from the data or has a sensible default, and is printed.
    Options override the recipe file.
    """
    given = {
        "task": task,
        "seed": seed,
        "device": device,
        "model.name": model,
        "model.from_scratch": from_scratch,
        "model.fresh_tokenizer": fresh_tokenizer or None,
        "model.tokenizer": tokenizer,
        "model.adapter.kind": "lora" if lora else None,
        "data.validation": valid,
        "data.test": test,
        "data.allow": allow,
        "data.label_names": names_of_labels(label_names),
        "training.engine": engine,
        "training.epochs": epochs,
        "training.max_steps": max_steps,
        "training.max_time": max_time,
        "training.batch_size": batch_size,
        "training.tokens_per_batch": tokens_per_batch,
        "training.gradient_accumulation_steps": grad_accumulation,
        "training.learning_rate": lr,
        "training.lr_scheduler_type": scheduler,
        "training.precision": precision,
        "training.keep_checkpoints": keep_checkpoints or None,
        "evaluation.metric_mode": metric_mode,
        "evaluation.threshold": threshold,
        "tracking.trackers": track,
        "tracking.project": track_project,
        "tracking.run_name": track_name,
    }
    changes = overrides(given, text, label, column, settings)

    if dry_run:
        from luthier.api.train import plan

        planned = plan(data, seeds=seeds, run_dir=run_dir, console=out.console, **changes)
        if out.as_json:
            out.json(planned.to_dict())
        else:
            from luthier.reporting.terminal.plan import plan_lines

            out.text(planned.recipe.to_toml().rstrip())
            for line in plan_lines(planned.to_dict()["groups"], planned.rates):
                out.console.say(line)
        return 0
    from luthier.api.train import train as train_run

    if seeds is not None:
        print_seeds(out, train_run(data, seeds=seeds, run_dir=run_dir, console=out.console, **changes))
    else:
        print_result(out, train_run(data, run_dir=run_dir, console=out.console, **changes))
    return 0
