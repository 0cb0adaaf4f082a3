"""`predict`: answers that a person can read, for texts or for files of any size."""

import itertools
import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from luthier.console import Console
from luthier.data.reading.readers import Reading
from luthier.data.reading.sources import Source, open_source
from luthier.errors import UsageError
from luthier.pipeline.predictor import Predictor, load
from luthier.storage.append import AppendFile, whole_lines
from luthier.storage.atomic import replace, write_json
from luthier.storage.checksums import digest
from luthier.storage.disk import remove
from luthier.text import plural

__all__ = ["load", "predict_file", "predict_stream"]


def predict_stream(target: str | Path, source: str) -> Iterator[dict[str, Any]]:
    """The rows of a source with their answers, one at a time, in order."""
    return load(target).stream(open_source(source, how=Reading(by_line=True)).records())


def predict_file(target: str | Path, source: str, output: Path | str, *, console: Console | None = None) -> int:
    """Write the rows of a source with their answers as JSON lines.

    Lines go to `OUTPUT.part`, which takes its name when the last row is done. A call that was interrupted and is made
    again goes on after the last whole line, provided that the source and the model are the same.

    Args:
        target: A run or a model.
        source: What `open_source` takes.
        output: The file to write.
        console: Shown a bar.
    Returns:
        Rows in the file.
    Raises:
        UsageError: What is there belongs to another source or model.
        ResourceError: The disk is full.
    """
    console, output = console or Console(), Path(output)
    _see_output(output, source)
    predictor, opened = load(target), open_source(source, how=Reading(by_line=True))
    part = output.with_name(output.name + ".part")
    done, length = _take_up(part, _origin(predictor, opened), console)
    written, cut, failed = done, 0, 0
    with closing(AppendFile(part, length)) as file, console.progress("predict", None, done=done) as bar:
        rows = itertools.islice(opened.records(), done, None)
        for answer in predictor.stream(rows):
            file.append(json.dumps(answer, ensure_ascii=False, default=str) + "\n")
            written += 1
            cut += "truncated" in answer
            failed += "error" in answer
            bar.advance(1)
        file.sync()
    replace(part, output)
    remove(_origin_file(part))
    if cut:
        were, most = "was" if cut == 1 else "were", plural(predictor.limits.length, "token")
        console.warn(f"{plural(cut, 'row')} had more than {most} and {were} cut")
    if failed:
        console.warn(f"{plural(failed, 'row')} could not be read: see `error` in the output")
    return written


def _see_output(output: Path, source: str) -> None:
    """Refuse an output that cannot be, before anything is loaded.

    Raises:
        UsageError: It is a directory, in none, or the source itself.
    """
    if output.is_dir():
        raise UsageError("the output is a directory", where=str(output), hint="name a file: --output answers.jsonl")
    if not output.parent.is_dir():
        raise UsageError("no such directory", where=str(output.parent), hint="make it, or name another --output")
    if output.exists() and Path(source).exists() and output.samefile(source):
        raise UsageError("the output would replace the input", where=str(output), hint="name another --output")


def _take_up(part: Path, origin: Mapping[str, Any], console: Console) -> tuple[int, int]:
    """How many complete rows an interrupted call left, and their length in bytes."""
    note = _origin_file(part)
    if not part.exists():
        write_json(note, origin)
        return 0, 0
    if not note.exists() or json.loads(note.read_text(encoding="utf-8")) != origin:
        raise UsageError(
            "an unfinished output of another source or model is in the way",
            where=str(part),
            hint="delete it, or name another --output",
        )
    done, length = whole_lines(part)
    console.say(f"resuming after row {done} of an earlier call")
    return done, length


def _origin_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _origin(predictor: Predictor, source: Source) -> dict[str, Any]:
    name = str(predictor.model.name_or_path)
    weights = sorted(Path(name).glob("*.safetensors")) if Path(name).is_dir() else []
    return {
        "source": source.digest,
        "model": [digest(path) for path in weights] or name,
        "limits": asdict(predictor.limits),
    }
