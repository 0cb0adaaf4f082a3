"""Only `luthier.storage` writes files, so that faults can be injected in one place."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import luthier

ROOT = Path(luthier.__file__).parent

FUNCTIONS = re.compile(
    r"os\.(open|write|f?truncate|fsync|fdatasync|remove|unlink|rename|renames|replace|link|symlink|chmod|utime)"
    r"|os\.(mkdir|makedirs|rmdir|removedirs|mkfifo|mknod)"
    r"|shutil\.(copy\w*|move|rmtree|chown|make_archive|unpack_archive)"
    r"|tempfile\.\w+|filelock\.\w+Lock|logging\.(FileHandler|basicConfig)|logging\.handlers\.\w+FileHandler"
    r"|torch\.save|safetensors\.torch\.save_\w+|numpy\.save\w*|pyarrow\.(parquet\.write_table|OSFile)"
)
METHODS = re.compile(
    r"write_text|write_bytes|unlink|rename|rmdir|mkdir|touch|symlink_to|hardlink_to|chmod|truncate"
    r"|save_pretrained|save_to_disk|to_csv|to_json|to_parquet"
)
MODE = re.compile(r"(?=.*[wax+])[rwaxbt+]{1,4}")

ALLOWED = {
    ("interrupts.py", "os.write"),  # to standard error, from a signal handler
    # What another library writes into the directory that `write_directory` hands over, which syncs and renames it.
    ("api/tokenizers/train.py", ".save_pretrained"),
    ("engines/checkpoints.py", "safetensors.torch.save_file"),
    ("engines/checkpoints.py", "torch.save"),
    ("models/adapters/add.py", ".save_pretrained"),
    ("models/adapters/add.py", "safetensors.torch.save_file"),
    ("models/export.py", ".save_pretrained"),
    ("models/gguf.py", ".save_pretrained"),
    # Into a temporary directory, to see how a tokenizer is read.
    ("tokenizers/training.py", ".save_pretrained"),
    ("tokenizers/training.py", ".write_text"),
    # Into memory.
    ("run_directory/predictions.py", "pyarrow.parquet.write_table"),
    # A file of the kernel, which resets the peak of memory.
    ("pipeline/training/peak.py", "open"),
    # The null device.
    ("cli/app.py", "open"),
    ("cli/app.py", "os.open"),
}


def writes(source: str) -> Iterator[str]:
    """Each call of a program that writes a file: the function's full name, or `.name` of a method."""
    tree = ast.parse(source)
    names: dict[str, str] = {}  # in the program, to full names
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        # A function counts wherever it is named, as it may be handed on to be called.
        if isinstance(node, ast.Name | ast.Attribute) and FUNCTIONS.fullmatch(full := full_name(node, names)):
            yield full
        elif isinstance(node, ast.Attribute) and METHODS.fullmatch(node.attr):
            yield f".{node.attr}"
        elif isinstance(node, ast.Call) and opens_to_write(node):
            yield "open"
        elif isinstance(node, ast.Call) and replaces_a_file(node):
            yield ".replace"


def full_name(node: ast.expr, names: dict[str, str]) -> str:
    """`torch.save` for `torch.save`, and for `save` after `from torch import save`."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    return f"{full_name(node.value, names)}.{node.attr}" if isinstance(node, ast.Attribute) else ""


def opens_to_write(call: ast.Call) -> bool:
    """The mode is the second argument, but the first one of `Path.open`."""
    is_method = isinstance(call.func, ast.Attribute)
    named = getattr(call.func, "attr" if is_method else "id", "")
    values = [*call.args[0 if is_method else 1 : 2], *(word.value for word in call.keywords if word.arg == "mode")]
    texts = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
    return named in ("open", "fdopen") and any(MODE.fullmatch(text) for text in texts)


def replaces_a_file(call: ast.Call) -> bool:
    """`Path.replace` takes one argument, `str.replace` two, and that of dates names them."""
    return isinstance(call.func, ast.Attribute) and call.func.attr == "replace" and len(call.args) == 1


def test_only_storage_writes() -> None:
    modules = [path for path in ROOT.rglob("*.py") if ROOT / "storage" not in path.parents]
    assert len(modules) > 150
    found = {(str(path.relative_to(ROOT)), what) for path in modules for what in writes(path.read_text())}
    assert found - ALLOWED == set(), "write through luthier.storage"
    assert ALLOWED - found == set(), "not needed any more"


def test_storage_writes() -> None:
    found = {what for path in (ROOT / "storage").glob("*.py") for what in writes(path.read_text())}
    assert found >= {"open", "os.fsync", ".replace", ".unlink", ".mkdir", "shutil.rmtree", "filelock.FileLock"}


@pytest.mark.parametrize(
    "line",
    [
        "open('a', 'w')",
        "open('a', mode='r+b')",
        "path.open('ab')",
        "path.open(mode='x')",
        "os.fdopen(3, 'wb')",
        "import os; os.replace(a, b)",
        "import os as o; o.open('log', 1)",
        "from os import fsync as f; f(3)",
        "import shutil; finalize(x, shutil.rmtree, a)",
        "path.write_text('a')",
        "path.with_name('b').unlink(missing_ok=True)",
        "finalize(x, path.unlink)",
        "a.replace(b)",
        "path.rename(b)",
        "path.mkdir(parents=True)",
        "import logging; logging.FileHandler(path)",
        "from filelock import FileLock; FileLock(path)",
        "from safetensors.torch import save_model; save_model(model, path)",
        "import pyarrow.parquet as pq; pq.write_table(table, path)",
    ],
)
def test_a_write_is_found(line: str) -> None:
    assert len(list(writes(line))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "open('a')",
        "path.open('rb')",
        "path.open(encoding='utf-8')",
        "Run.open(path)",
        "gzip.open(raw, 'rb')",
        "text.replace('a', 'b')",
        "from dataclasses import replace; replace(part, unit=1)",
        "from luthier.storage.atomic import replace; replace(a, b)",
        "import shutil; shutil.disk_usage(path)",
        "limits['truncate']",
        "from luthier.models.export import save_model; save_model(a, b)",
    ],
)
def test_what_reads_is_no_write(line: str) -> None:
    assert list(writes(line)) == []
