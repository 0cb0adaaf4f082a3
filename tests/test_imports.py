"""`import luthier` and the help of the command are instant: no heavy library is loaded for them."""

import json
import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "datasets", "accelerate", "tokenizers", "numpy", "pandas", "pyarrow", "scipy"}
HEAVY |= {"sklearn", "altair", "jinja2", "tomlkit", "fsspec"}


def loaded_after(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after some code."""
    program = f"{code}\nimport sys, json; sys.stderr.write(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stderr)}


@pytest.mark.parametrize(
    "code",
    [
        "import luthier",
        "import luthier; dir(luthier); luthier.__version__; luthier.LuthierError",
        "from luthier.cli import main; main(['--help'])",
        "from luthier.cli import main; main(['train', '--help'])",
        "from luthier.cli import main; main(['--version'])",
    ],
)
def test_nothing_heavy_is_loaded(code):
    assert loaded_after(code) & HEAVY == set()


def test_the_package_itself_loads_neither_pydantic_nor_typer():
    assert loaded_after("import luthier") & {"pydantic", "typer", "rich"} == set()


def test_the_check_would_see_a_heavy_library():
    assert "numpy" in loaded_after("import numpy") & HEAVY
