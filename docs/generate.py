"""Writes the pages of docs/ that are made from the code: the recipe's keys and the checks of the data."""

from collections.abc import Mapping
from pathlib import Path

from pydantic.fields import FieldInfo

from luthier.data.checks import CHECKS
from luthier.recipe import Recipe

HERE = Path(__file__).parent
NOTE = "<!-- Written by `make docs`; change the code instead. -->"


def recipe_page() -> str:
    """Every recipe key with its default."""
    rows = {key: f"{_default(field)} | {field.description}" for key, field in Recipe.known_keys().items()}
    return _page(
        "The recipe",
        "Every setting of a run. Set a key in a TOML file, with `--set key=value`, or in `overrides`."
        " `luthier train DATA --dry-run` prints the complete recipe of a run, including the defaults of its task and"
        " of new models.",
        ("key", "default | description"),
        rows,
    )


def checks_page() -> str:
    """Every check of the data."""
    return _page(
        "The checks",
        "What `luthier inspect` and `luthier train` look for. A finding of severity error stops `train` unless"
        " `--allow` names its id.",
        ("id", "severity and meaning"),
        CHECKS,
    )


def _page(title: str, about: str, headings: tuple[str, str], rows: Mapping[str, str]) -> str:
    columns = " | ".join(headings)
    rule = "|".join(["---"] * (columns.count("|") + 1))
    lines = [f"# {title}", "", NOTE, "", about, "", f"| {columns} |", f"|{rule}|"]
    lines += [f"| `{name}` | {text} |" for name, text in rows.items()]
    return "\n".join(lines) + "\n"


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
