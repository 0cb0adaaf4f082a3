"""Turning off the messages of transformers, and restoring the user's settings."""

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import pytest
from transformers.utils import logging as shown

from luthier.models.quiet import quiet

State = tuple[int, bool]


def state() -> State:
    return shown.get_verbosity(), shown.is_progress_bar_enabled()


def set_state(verbosity: int, bars: bool) -> None:
    shown.set_verbosity(verbosity)
    change: Any = shown.enable_progress_bar if bars else shown.disable_progress_bar
    change()


@pytest.fixture(params=[True, False], ids=["bars", "no bars"])
def before(request: pytest.FixtureRequest) -> Iterator[State]:
    """The user's settings: all messages, with or without progress bars."""
    there = state()
    set_state(logging.INFO, request.param)
    yield logging.INFO, request.param
    set_state(*there)


def test_only_errors_are_shown_and_the_settings_are_restored(before: State) -> None:
    with quiet():
        assert state() == (logging.ERROR, False)
    assert state() == before


def test_it_can_be_nested(before: State) -> None:
    with quiet():
        with quiet():
            pass
        assert state() == (logging.ERROR, False)
    assert state() == before


def test_the_settings_are_restored_after_an_exception(before: State) -> None:
    with pytest.raises(ValueError, match="inside"), quiet():
        raise ValueError("inside")
    assert state() == before


def test_only_the_sacremoses_warning_is_suppressed() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with quiet():
            warnings.warn("Recommended: pip install sacremoses.", stacklevel=1)
            warnings.warn("something else", stacklevel=1)
        warnings.warn("Recommended: pip install sacremoses.", stacklevel=1)
    assert [str(one.message) for one in seen] == ["something else", "Recommended: pip install sacremoses."]
