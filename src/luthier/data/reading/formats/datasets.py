"""Datasets of the `datasets` library, saved to disk or on the Hub."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow

from luthier import hub
from luthier.data.reading.files import DataFile
from luthier.data.reading.formats.columnar import ROWS_AT_ONCE, ArrowReader, names_of
from luthier.errors import SourceError
from luthier.findings import Decision

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass
class DatasetReader(ArrowReader):
    """Reads one split of a saved dataset or a Hub dataset."""

    dataset: "Dataset"

    @classmethod
    def open(cls, name: str, dataset: "Dataset", why: str) -> "DatasetReader":
        """Open one split of a dataset.

        Raises:
            SourceError: The split has no rows.
        """
        if not len(dataset):
            raise SourceError("the dataset has no rows", where=name, hint="choose a split with rows")
        reader = cls(name, "dataset", dataset.column_names, [Decision("format", "datasets", why)], dataset)
        features = {column: names_of(feature) for column, feature in dataset.features.items()}
        reader.names = {column: names for column, names in features.items() if names}
        reader.say_types(dataset.features.arrow_schema)
        return reader

    def batches(self) -> Iterator[pyarrow.RecordBatch]:
        for table in self.dataset.with_format("arrow").iter(ROWS_AT_ONCE):
            yield from table.to_batches()

    def digest(self) -> str:
        """SHA-256 of the digests of the Arrow files, in order."""
        files = (DataFile(self.name, Path(part["filename"])) for part in self.dataset.cache_files)
        return hashlib.sha256("".join(file.digest() for file in files).encode()).hexdigest()


def load_saved(name: str, path: Path) -> dict[str, "Dataset"]:
    """Load the splits of a dataset written by `save_to_disk`; a dataset without splits gets the empty name.

    Raises:
        SourceError: The dataset is damaged.
    """
    from datasets import DatasetDict, load_from_disk

    try:
        loaded = load_from_disk(str(path))
    except Exception as error:  # a damaged directory raises all kinds of JSON, Arrow and OS errors
        what = f"the saved dataset is damaged: {_first_line(error)}"
        raise SourceError(what, where=name, hint="save it again with save_to_disk") from error
    return dict(loaded) if isinstance(loaded, DatasetDict) else {"": loaded}


def load_hub(name: str) -> dict[str, "Dataset"]:
    """Load the splits of a Hub dataset, downloaded to the library's cache.

    Args:
        name: `org/name`, or `org/name:configuration`.
    Raises:
        SourceError: The Hub cannot be reached, or has no such dataset.
    """
    from datasets import DatasetDict, config, load_dataset

    repository, _, configuration = name.partition(":")
    there = hub.reachable()
    config.HF_HUB_OFFLINE = not there
    try:
        loaded = load_dataset(repository, configuration or None)
    except Exception as error:  # the library, its HTTP client and each file format raise their own errors
        what = f"no such file or folder, and no dataset from the Hub: {_first_line(error)}"
        hint = "check the path; for the Hub, the name and the network (name:configuration picks a configuration)"
        if not there:
            hint = f"check the path; the Hub cannot be reached, {hub.held('dataset')}"
        raise SourceError(what, where=name, hint=hint) from error
    if not isinstance(loaded, DatasetDict):
        raise SourceError("the dataset has no splits", where=name, hint="save it with save_to_disk first")
    return dict(loaded)


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
