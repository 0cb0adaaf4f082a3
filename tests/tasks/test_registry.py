"""Which tasks there are: ours, those of other packages, and one that is being tried; and how they come back."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from luthier.data.tokenized import Limits
from luthier.errors import RecipeError, UsageError
from luthier.models.loading import WRITERS
from luthier.recipe import Recipe
from luthier.tasks.chat.task import Chat
from luthier.tasks.registry import (
    find,
    limits_in,
    provisional,
    refuse_unused,
    registered,
    registry,
    restore,
    shapes_using,
)
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
    with pytest.raises(UsageError, match="'stance' is not installed: it is in the package luthier-stance") as caught:
        restore({"task": "stance", "package": "luthier-stance"}, where="runs/first")
    assert caught.value.where == "runs/first"


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
    lines.append("posture = luthier_stance:Stance")
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
def test_an_entry_point_is_called_like_its_task() -> None:
    with pytest.raises(UsageError, match="the package luthier-stance is ignored: it is called 'stance'"):
        find("posture")


def test_a_task_names_the_package_of_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    dist = SimpleNamespace(name="luthier-stance")
    entries = [SimpleNamespace(module="tests.tasks.smallest", dist=dist), SimpleNamespace(module="other", dist=None)]
    assert (Chat().package, Stance().package) == ("luthier", "tests")
    monkeypatch.setattr("luthier.tasks.base.entry_points", lambda group: entries)
    assert Stance().package == "luthier-stance"


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


# -- the recipe keys that not every task uses ------------------------------------------------------------------------


def shapes() -> list[tuple[str, str]]:
    return [(name, shape) for name in sorted(OURS) for shape in find(name).shapes or ("",)]


@pytest.mark.parametrize(("name", "shape"), shapes())
def test_the_keys_that_a_task_uses_are_keys_and_those_that_it_needs(name: str, shape: str) -> None:
    task = find(name)
    used, known = task.uses(shape), Recipe.known_keys()
    assert len(set(used)) == len(used)
    assert all(key in known or any(one.startswith(f"{key}.") for one in known) for key in used)
    assert ("generation" in used) == (task.auto_class in WRITERS)
    assert ("data.stride" in used) == (task.long_rows.stride(30) is not None)
    assert ("data.max_target_length" in used) == (task.family == "encoder-decoder")


@pytest.mark.parametrize(
    ("name", "shape", "key", "hint"),
    [
        ("text-classification", "single/one", "generation.num_beams", "tasks that use it: chat, creative-writing"),
        ("text-classification", "single/one", "data.stride", "question-answering, text-generation, token-classif"),
        (
            "text-classification",
            "pair/number",
            "evaluation.threshold",
            "shapes that use it: single/one, single/several",
        ),
        ("text-classification", "pair/number", "evaluation.calibrate", "shapes that use it: single/one, single/sev"),
        ("text-classification", "pair/number", "training.class_weights", "shapes that use it: single/one, single/sev"),
        ("text-classification", "pair/number", "training.label_smoothing", "shapes that use it: single/one"),
        ("text-classification", "pair/number", "training.r_drop_alpha", "shapes that use it: single/one"),
        ("token-classification", "tokens", "training.class_weights", "tasks that use it: text-classification"),
        ("question-answering", "answerable", "data.label_all_subwords", "tasks that use it: token-classification"),
        ("translation", "en-de", "data.stride", "tasks that use it: creative-writing, question-answering"),
        ("chat", "messages", "data.max_target_length", "tasks that use it: generative-qa, summarization, translation"),
        ("summarization", "", "data.positive_label", "tasks that use it: text-classification"),
        ("question-answering", "answerable", "evaluation.samples", "tasks that use it: chat"),
    ],
)
def test_a_key_that_a_task_does_not_use_is_refused_with_those_that_do(
    name: str, shape: str, key: str, hint: str
) -> None:
    with pytest.raises(RecipeError, match=f"task {name} does not use {key}") as caught:
        refuse_unused(find(name), shape, ["training.epochs", key])
    assert caught.value.where == key and hint in caught.value.hint
    refuse_unused(find(name), shape, ["training.epochs", "data.max_length", "evaluation.metrics", "seed"])


def test_the_keys_that_a_task_uses_are_taken() -> None:
    refuse_unused(find("text-classification"), "single/several", ["evaluation.threshold", "training.class_weights"])
    refuse_unused(find("translation"), "en-de", ["generation.num_beams", "evaluation.generated_rows"])
    assert shapes_using(find("text-classification"), "data.positive_label") == ["single/one", "pair/one"]
    assert shapes_using(find("chat"), "data.positive_label") == []


def test_a_task_of_another_package_has_keys_too() -> None:
    with provisional(Stance()), pytest.raises(RecipeError, match=r"task stance does not use generation\.num_beams"):
        refuse_unused(find("stance"), "", ["generation.num_beams"])
