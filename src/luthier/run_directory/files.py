"""The files of a directory of runs: its JSON, and their size."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from luthier.errors import DamagedError

RESTORE = "restore it from a backup, or delete it"


def read_object(path: Path) -> dict[str, Any] | None:
    """Read the object in a JSON file; None if the file does not exist.

    Raises:
        DamagedError: The file is not a JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(found, dict):
            raise ValueError("it is not a JSON object")
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise DamagedError(f"the file is damaged: {error}", where=str(path), hint=RESTORE) from None
    return found


def directory_size(directory: Path) -> int:
    """The bytes of all files below a directory."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with suppress(FileNotFoundError):  # a running training renames and removes files
                total += Path(folder, name).lstat().st_size
    return total
