"""Data from a pipe, a FIFO and process substitution, through a real shell."""

import gzip
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from luthier.cli import main
from tests.conftest import review_rows, write_csv

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="bash is not installed")
LUTHIER = f"{sys.executable} -m luthier"
TRAIN = "--from-scratch tiny --max-steps 2 --quiet --run-dir runs/a --set evaluation.baselines=false"


def bash(script: str, folder: Path) -> str:
    """The standard output of a script that must succeed."""
    assert BASH is not None
    words = [BASH, "-euo", "pipefail", "-c", script]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_streams_are_read_once_and_kept_by_the_run(tmp_path: Path) -> None:
    rows = review_rows(80)
    train = write_csv(tmp_path / "train.csv", rows[:60])
    (tmp_path / "train.csv.gz").write_bytes(gzip.compress(train.read_bytes()))
    held_out = write_csv(tmp_path / "valid.csv", rows[60:])
    write_csv(tmp_path / "texts.csv", [{"text": row["text"]} for row in rows[:9]])

    bash(f"{LUTHIER} train <(gzip -dc train.csv.gz) --valid - {TRAIN} < valid.csv", tmp_path)
    recipe = tomllib.loads((tmp_path / "runs/a/recipe.toml").read_text())["data"]
    assert Path(recipe["train"][0]).read_bytes() == train.read_bytes()
    assert Path(recipe["validation"][0]).read_bytes() == held_out.read_bytes()
    assert Path(recipe["train"][0]).parent == Path(recipe["validation"][0]).parent == tmp_path / "runs/a/data"
    assert main(["evaluate", str(tmp_path / "runs/a"), "--quiet"]) == 0  # the streams are gone, the run has their rows

    piped = bash(f"cat texts.csv | {LUTHIER} predict runs/a --file -", tmp_path)
    assert [json.loads(line)["text"] for line in piped.splitlines()] == [row["text"] for row in rows[:9]]
    assert bash(f"mkfifo p; cat texts.csv > p & {LUTHIER} predict runs/a --file p", tmp_path) == piped


def test_standard_input_and_process_substitution(tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "rows.csv", review_rows(60))
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(rows.read_bytes()))
    script = f"cat rows.csv | {LUTHIER} inspect - --valid <(gzip -dc rows.csv.gz) --json --allow leak || test $? = 3"
    found = json.loads(bash(script, tmp_path))
    assert {split: account["read"] for split, account in found["rows"].items()} == {"train": 60, "validation": 60}
