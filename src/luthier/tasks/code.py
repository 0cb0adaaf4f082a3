"""A digest of the code of a task, so that features that other code made are not taken for its own."""

import ast
import hashlib
import sys
from functools import cache
from pathlib import Path


@cache
def digest(kind: type) -> str:
    """SHA-256 of the syntax of the modules that a class and its bases come from, and of those beside them.

    Comments and layout do not count. A class that was typed into a notebook has no file, and counts by its name.
    """
    found = hashlib.sha256(kind.__qualname__.encode())
    for file in sorted({file for base in kind.__mro__ for file in _files(base.__module__)}):
        found.update(ast.dump(ast.parse(file.read_bytes())).encode())
    return found.hexdigest()[:16]


def _files(name: str) -> list[Path]:
    """The Python files of a module's package, or that of the module where it is in none."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None or name.partition(".")[0] in sys.stdlib_module_names:
        return []
    package = getattr(module, "__package__", "")
    return sorted(Path(file).parent.glob("*.py")) if package else [Path(file)]
