"""Which tasks there are: ours, those of other packages, and one that is being tried; and how they come back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from luthier.data.tokenized import Limits
from luthier.errors import UsageError
from luthier.tasks.chat.task import Chat
from luthier.tasks.registry import find, limits_in, provisional, registered, registry, restore
from tests.tasks.smallest import Stance, fitted

OURS = {
    *("text-classification", "token-classification", "question-answering", "text-generation", "chat"),
    *("creative-writing", "summarization", "translation", "generative-qa"),
}


def test_our_tasks_are_found_by_their_names() -> None:
    assert registry().keys() >= OURS
    assert all(find(name).name == name for name in OURS)
    assert type(find("chat")) is Chat
    assert find("chat") is find("chat")


def test_a_task_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no task 'chats'") as caught:
        find("chats")
    assert (caught.value.where, caught.value.hint) == ("--task", "did you mean 'chat'?")
    with pytest.raises(UsageError) as caught:
        find("xyzzy", "luthier")
    assert all(name in caught.value.hint for name in OURS)


def test_a_task_of_a_package_that_is_not_there_is_answered_with_the_package() -> None:
    with pytest.raises(UsageError, match="'stance' is not installed") as caught:
        find("stance", "luthier-stance")
    assert caught.value.hint == "pip install luthier-stance"
    with pytest.raises(UsageError, match="'stance' is not installed"):
        restore({"task": "stance", "package": "luthier-stance"})


# -- a task that is being tried --------------------------------------------------------------------------------------


def test_a_task_is_known_while_it_is_tried_and_no_longer() -> None:
    task = Stance()
    with provisional(task):
        assert find("stance") is task
        assert restore(fitted().to_dict()).kind is task
    assert "stance" not in registry()
    with pytest.raises(ZeroDivisionError), provisional(task):
        raise ZeroDivisionError
    assert "stance" not in registry()


def test_a_task_that_is_tried_stands_for_the_one_of_its_name() -> None:
    class Other(Stance):
        name = "chat"

    with provisional(Other()):
        assert type(find("chat")) is Other
    assert type(find("chat")) is Chat


# -- other packages --------------------------------------------------------------------------------------------------


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package with a task that works and three that cannot be used."""
    lines = ["stance = luthier_stance:Stance", "nothing = luthier_stance:Nothing", "gone = luthier_stance:Gone"]
    info = tmp_path / "luthier_stance-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: luthier-stance\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("\n".join(["[luthier.tasks]", *lines, "raises = luthier_raises:Any"]) + "\n")
    (tmp_path / "luthier_stance.py").write_text(
        "from tests.tasks.smallest import Stance\n\n\nclass Nothing:\n    name = 'nothing'\n"
    )
    (tmp_path / "luthier_raises.py").write_text("raise RuntimeError('at import')\n")
    monkeypatch.syspath_prepend(tmp_path)
    registered.cache_clear()
    yield
    registered.cache_clear()


@pytest.mark.usefixtures("installed")
def test_a_task_of_another_package_is_found_beside_ours() -> None:
    assert type(find("stance")) is Stance
    assert registry().keys() >= OURS


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("nothing", "TypeError: luthier_stance:Nothing"),
        ("gone", "AttributeError"),
        ("raises", "RuntimeError: at import"),
    ],
)
def test_what_is_wrong_with_a_package_is_said_when_its_task_is_asked_for(name: str, why: str) -> None:
    with pytest.raises(UsageError, match="cannot be used") as caught:
        find(name)
    assert caught.value.what.startswith(f"the task {name!r} of the package luthier-stance cannot be used: {why}")
    assert caught.value.hint == "fix the package, or uninstall it"


# -- what was written ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("card", "limits"),
    [
        ({"max_length": 64}, Limits(64)),
        ({"max_length": 64, "max_target_length": None, "stride": None}, Limits(64)),
        ({"max_length": 64, "max_target_length": 12, "stride": 21}, Limits(64, 12, 21)),
    ],
)
def test_limits_come_back_from_a_card(card: dict[str, int | None], limits: Limits) -> None:
    assert limits_in(card) == limits
