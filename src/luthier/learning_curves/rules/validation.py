"""Rules on what the validation rows can show."""

import numpy as np

from luthier import text
from luthier.learning_curves.diagnosis import Diagnosis
from luthier.learning_curves.rules.fit import FEWEST_EVALUATIONS
from luthier.learning_curves.trend import Reading, Trend

COARSE = 0.05  # a share cannot be told from one that differs by less: validation rows below 154
LEARNED = 0.5  # times the training loss of rows seen for the first time, at the end of the first epoch
LOWER = 0.75  # times the same, for rows that are partly in training
AS_LOW = 1.5  # times the training loss
TELLING_ROWS = 50


def leak(reading: Reading, trend: Trend) -> Diagnosis | None:
    """The evaluation loss is that of rows that were trained on.

    In the first epoch every training row is new to the model, so that the training loss is what new rows cost; later it
    falls because rows are learned. The loss of validation rows does not follow it there, unless they are in training.
    """
    train, evaluation, facts = reading.train, reading.evaluation, reading.facts
    if not evaluation.values or not train.epochs or train.epochs[-1] < 2:
        return None
    once = int(np.searchsorted(train.epochs, 1.0, side="right"))
    new = float(np.mean(train.values[once * 3 // 4 : once])) if once >= 4 else 0.0
    last, ended = evaluation.values[-1], max(trend.end, 0.0)
    follows = ended < LEARNED * new and last < min(LEARNED * new, AS_LOW * ended)
    # A leak that the data has may be one of the test rows alone.
    known = facts.leak and last < LOWER * new
    if not known and not (follows and (facts.validation_rows or 0) >= TELLING_ROWS):
        return None
    why = "the data check found held-out rows that are also in training" if known else "the data check found none"
    return Diagnosis(
        "leak-suspected",
        "warning" if known else "info",
        f"{'Leak' if known else 'Leak suspected'}: the evaluation loss ended at {text.number(last)}, against "
        f"{text.number(ended)} on the training rows, whose loss was {text.number(new)} when the model first saw them "
        f"(up to step {text.count(train.steps[once - 1])}). With a leak, scores measure memorization; {why}.",
        "Check whether validation rows, or near copies of them, are also in the training data. If not, the task is "
        "that easy.",
        steps=(evaluation.steps[-1],),
    )


def small(reading: Reading) -> Diagnosis | None:
    """The validation rows cannot tell the evaluations apart."""
    metric, facts = reading.metric, reading.facts
    later = metric.values[len(metric.values) // 2 :]
    if facts.resolution < COARSE or len(later) < 2 or not all(0 <= value <= 1 for value in metric.values):
        return None
    spread = max(later) - min(later)
    if spread > facts.resolution:
        return None
    return Diagnosis(
        "small-validation",
        "info",
        f"The validation set is too small to see a difference: with {text.plural(facts.validation_rows or 0, 'row')}, "
        f"two evaluations must differ by about {text.number(facts.resolution, 2)} to be told apart (95 %), and the "
        f"{facts.metric} of the second half differs by {text.number(spread, 2)}.",
        "Do not choose between settings or checkpoints by these scores; use more validation rows (validation_share).",
        steps=tuple(metric.steps[len(metric.values) // 2 :]),
    )


def too_few_evaluations(reading: Reading) -> Diagnosis | None:
    """Too few evaluations to judge overfitting."""
    n = len(reading.evaluation.steps)
    if n >= FEWEST_EVALUATIONS:
        return None
    return Diagnosis(
        "too-few-evaluations",
        "info",
        f"{text.plural(n, 'evaluation') if n else 'No evaluation'} during training: too few to detect overfitting "
        f"(at least {FEWEST_EVALUATIONS}).",
        'Evaluate more often: eval_strategy = "steps" and eval_steps = 0.1, a tenth of the steps.',
    )
