"""`luthier evaluate`: the score of a model on data."""

from typing import Annotated

from typer import Argument

from luthier.cli.options import (
    Allow,
    BaseModel,
    Device,
    Json,
    LabelColumns,
    LabelNames,
    MaxNewTokens,
    NumBeams,
    Quiet,
    RoleColumns,
    SamplingSeed,
    Set,
    Task,
    Temperature,
    TextColumns,
    TopK,
    TopP,
    Verbose,
    generation,
    names_of_labels,
    overrides,
)
from luthier.cli.output import Output
from luthier.cli.scores import print_scores

Target = Annotated[str, Argument(metavar="RUN|MODEL", help="Run, model directory or Hub name.")]
Rows = Annotated[list[str] | None, Argument(metavar="DATA", help="Data to score (default: the run's held-out rows).")]


def evaluate(
    target: Target,
    data: Rows = None,
    task: Task = None,
    text: TextColumns = None,
    label: LabelColumns = None,
    column: RoleColumns = None,
    label_names: LabelNames = None,
    allow: Allow = None,
    settings: Set = None,
    temperature: Temperature = None,
    top_p: TopP = None,
    top_k: TopK = None,
    max_new_tokens: MaxNewTokens = None,
    num_beams: NumBeams = None,
    seed: SamplingSeed = None,
    model: BaseModel = None,
    device: Device = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Score a model, with intervals and baselines."""
    out = Output(as_json=json, quiet=quiet, verbose=verbose)
    generate = generation(temperature, top_p, top_k, max_new_tokens, num_beams, seed)
    given = {
        "task": task,
        "device": device,
        "base_model": model,
        "data.allow": allow,
        "seed": generate.pop("seed", None),
    }
    given["data.label_names"] = names_of_labels(label_names)
    given |= {f"generation.{name}": value for name, value in generate.items()}
    changes = overrides(given, text, label, column, settings)

    from luthier.api.evaluate import evaluate as evaluate_model

    found = evaluate_model(target, data or None, console=out.console, **changes)
    if json:
        out.json(found.to_dict())
    else:
        print_scores(out, found.to_dict())
        out.text(f"written to {found.directory}")
    return 0
