"""Signals: the first one is acknowledged and raised or noted, `check` raises one that was swallowed, a second stops."""

import multiprocessing
import os
import signal
import sys
import threading

import pytest

from luthier import interrupts
from luthier.interrupts import Interrupted

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def send(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_raises_at_once_and_says_so(number: signal.Signals, capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(number)
    with pytest.raises(Interrupted) as caught, interrupts.watched():
        send(number)
    assert caught.value.signal == number
    assert capfd.readouterr().err == f"\n{number.name}: stopping; a second signal stops at once\n"
    assert signal.getsignal(number) is before and interrupts.caught() is None
    interrupts.check()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_a_library_swallows_is_raised_by_the_next_check(number: signal.Signals) -> None:
    def swallow() -> None:
        try:
            send(number)
        except BaseException:
            return

    with interrupts.watched():
        interrupts.check()
        swallow()
        assert interrupts.caught() == number
        with pytest.raises(Interrupted, match=number.name):
            interrupts.check()


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_a_finalizer_is_raised_by_the_next_check_and_shown_by_no_traceback(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: shown.append(unraisable.exc_type))

    class Finalized:
        def __init__(self, error: type[Exception] | None = None) -> None:
            self.error = error

        def __del__(self) -> None:
            if self.error:
                raise self.error
            send(number)

    with interrupts.watched():
        Finalized()
        with pytest.raises(Interrupted, match=number.name):
            interrupts.check()
        Finalized(ValueError)
    assert shown == [ValueError]


def test_a_deferred_signal_is_noted_and_raised_by_check() -> None:
    with interrupts.watched():
        with interrupts.deferred(), interrupts.deferred():
            send(signal.SIGTERM)
            assert interrupts.caught() == interrupts.agreed() == signal.SIGTERM
            with pytest.raises(Interrupted):
                interrupts.check()
        assert interrupts.caught() == signal.SIGTERM


def test_a_second_ctrl_c_is_an_ordinary_one_even_while_signals_are_deferred() -> None:
    with interrupts.watched(), interrupts.deferred():
        send(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt) as caught:
            send(signal.SIGINT)
    assert not isinstance(caught.value, Interrupted)


def test_an_inner_block_belongs_to_the_outer_one() -> None:
    with interrupts.watched():
        with interrupts.watched(), interrupts.deferred():
            send(signal.SIGINT)
        assert interrupts.caught() == signal.SIGINT, "the end of the inner block forgets nothing"
        with pytest.raises(Interrupted):
            interrupts.check()


def test_a_command_may_handle_ctrl_c_itself(capfd: pytest.CaptureFixture[str]) -> None:
    with interrupts.watched():
        interrupts.release()
        with pytest.raises(KeyboardInterrupt) as caught:
            send(signal.SIGINT)
        assert not isinstance(caught.value, Interrupted) and interrupts.caught() is None
    assert capfd.readouterr().err == ""


def test_other_threads_set_no_handlers() -> None:
    before, inside = signal.getsignal(signal.SIGINT), []

    def work() -> None:
        with interrupts.watched():
            inside.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]


def test_a_worker_ignores_ctrl_c_and_ends_on_sigterm() -> None:
    context = multiprocessing.get_context("fork")
    ready, wait = context.Event(), context.Event()

    def work() -> None:
        send(signal.SIGINT)
        ready.set()
        wait.wait(60)

    with interrupts.watched():
        worker = context.Process(target=work)
        worker.start()
        assert ready.wait(60), "the worker was stopped by SIGINT"
        worker.terminate()
        worker.join(60)
    assert worker.exitcode == -signal.SIGTERM
