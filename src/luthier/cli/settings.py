"""The options that set recipe keys, and how commands take them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any

from typer import Option

from luthier.cli.options import (
    DATA,
    EVALUATION,
    GENERAL,
    GENERATION,
    RUN,
    TASK,
    TRACKING,
    TRAINING,
    names_of_labels,
    overrides,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """An option that sets a recipe key.

    Args:
        panel: Its panel in the help.
        key: The key; the option's name for those that set several (`overrides`).
        option: The option.
        kind: Type of its value.
        metavar: Its value in the help.
        about: Its line in the help.
        flag: What the key is set to by an option without a value.
        least: The lowest number; None for no limit.
    """

    panel: str
    key: str
    option: str
    kind: Any
    metavar: str
    about: str
    flag: Any = True
    least: int | None = None

    @property
    def name(self) -> str:
        """Name of the parameter."""
        return self.option.removeprefix("--").replace("-", "_")

    @property
    def parameter(self) -> Parameter:
        """The parameter from which typer makes the option."""
        default, kind = (False, bool) if self.kind is bool else (None, self.kind | None)
        option = Option(
            default, self.option, metavar=self.metavar, help=self.about, rich_help_panel=self.panel, min=self.least
        )
        return Parameter(self.name, Parameter.POSITIONAL_OR_KEYWORD, default=option, annotation=kind)

    def value(self, given: Any) -> Any:
        """The value of the key; None if the option was not given."""
        if self.kind is bool:
            return self.flag if given else None
        return names_of_labels(given) if self.key == "data.label_names" else given


_ROWS: Mapping[str, Sequence[tuple[Any, ...]]] = {
    TASK: (
        ("task", "--task", str, "NAME", "Task name (default: inferred from the data)."),
        ("model.name", "--model", str, "NAME", "Model short name, directory or Hub name."),
        ("model.from_scratch", "--from-scratch", str, "SIZE", "Train a new model: tiny, small or base."),
        ("model.fresh_tokenizer", "--fresh-tokenizer", bool, "", "Use a new tokenizer, trained on the data."),
        ("model.tokenizer", "--tokenizer", str, "KIND|DIR", "New tokenizer: a kind, or a saved one."),
        ("model.adapter.kind", "--lora", bool, "", "Train a LoRA adapter, not the whole model.", "lora"),
    ),
    DATA: (
        ("text", "--text", str, "A[,B]", "Text column; two columns for text pairs."),
        ("label", "--label", str, "A[,B...]", "Label column; several for multi-label data."),
        ("column", "--column", list[str], "ROLE=NAME", "Column for any role of the task; repeatable."),
        ("data.label_names", "--label-names", list[str], "A=X[,B=Y...]", "Names for labels written as codes."),
        ("data.validation", "--valid", list[str], "DATA", "Validation data (default: 10 %); repeatable."),
        ("data.test", "--test", list[str], "DATA", "Test data (default: 10 %); repeatable."),
    ),
    TRAINING: (
        ("training.epochs", "--epochs", float, "N", "Passes over the training rows."),
        ("training.max_steps", "--max-steps", int, "N", "Stop after this many optimizer steps."),
        ("training.max_time", "--max-time", str, "TIME", "Time limit for the whole command, such as 10m."),
        ("training.batch_size", "--batch-size", int, "N", "Examples per optimizer step."),
        (
            "training.tokens_per_batch",
            "--tokens-per-batch",
            int,
            "N",
            "Tokens per optimizer step, instead of --batch-size.",
        ),
        ("training.gradient_accumulation_steps", "--grad-accumulation", int, "N", "Micro-batches per optimizer step."),
        ("training.learning_rate", "--lr", float, "RATE", "Peak learning rate."),
        ("training.lr_scheduler_type", "--scheduler", str, "NAME", "Learning-rate schedule (default: linear)."),
        ("training.precision", "--precision", str, "NAME", "auto (default), fp32, bf16 or fp16."),
        ("training.engine", "--engine", str, "NAME", "loop (default) or trainer."),
    ),
    RUN: (
        ("seed", "--seed", int, "N", "Seed for splits, data order and initial weights."),
        ("training.keep_checkpoints", "--keep-checkpoints", bool, "", "Keep the checkpoints of the finished run."),
        ("data.allow", "--allow", list[str], "ID", "Continue despite this finding; repeatable."),
        ("set", "--set", list[str], "KEY=VALUE", "Set any recipe key; repeatable."),
    ),
    EVALUATION: (
        ("evaluation.threshold", "--threshold", str, "P|TARGET", "Threshold, or a target: f1, precision=P, recall=R."),
        ("evaluation.metric_mode", "--metric-mode", str, "MODE", "Direction of a custom metric: min or max."),
    ),
    TRACKING: (
        ("tracking.trackers", "--track", list[str], "NAME", "tensorboard, wandb, mlflow, trackio or csv; repeatable."),
        ("tracking.project", "--track-project", str, "NAME", "Project or experiment (default: luthier)."),
        ("tracking.run_name", "--track-name", str, "NAME", "Run name (default: the run directory's)."),
    ),
    GENERATION: (
        ("generation.temperature", "--temperature", float, "T", "Sampling temperature; 0 is greedy search."),
        ("generation.top_p", "--top-p", float, "P", "Nucleus (top-p) sampling; 1 is off."),
        ("generation.top_k", "--top-k", int, "K", "Sample from the K most likely tokens."),
        ("generation.max_new_tokens", "--max-new-tokens", int, "N", "Maximum tokens per answer."),
        ("generation.num_beams", "--num-beams", int, "N", "Number of beams for beam search."),
    ),
    GENERAL: (("device", "--device", str, "NAME", "auto (default), cpu, cuda, cuda:1, mps or xpu."),),
}
SETTINGS = {row[1]: Setting(panel, *row) for panel, rows in _ROWS.items() for row in rows}  # by option
SAMPLING = (
    *(setting for setting in SETTINGS.values() if setting.panel == GENERATION),
    Setting(GENERATION, "seed", "--seed", int, "N", "Seed for sampling.", least=0),
)
BASE = Setting(GENERAL, "base_model", "--model", str, "BASE", "Base model of an adapter, if it has moved.")


def takes(*options: str | Setting) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command options that set recipe keys; its argument `changes` receives the keys with their values.

    Args:
        *options: Names of `SETTINGS`, separated by blanks, in the order of the help. Between them may be parameters of
            the command itself, which come first otherwise.
    """
    listed = [one for part in options for one in (part.split() if isinstance(part, str) else [part])]

    def with_settings(command: Callable[..., int]) -> Callable[..., int]:
        own = dict(signature(command).parameters)
        del own["changes"]
        settings, parameters = list[Setting](), list[Parameter]()
        for one in listed:
            if isinstance(one, str) and one in own:
                parameters.append(own.pop(one))
            else:
                settings.append(SETTINGS[one] if isinstance(one, str) else one)
                parameters.append(settings[-1].parameter)

        @wraps(command)
        def run(*args: Any, **given: Any) -> int:
            values = {setting.key: setting.value(given.pop(setting.name)) for setting in settings}
            text, label, columns, pairs = (values.pop(key, None) for key in ("text", "label", "column", "set"))
            return command(*args, changes=overrides(values, text, label, columns, pairs), **given)

        run.__signature__ = Signature([*own.values(), *parameters])  # type: ignore[attr-defined]  # what typer reads
        return run

    return with_settings


def by_name(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Changes as the functions that load a model take them: `top_p` for `generation.top_p`."""
    return {key.removeprefix("generation."): value for key, value in changes.items()}
