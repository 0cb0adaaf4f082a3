"""Writes the pages of docs/ that are made from the code: the recipe's keys and the checks of the data."""

from collections.abc import Mapping
from pathlib import Path

from pydantic.fields import FieldInfo

from luthier.data.checks import CHECKS
from luthier.engines.optimizers import OptimizerKind
from luthier.engines.optimizers.builtin import BUILT_IN
from luthier.learning_curves.diagnosis import DIAGNOSES
from luthier.recipe import Recipe
from luthier.tasks.registry import registry, shapes_using

HERE = Path(__file__).parent
NOTE = "<!-- Written by `make docs`; change the code instead. -->"


def recipe_page() -> str:
    """A recipe to copy, and every recipe key with its default."""
    rows = {key: f"{_default(field)} | {field.description}" for key, field in Recipe.known_keys().items()}
    page = _page(
        "The recipe",
        "Every setting of a run. Set a key in a TOML file, with `--set key=value`, or as a keyword argument in Python."
        " `luthier train DATA --dry-run` prints the complete recipe of a run, including the defaults of its task and"
        " of new models. This is [one to copy](recipe.toml):\n\n```toml\n"
        + (HERE / "recipe.toml").read_text(encoding="utf-8")
        + "```",
        ("key", "default | description"),
        rows,
    )
    users = _table(("key or table", "tasks"), {key: ", ".join(tasks) for key, tasks in _users().items()})
    kinds = {kind.name: f"{kind.about} | {_defaults(kind)} | {_package(kind)}" for kind in BUILT_IN}
    optimizers = _table(("optimizer", "what it is | defaults of its own | needs"), kinds)
    some = f"## Keys that only some tasks use\n\nOther tasks refuse them.\n\n{users}"
    return f"{page}\n{some}\n## Optimizers\n\n{optimizers}"


def _defaults(kind: OptimizerKind) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in kind.defaults.items())


def _package(kind: OptimizerKind) -> str:
    needs = f"`{kind.package}`" if kind.package else ""
    return f"{needs} (extra `{kind.extra}`)" if kind.extra else needs


def checks_page() -> str:
    """Every check of the data and of the learning curves."""
    data = _page(
        "The checks",
        "What `luthier inspect` and `luthier train` look for in the data. A finding of severity error stops `train`"
        " unless `--allow` names its id. A task of another package may have checks of its own.",
        ("id", "severity and meaning"),
        CHECKS,
    )
    about = "What the report of a run says about its learning curves. These findings stop nothing."
    return f"{data}\n## Learning curves\n\n{about}\n\n{_table(('id', 'severity and meaning'), DIAGNOSES)}"


def _page(title: str, about: str, headings: tuple[str, str], rows: Mapping[str, str]) -> str:
    return f"# {title}\n\n{NOTE}\n\n{about}\n\n{_table(headings, rows)}"


def _table(headings: tuple[str, str], rows: Mapping[str, str]) -> str:
    columns = " | ".join(headings)
    rule = "|".join(["---"] * (columns.count("|") + 1))
    lines = [f"| {columns} |", f"|{rule}|", *(f"| `{name}` | {text} |" for name, text in rows.items())]
    return "\n".join(lines) + "\n"


def _users() -> dict[str, list[str]]:
    """Each key, or table of keys, that not every task uses, and the tasks that use it."""
    tasks = registry()
    keys = sorted({key for task in tasks.values() for shape in task.shapes or ("",) for key in task.uses(shape)})
    return {key: [name for name, task in tasks.items() if shapes_using(task, key)] for key in keys}


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "not set" if value is None else f"`{value}`"


def main() -> None:
    """Write the pages."""
    for name, page in (("recipe", recipe_page()), ("checks", checks_page())):
        (HERE / f"{name}.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
