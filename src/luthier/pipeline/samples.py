"""What a model wrote at each evaluation of a training: `samples.jsonl`, a line a text with what it was written to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier.errors import DamagedError
from luthier.storage.atomic import write_text


class Samples:
    """Adds to the samples of a run; each evaluation's are on the disk, whole, before training goes on.

    Args:
        path: The file; made with the first sample.
        step: Where training stands: what a killed run wrote after it is dropped.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._lines = [line for line in read_samples(path) if line["step"] <= step]

    def add(self, step: int, samples: Sequence[Mapping[str, Any]]) -> None:
        """Note what was written at a step, if anything: `row`, `asked` (role to text) and `text` of each sample."""
        if not samples:
            return
        self._lines = [line for line in self._lines if line["step"] != step]
        self._lines += [{"step": step, **sample} for sample in samples]
        # Escaped, as half a surrogate pair may stand in somebody's data, which has no bytes in UTF-8.
        write_text(self._path, "".join(json.dumps(line) + "\n" for line in self._lines))


def read_samples(path: Path) -> Iterator[dict[str, Any]]:
    """`step`, `row`, `asked` (role to text) and `text` of each sample, in the order of the steps; none without a file.

    Raises:
        DamagedError: It cannot be read.
    """
    if not path.exists():
        return
    # Not `splitlines`, which also parts at what may stand in a text, such as U+2028.
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n")[:-1], start=1):
        try:
            yield json.loads(line)
        except ValueError:
            hint = "take it from a copy, or delete it and go on without samples"
            raise DamagedError("a sample cannot be read", where=f"{path}, line {number}", hint=hint) from None
