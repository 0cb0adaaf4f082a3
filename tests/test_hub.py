"""The Hub is asked once; what cannot be had is told at once, with what is here."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants

from luthier import hub
from luthier.data.reading.formats.datasets import load_hub
from luthier.errors import ModelError, SourceError
from luthier.models.loading import load_config


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[object], list[str]]]:
    """`asked(answer)` lets the Hub answer; an exception is raised. It gives back the addresses that were asked."""
    hub.reachable.cache_clear()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")

    def answering(answer: object) -> list[str]:
        addresses: list[str] = []

        def head(url: str, timeout: float) -> object:
            addresses.append(url)
            assert timeout == hub.PATIENCE
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(huggingface_hub, "get_session", lambda: SimpleNamespace(head=head))
        return addresses

    yield answering
    hub.reachable.cache_clear()


def holds(monkeypatch: pytest.MonkeyPatch, **names: str) -> None:
    repos = [SimpleNamespace(repo_id=name, repo_type=kind) for kind, name in names.items()]
    monkeypatch.setattr(huggingface_hub, "scan_cache_dir", lambda: SimpleNamespace(repos=repos))


def test_a_hub_that_answers_is_used(asked: Any) -> None:
    addresses = asked(SimpleNamespace(status_code=404))
    assert hub.reachable() and hub.reachable()
    assert addresses == [constants.ENDPOINT]
    assert not constants.HF_HUB_OFFLINE


def test_a_hub_that_does_not_is_asked_once(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = asked(ConnectionError("no network"))
    holds(monkeypatch, model="org/bert", dataset="org/reviews")
    with pytest.raises(ModelError, match="no such run or model here, and the Hub cannot be reached") as caught:
        load_config("org/nosuch")
    assert caught.value.hint.endswith("; cached here: org/bert")
    with pytest.raises(SourceError) as refused:
        load_hub("org/nosuch")
    assert refused.value.hint == "check the path; the Hub cannot be reached, cached here: org/reviews"
    assert addresses == [constants.ENDPOINT]
    assert constants.HF_HUB_OFFLINE, "the libraries do not ask again"


def test_offline_by_wish_asks_nothing(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = asked(SimpleNamespace())
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert not hub.reachable()
    assert addresses == []


def test_an_empty_cache_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    holds(monkeypatch, model="org/bert")
    assert (hub.cached("model"), hub.held("dataset")) == (["org/bert"], "cached here: none")

    def none() -> None:
        raise huggingface_hub.CacheNotFound("no such directory", "x")

    monkeypatch.setattr(huggingface_hub, "scan_cache_dir", none)
    assert hub.cached("model") == []
