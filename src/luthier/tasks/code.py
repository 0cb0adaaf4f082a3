"""A digest of a task's code, so that features cached by other code are not reused."""

import ast
import hashlib
import sys
from functools import cache
from pathlib import Path


@cache
def digest(kind: type) -> str:
    """SHA-256 (16 hex digits) of the modules that define a class and its bases, and of the modules beside them.

    Comments and formatting do not count. A class defined in a notebook has no file and counts by its name.
    """
    found = hashlib.sha256(kind.__qualname__.encode())
    for file in sorted({file for base in kind.__mro__ for file in _files(base.__module__)}):
        found.update(ast.dump(ast.parse(file.read_bytes())).encode())
    return found.hexdigest()[:16]


def _files(name: str) -> list[Path]:
    """The Python files of a module's package, or the module's own file if it is in no package."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if file is None or name.partition(".")[0] in sys.stdlib_module_names:
        return []
    package = getattr(module, "__package__", "")
    return sorted(Path(file).parent.glob("*.py")) if package else [Path(file)]
