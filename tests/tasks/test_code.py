"""The digest of a task's code: it changes with what the code does, wherever that stands, and with nothing else."""

import importlib
from pathlib import Path

import pytest

from luthier.tasks.code import digest

TASK = "class Echo:\n    def encode(self, text):\n        return text.lower()\n"
OTHER = TASK.replace("lower", "upper")


def made(folder: Path, patch: pytest.MonkeyPatch, name: str, **files: str) -> type:
    """The class of the last of some modules, which are written as a package of that name."""
    name = f"{name}_{folder.name}"  # no test finds the package of another
    package = folder / name
    package.mkdir()
    (package / "__init__.py").touch()
    for file, text in files.items():
        (package / f"{file}.py").write_text(text, encoding="utf-8")
    patch.syspath_prepend(folder)
    found: type = importlib.import_module(f"{name}.{list(files)[-1]}").Echo
    return found


def test_comments_layout_and_the_name_of_the_module_do_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    laid_out = "# what it does\nclass Echo:\n\n    def encode(self,\n               text):  # here\n"
    laid_out += "        return (text.lower())\n"
    one = made(tmp_path, monkeypatch, "one", task=TASK)
    other = made(tmp_path, monkeypatch, "other", renamed=laid_out)
    assert digest(one) == digest(other)
    assert len(digest(one)) == 16 and int(digest(one), 16) >= 0


@pytest.mark.parametrize(
    "files",
    [
        {"task": OTHER},
        {"task": TASK.replace("Echo", "Echo(str)")},
        {"helper": "LOWER = False", "task": TASK},
        {"base": "class Base:\n    pass\n", "task": "from .base import Base\n\n" + TASK.replace("Echo", "Echo(Base)")},
    ],
    ids=["other code", "another base", "a module beside it", "a base beside it"],
)
def test_other_code_in_the_package_counts(
    files: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = made(tmp_path, monkeypatch, "plain", helper="LOWER = True", task=TASK)
    other = made(tmp_path, monkeypatch, "other", **({"helper": "LOWER = True"} | files))
    assert digest(other) != digest(plain)


def test_the_code_of_a_base_in_another_package_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bases = [made(tmp_path, monkeypatch, f"base{i}", task=code) for i, code in enumerate((TASK, TASK, OTHER))]
    one, same, other = (type("Derived", (base,), {"__module__": "notebook"}) for base in bases)
    assert digest(one) == digest(same) != digest(other)


def test_a_module_outside_any_package_counts_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = []
    for name, beside in (("first", "A = 1"), ("second", "A = 2")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / f"alone_{name}_{tmp_path.name}.py").write_text(TASK, encoding="utf-8")
        (folder / "beside.py").write_text(beside, encoding="utf-8")
        monkeypatch.syspath_prepend(folder)
        kinds.append(importlib.import_module(f"alone_{name}_{tmp_path.name}").Echo)
    assert digest(kinds[0]) == digest(kinds[1])


def test_a_class_without_a_file_counts_by_its_name() -> None:
    typed, again, other = (type(name, (), {"__module__": "notebook"}) for name in ("Typed", "Typed", "Other"))
    assert digest(typed) == digest(again) != digest(other)
