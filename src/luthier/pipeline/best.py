"""The weights that become the model: those of the best checkpoint, or an average that is better on validation."""

from dataclasses import dataclass
from typing import Any

from transformers import PreTrainedModel

from luthier.console import Console
from luthier.engines import checkpoints
from luthier.engines.averages import EMA, evaluated
from luthier.engines.base import Training
from luthier.errors import DamagedError
from luthier.pipeline.assemble import fresh_model
from luthier.pipeline.prepare import Prepared
from luthier.reporting.averaging import CHECKPOINT, in_words
from luthier.run_directory.run import Run


@dataclass(frozen=True)
class Best:
    """The model of a run.

    Args:
        model: Newly built, without wrappers, in evaluation mode.
        step: The step of its weights, or of the best of several that were averaged; None without an evaluation.
        averaging: Which weights were chosen, by which scores, as `luthier.reporting.averaging` reads it; None if the
            recipe averages no weights.
    """

    model: PreTrainedModel
    step: int | None
    averaging: dict[str, Any] | None = None


def best_model(run: Run, prepared: Prepared, training: Training, console: Console) -> Best:
    """The model of the best step, or of the last one if there is no best.

    If the recipe averages weights, the better of the average and the weights as trained becomes the model, by the
    metric that selects the best checkpoint; equals go to the weights as trained. Without evaluations, the average does.

    Args:
        run: Has the checkpoints.
        prepared: The data.
        training: The training, completed.
        console: Receives the choice, if there is one.
    """
    state, ema = training.state, training.ema
    best, averaged = state.best, state.ema_best
    takes_average = ema is not None and (averaged is None or averaged.beats(best, greater=prepared.greater_is_better))
    source = averaged if takes_average else best
    model = fresh_model(prepared)
    if source is not None:
        _load(run, training, source.step)
    with evaluated(training.optimizer, ema if takes_average else None):
        model.load_state_dict(training.model.state_dict())
    found = None
    if ema is not None:
        found = {
            "chosen": EMA if takes_average else CHECKPOINT,
            "metric": prepared.recipe.evaluation.metric_for_best or prepared.task.metric_for_best,
            "scores": {
                name: {"steps": [one.step], "value": one.value}
                for name, one in ((CHECKPOINT, best), (EMA, averaged))
                if one is not None
            },
        }
        console.say(in_words(found))
    return Best(model.eval(), None if source is None else source.step, found)


def _load(run: Run, training: Training, step: int) -> None:
    """Load the checkpoint of a step, unless it is the last one, whose weights the training has."""
    if step == training.state.step:
        return
    checkpoint = next((one for one in checkpoints.list_checkpoints(run.checkpoints) if one.step == step), None)
    if checkpoint is None:
        raise DamagedError(f"the checkpoint of step {step} is missing", where=str(run.checkpoints))
    checkpoints.load_weights(training, checkpoint)
