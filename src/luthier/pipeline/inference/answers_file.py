"""The file of answers that `predict_file` writes, row by row, and from which an interrupted call resumes."""

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from luthier.console import Console
from luthier.data.reading.sources import Source
from luthier.errors import FindingError, UsageError
from luthier.pipeline.inference.predictor import Predictor
from luthier.storage import atomic
from luthier.storage.append import AppendFile
from luthier.storage.checksums import digest
from luthier.storage.disk import remove
from luthier.text import count, plural


@dataclass
class Tally:
    """How many rows were answered, and how.

    Args:
        rows: All rows.
        truncated: Those whose input was cut.
        failed: Those without an answer.
        reason: Why the first of these has none.
    """

    rows: int = 0
    truncated: int = 0
    failed: int = 0
    reason: str = ""

    def add(self, answer: Mapping[str, Any]) -> None:
        """Count a row of the output."""
        self.rows += 1
        self.truncated += "truncated" in answer
        if "error" in answer:
            self.failed += 1
            self.reason = self.reason or answer["error"]

    def tell_truncated(self, console: Console, see: str = "see `truncated` in the output") -> None:
        """Warn about rows whose input was cut, and say where they are marked."""
        if self.truncated:
            were = "was" if self.truncated == 1 else "were"
            what = f"{plural(self.truncated, 'row')} {were} truncated to the model's max_length"
            console.warn(f"{what}: {see}")

    def tell(self, source: str, console: Console) -> None:
        """Warn about rows whose input was cut, and about those without an answer.

        Raises:
            FindingError: No row has an answer.
        """
        self.tell_truncated(console)
        if self.failed and self.failed == self.rows:
            hint = "`error` has the reason for each row; check the file, or choose columns with --text or --column"
            where = f"{source}, {plural(self.rows, 'row')}"
            raise FindingError(f"no row could be predicted: {self.reason}", where=where, hint=hint)
        if self.failed:
            were = "was" if self.failed == 1 else "were"
            what = f"{count(self.failed)} of {plural(self.rows, 'row')} {were} not predicted"
            console.warn(f"{what}: see `error` in the output")


def write_answers(predictor: Predictor, source: Source, output: Path, console: Console) -> int:
    """Write the rows of a source with their answers to a file, by way of `OUTPUT.part`, from which it resumes.

    Returns:
        Rows in the file.
    Raises:
        FindingError: No row has an answer.
        UsageError: An unfinished output belongs to another source or model, or to other settings.
        ResourceError: The disk is full.
    """
    part = output.with_name(output.name + ".part")
    tally, length = _take_up(part, predictor, source, console)
    with (
        _kept(part, console),
        closing(AppendFile(part, length)) as file,
        console.progress("predict", None, done=tally.rows) as bar,
    ):
        rows = itertools.islice(source.records(), tally.rows, None)
        for answer in predictor.stream(rows, console):
            file.append(json.dumps(answer, ensure_ascii=False, default=str) + "\n")
            tally.add(answer)
            bar.advance(1)
        file.sync()
    atomic.replace(part, output)
    remove(_origin_file(part))
    tally.tell(source.name, console)
    return tally.rows


@contextmanager
def _kept(part: Path, console: Console) -> Iterator[None]:
    """After an error, keep the rows that were written for the next call; remove an output without rows."""
    try:
        yield
    except Exception:
        if part.exists() and part.stat().st_size:
            console.say(f"the rows answered so far are kept in {part}: the same command resumes there")
        else:
            remove(part)
            remove(_origin_file(part))
        raise


def _take_up(part: Path, predictor: Predictor, source: Source, console: Console) -> tuple[Tally, int]:
    """The rows that an interrupted call left, in whole chunks, and their length in bytes.

    Raises:
        UsageError: They are of another source or model, or of other settings.
    """
    note, origin = _origin_file(part), _origin(predictor, source)
    if not part.exists():
        atomic.write_json(note, origin)
        return Tally(), 0
    if not note.exists() or json.loads(note.read_text(encoding="utf-8")) != origin:
        raise UsageError(
            "the output file is an unfinished output of another source or model, or of other settings",
            where=str(part),
            hint="delete it, or choose another --output",
        )
    tally, length = _whole_chunks(part, predictor.chunk)
    console.say(f"resuming after row {tally.rows} of an earlier run")
    return tally, length


def _whole_chunks(part: Path, chunk: int) -> tuple[Tally, int]:
    """The rows in whole chunks, so that those after them are batched, and sampled, as without the interruption."""
    found, whole, length, at = Tally(), Tally(), 0, 0
    with part.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                break  # an interrupted write
            found.add(json.loads(line))
            at += len(line)
            if found.rows % chunk == 0:
                whole, length = replace(found), at
    return whole, length


def _origin_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _origin(predictor: Predictor, source: Source) -> dict[str, Any]:
    name = str(predictor.model.name_or_path)
    weights = sorted(Path(name).glob("*.safetensors")) if Path(name).is_dir() else []
    return {
        "source": source.digest,
        "model": [digest(path) for path in weights] or name,
        "precision": str(predictor.model.dtype),
        "task": predictor.task.card(),
    }
