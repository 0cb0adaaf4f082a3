"""What a model wrote at each evaluation of a training: `samples.jsonl`, a line a text with what it was written to."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from datasets import Dataset

from luthier.errors import DamagedError
from luthier.storage.atomic import write_text
from luthier.tasks.base import Answer, Task


class Samples:
    """Adds to the samples of a run; each evaluation's are on the disk, whole, before training goes on.

    Args:
        path: The file; made with the first sample.
        step: Where training stands: what a killed run wrote after it is dropped.
    """

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        self._lines = [line for line in read_samples(path) if line["step"] <= step]

    def add(self, step: int, task: Task, examples: Dataset, answers: Sequence[Answer]) -> None:
        """Note what was written at a step; nothing where the task writes nothing."""
        if not task.generates:
            return
        self._lines = [line for line in self._lines if line["step"] != step]
        inputs = task.inputs(examples[:])
        for i, answer in enumerate(answers):
            if answer.get("prediction") is not None:
                asked = {role: column[i] for role, column in inputs.items()}
                line = {"step": step, "row": examples[i]["row"], "asked": asked, "text": answer["prediction"]}
                self._lines.append(line)
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
