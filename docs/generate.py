"""Writes the pages of docs/ that are made from the code: the recipe's keys and the checks of the data."""

from collections.abc import Mapping
from pathlib import Path

from luthier.data.checks import CHECKS
from luthier.recipe import Recipe, flatten, keys

HERE = Path(__file__).parent
NOTE = "<!-- Written by `make docs`; change the code instead. -->"


def recipe_page() -> str:
    """Every key of a recipe with its default."""
    defaults = flatten(Recipe())
    rows = {key: f"{_code(defaults[key])} | {about}" for key, about in keys().items()}
    return _page(
        "The recipe",
        "Everything that decides a run. Any key can stand in a TOML file, in `--set key=value`, or be a keyword"
        " argument in Python; `luthier train DATA --dry-run` prints the complete recipe of a run. A task or a new model may have"
        " defaults of its own, which the dry run shows.",
        ("key", "default | what it is"),
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


def _code(value: object) -> str:
    return "not set" if value is None else f"`{value}`"


def main() -> None:
    """Write the pages."""
    for name, page in (("recipe", recipe_page()), ("checks", checks_page())):
        (HERE / f"{name}.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
