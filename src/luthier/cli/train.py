"""`luthier train`: from data to a model, a score and a report."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from luthier.cli.options import (
    Allow,
    Json,
    LabelColumns,
    Model,
    Quiet,
    Scratch,
    Set,
    Task,
    Test,
    TextColumns,
    Validation,
    Verbose,
    overrides,
)
from luthier.cli.output import Output
from luthier.cli.scores import print_result

TRAINING = "Training"

DataOrRecipe = Annotated[
    list[str], Argument(metavar="DATA...|RECIPE.toml", help="Files, folders, data sets, or one recipe; - is stdin.")
]


def train(
    data: DataOrRecipe,
    task: Task = None,
    model: Model = None,
    from_scratch: Scratch = None,
    text: TextColumns = None,
    label: LabelColumns = None,
    valid: Validation = None,
    test: Test = None,
    engine: Annotated[str | None, Option(help="loop or trainer.", rich_help_panel=TRAINING)] = None,
    epochs: Annotated[float | None, Option(help="Passes over the rows.", rich_help_panel=TRAINING)] = None,
    max_steps: Annotated[int | None, Option(help="Stop after so many steps.", rich_help_panel=TRAINING)] = None,
    batch_size: Annotated[int | None, Option(help="Examples in one step.", rich_help_panel=TRAINING)] = None,
    grad_accumulation: Annotated[
        int | None, Option(help="Parts that a batch is run in.", rich_help_panel=TRAINING)
    ] = None,
    lr: Annotated[float | None, Option(help="Peak learning rate.", rich_help_panel=TRAINING)] = None,
    scheduler: Annotated[
        str | None,
        Option(
            help="linear, cosine, cosine_with_restarts, polynomial, constant, constant_with_warmup, inverse_sqrt.",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    precision: Annotated[str | None, Option(help="auto, fp32, bf16 or fp16.", rich_help_panel=TRAINING)] = None,
    metric_mode: Annotated[
        str | None,
        Option(metavar="min|max", help="Direction of a custom evaluation.metric_for_best.", rich_help_panel=TRAINING),
    ] = None,
    seed: Annotated[int | None, Option(help="Of the split, the order, the weights.", rich_help_panel=TRAINING)] = None,
    fresh_tokenizer: Annotated[
        bool, Option("--fresh-tokenizer", help="Make a tokenizer from the data.", rich_help_panel=TRAINING)
    ] = False,
    run_dir: Annotated[Path | None, Option(help="Where the run goes; a new name below runs/.")] = None,
    allow: Allow = None,
    settings: Set = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Print the complete recipe and stop.")] = False,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Inspect, split, train, evaluate and report.

    Whatever is not said is found from the data or has a sound default, and is told in a line.
    An option beats the recipe file.
    """
    out = Output(as_json=json, quiet=quiet, verbose=verbose)
    given = {
        "task": task,
        "seed": seed,
        "model.name": model,
        "model.from_scratch": from_scratch,
        "model.fresh_tokenizer": fresh_tokenizer or None,
        "data.validation": valid,
        "data.test": test,
        "data.allow": allow,
        "training.engine": engine,
        "training.epochs": epochs,
        "training.max_steps": max_steps,
        "training.batch_size": batch_size,
        "training.gradient_accumulation_steps": grad_accumulation,
        "training.learning_rate": lr,
        "training.lr_scheduler_type": scheduler,
        "training.precision": precision,
        "evaluation.metric_mode": metric_mode,
    }
    changes = overrides(given, text, label, settings or [])

    if dry_run:
        from luthier.api.train import plan

        recipe = plan(data, console=out.console, **changes)
        if json:
            out.json({"recipe": recipe.model_dump(mode="json")})
        else:
            out.text(recipe.to_toml().rstrip())
        return 0
    from luthier.api.train import train as train_run

    result = train_run(data, run_dir=run_dir, console=out.console, **changes)
    print_result(out, result.to_dict())
    return 0
