"""`luthier evaluate`: the score of a model on data."""

from typing import Annotated

from typer import Argument

from luthier.cli.options import (
    Allow,
    BaseModel,
    Device,
    LabelColumns,
    LabelNames,
    MaxNewTokens,
    NumBeams,
    RoleColumns,
    SamplingSeed,
    Set,
    Target,
    Task,
    Temperature,
    TextColumns,
    TopK,
    TopP,
    generation,
    names_of_labels,
    overrides,
)
from luthier.cli.output import Output
from luthier.reporting.terminal.score_table import score_pieces

Rows = Annotated[list[str] | None, Argument(metavar="DATA", help="Data to score (default: the run's held-out rows).")]


def evaluate(
    out: Output,
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
) -> int:
    """Score a model, with intervals and baselines."""
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
    out.result(found.to_dict(), score_pieces)
    if not out.as_json:
        out.text(f"written to {found.directory}")
    return 0
