"""The predictions file, with one row per scored example."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from luthier.errors import DamagedError
from luthier.storage.atomic import write_bytes


def write_predictions(path: Path, predictions: Mapping[str, list[Any]]) -> None:
    """Write the predictions file atomically."""
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(dict(predictions)), sink)
    write_bytes(path, sink.getvalue().to_pybytes())


def read_predictions(path: Path) -> dict[str, list[Any]] | None:
    """Read the columns of a predictions file; None if it does not exist.

    Raises:
        DamagedError: The file cannot be read.
    """
    if not path.exists():
        return None
    try:
        return pq.read_table(path).to_pydict()
    except (pa.ArrowException, OSError):
        hint = "restore it from a backup, or delete it to continue without predictions"
        raise DamagedError("the predictions cannot be read: the file is damaged", where=str(path), hint=hint) from None


def row_ids(predictions: Mapping[str, list[Any]]) -> list[str]:
    """The identity of each scored row: its source, row number and gold answer."""
    identity = [predictions[key] for key in ("source", "row", "gold")]
    return [repr(row) for row in zip(*identity, strict=True)]


def answers_in(predictions: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
    """Convert the columns of a predictions file to one answer (a dict) per row."""
    return [dict(zip(predictions, row, strict=True)) for row in zip(*predictions.values(), strict=True)]
