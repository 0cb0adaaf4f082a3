"""Texts generated at each evaluation during training: `samples.jsonl`, one line per text with its input."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier.errors import DamagedError
from luthier.storage.atomic import write_text


class Samples:
    """Appends to the samples of a run; those of an evaluation are saved atomically before training continues.

    Args:
        path: The file; created with the first sample.
        step: The current step: samples that a killed run wrote after it are dropped.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._lines = [line for line in read_samples(path) if line["step"] <= step]

    def add(self, step: int, samples: Sequence[Mapping[str, Any]]) -> None:
        """Save the samples of a step, if any: `row`, `asked` (role to text) and `text` of each."""
        if not samples:
            return
        self._lines = [line for line in self._lines if line["step"] != step]
        self._lines += [{"step": step, **sample} for sample in samples]
        # Escaped, because data may contain lone surrogates, which UTF-8 cannot encode.
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in self._lines))


def read_samples(path: Path) -> Iterator[dict[str, Any]]:
    """`step`, `row`, `asked` (role to text) and `text` of each sample, in order of steps; none if there is no file.

    Raises:
        DamagedError: A line cannot be read.
    """
    if not path.exists():
        return
    # Not `splitlines`, which also splits at characters that a text may contain, such as U+2028.
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1], start=1):
        try:
            yield json.loads(line)
        except ValueError:
            hint = "restore it from a backup, or delete it to continue without samples"
            raise DamagedError("a sample cannot be read", where=f"{path}, line {number}", hint=hint) from None
