"""The pages of docs/: the generated ones are fresh, and no link leads nowhere."""

import re
from pathlib import Path

import pytest

from docs.generate import checks_page, recipe_page
from luthier.cli.app import COMMANDS, GROUPS
from luthier.recipe import Recipe

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
COMMAND = re.compile(r"^(?:\.venv/bin/)?luthier (\S+)(.*)$", re.MULTILINE)


@pytest.mark.parametrize(("name", "page"), [("recipe", recipe_page()), ("checks", checks_page())])
def test_generated_pages_are_fresh(name, page):
    assert (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8") == page, "run `make docs`"


def test_the_sample_recipe_is_one():
    recipe = Recipe.load(ROOT / "docs" / "recipe.toml")
    assert recipe.data.columns == {"text": "body", "label": "stars"}
    assert [group.match for group in recipe.training.groups] == ["classifier.*"]


def test_every_command_has_its_page():
    commands = {command.__name__.replace("_", "-") for commands in COMMANDS.values() for command in commands}
    assert commands | GROUPS.keys() <= {page.stem for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_in_the_pages_exist(page, capsys):
    from luthier.cli import main

    for command, words in COMMAND.findall(page.read_text(encoding="utf-8")):
        if command.startswith("-"):
            continue
        assert main([command, *(words.split()[:1] if command in GROUPS else ()), "--help"]) == 0, command
        shown = capsys.readouterr().out
        for option in re.findall(r"(?<!\S)--[a-z-]+", words):
            assert option in shown, f"luthier {command}: {option}"


def test_every_reason_to_skip_a_row_is_documented():
    page = (ROOT / "docs" / "skipped-rows.md").read_text(encoding="utf-8")
    table = "\n".join(line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `"))
    code = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "src").rglob("*.py"))
    given = set(re.findall(r'(?:\bFault(?:\.empty)?|\.drop|Skipped)\(\s*(?:[\w.\[\]]+, )*"([a-z-]+)"', code))
    assert {"missing-label", "in-training", "field-count"} <= given
    documented = set(re.findall(r"`([a-z-]+)`", table))
    assert given <= documented
    assert {reason for reason in documented if f'"{reason}"' not in code} <= {"image-url-part", "input-audio-part"}
