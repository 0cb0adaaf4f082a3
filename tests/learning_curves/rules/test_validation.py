"""What the validation rows can show."""

from hypothesis import given
from hypothesis import strategies as st

from luthier.learning_curves.facts import Facts
from tests.learning_curves.shapes import evaluation, found, train


def memorizes(x):
    """The loss falls where rows come again: three epochs of 100 steps."""
    return 0.5 - 0.2 * (x > 100) - 0.25 * (x > 200)


FOLLOWS = evaluation(0.5, 0.45, 0.4, 0.3, 0.28, 0.27, 0.06, 0.05, 0.05, 0.05)
STAYS = evaluation(0.5, 0.48, 0.46, 0.45, 0.44, 0.44, 0.44, 0.44, 0.44, 0.44)


def test_a_validation_loss_as_low_as_that_of_learned_rows_is_suspect():
    suspect = found(train(memorizes), FOLLOWS, Facts(validation_rows=200))["leak-suspected"]
    assert suspect.severity == "info"
    assert "when the model first saw them (up to step 100)" in suspect.message
    assert "whose loss was 0." in suspect.message
    assert "leak-suspected" not in found(train(memorizes), STAYS, Facts(validation_rows=200))
    assert "leak-suspected" not in found(train(memorizes), FOLLOWS, Facts(validation_rows=10)), "could be chance"
    assert "leak-suspected" not in found(train(memorizes, epochs=1.0), FOLLOWS, Facts(validation_rows=200))


def test_a_leak_that_the_data_has_is_a_warning():
    partly = evaluation(0.5, 0.45, 0.4, 0.36, 0.34, 0.32, 0.3, 0.3, 0.3, 0.3)
    known = found(train(memorizes), partly, Facts(validation_rows=200, leak=True))["leak-suspected"]
    assert "leak-suspected" not in found(train(memorizes), partly, Facts(validation_rows=200))
    assert "leak-suspected" not in found(train(memorizes), STAYS, Facts(validation_rows=200, leak=True)), "of test rows"
    assert known.severity == "warning" and "the data check found held-out rows" in known.message


def test_few_validation_rows_cannot_tell_evaluations_apart():
    measured = evaluation(0.5, 0.7, 0.8, 0.8, 0.85, 0.8, 0.85, 0.8)
    small = found(train(), STAYS, Facts("accuracy", validation_rows=20), accuracy=measured)
    assert "with 20 rows, two evaluations must differ by about 0.14" in small["small-validation"].message
    assert "differs by 0.05" in small["small-validation"].message
    assert "healthy-curves" in small
    assert "small-validation" not in found(train(), STAYS, Facts("accuracy", validation_rows=2000), accuracy=measured)
    apart = evaluation(0.5, 0.7, 0.8, 0.4, 0.85, 0.5, 0.85, 0.8)
    assert "small-validation" not in found(train(), STAYS, Facts("accuracy", validation_rows=20), accuracy=apart)


@given(st.lists(st.floats(0, 1000), max_size=12), st.integers(0, 500))
def test_any_metric_is_read(values, rows):
    findings = found(train(), STAYS, Facts("score", validation_rows=rows), score=evaluation(*values))
    assert findings["small-validation"].severity == "info" if "small-validation" in findings else True
