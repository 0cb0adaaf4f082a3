"""`luthier train`: from data to a model, a score and a report."""

from pathlib import Path
from typing import Annotated, Any

from typer import Option

from luthier.cli.options import RUN, DataOrRecipe
from luthier.cli.output import Output
from luthier.cli.scores import print_result, print_seeds
from luthier.cli.settings import takes


@takes(
    "--task --model --from-scratch --fresh-tokenizer --tokenizer --lora",
    "--text --label --column --label-names --valid --test",
    "--epochs --max-steps --max-time --batch-size --tokens-per-batch --grad-accumulation --lr --scheduler --precision",
    "--engine --seed seeds run_dir --keep-checkpoints --threshold --metric-mode",
    "--track --track-project --track-name --allow --set dry_run --device",
)
def train(
    out: Output,
    data: DataOrRecipe,
    changes: dict[str, Any],
    seeds: Annotated[
        int | None, Option(metavar="N", help="Train with N seeds; print mean and spread.", rich_help_panel=RUN)
    ] = None,
    run_dir: Annotated[
        Path | None, Option(metavar="DIR", help="Run directory (default: a new one in runs/).", rich_help_panel=RUN)
    ] = None,
    dry_run: Annotated[
        bool, Option("--dry-run", metavar="", help="Print the complete recipe and exit.", rich_help_panel=RUN)
    ] = False,
) -> int:
    """Fine-tune a model, evaluate it and write a report.

    Anything you don't set is inferred from the data or has a sensible default, and is printed.
    Options override the recipe file.
    """
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
