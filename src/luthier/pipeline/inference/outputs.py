"""Raw outputs and label ids for the user's metrics, as the Hugging Face `Trainer` collects them; kept on disk."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from luthier.arrays import IntArray
from luthier.data.batches import IGNORED
from luthier.data.tokenized import owner
from luthier.metrics.custom import takes_outputs
from luthier.recipe import Recipe
from luthier.storage.spilled import SpilledArray

Array = NDArray[Any]


class RawOutputs:
    """The raw outputs of a pass over rows, filled batch by batch; implements `luthier.metrics.custom.Outputs`.

    Arrays are padded with -100 to the widest batch. An example that was split into windows has several rows.
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows = rows
        self._predictions: list[_Padded] = []
        self._label_ids: list[_Padded] = []
        self._written: list[int] | None = None  # examples whose predictions are generated ids
        self._scratch: dict[int, SpilledArray] = {}

    @classmethod
    def wanted(cls, recipe: Recipe, rows: Sequence[Mapping[str, Any]]) -> "RawOutputs | None":
        """Empty outputs of a pass over rows, if a metric of the recipe takes them."""
        return cls(rows) if any(map(takes_outputs, recipe.evaluation.metrics)) else None

    def add(self, chosen: IntArray, predictions: Sequence[Array], label_ids: Sequence[Array]) -> None:
        """Add the outputs of a batch.

        Args:
            chosen: The rows of the batch.
            predictions: Arrays [batch, ...]; none if the predictions are generated.
            label_ids: Arrays [batch, ...].
        """
        for held, several in ((self._predictions, predictions), (self._label_ids, label_ids)):
            held += [_Padded(len(self._rows)) for _ in several[len(held) :]]
            for padded, values in zip(held, several, strict=False):
                padded.put(chosen, values)

    def generated(self, examples: Sequence[int], ids: Sequence[Sequence[int]]) -> None:
        """Use generated token ids as the predictions, and only these examples; nothing to do if there are logits.

        Args:
            examples: The examples, each of one row.
            ids: The token ids that were generated for each.
        """
        if not self._predictions and ids:
            self._written = list(examples)
            padded = np.full((len(ids), max(map(len, ids))), IGNORED, dtype=np.int64)
            for place, row in enumerate(ids):
                padded[place, : len(row)] = row
            self.add(np.array(examples), [padded], [])

    @property
    def n(self) -> int:
        return len(self._places)

    def on(self, indices: IntArray) -> tuple[Any, Any]:
        """See `Outputs.on`. Arrays that the caller may change: all rows from the file, or a copy of some in another."""
        rows = np.concatenate([self._places[i] for i in indices])
        predictions, label_ids = (
            tuple(self._take(padded.array, rows) for padded in several)
            for several in (self._predictions, self._label_ids)
        )
        return (
            predictions if len(predictions) > 1 else predictions[0],
            label_ids if len(label_ids) > 1 else label_ids[0],
        )

    @cached_property
    def _places(self) -> list[IntArray]:
        """The rows of each example."""
        if self._written is not None:
            return [np.array([example]) for example in self._written]
        found: dict[int, list[int]] = {}
        for place, row in enumerate(self._rows):
            found.setdefault(owner(row, place), []).append(place)
        return [np.array(found[example]) for example in sorted(found)]

    def _take(self, array: SpilledArray, rows: IntArray) -> Array:
        if np.array_equal(rows, np.arange(len(array.values))):
            return array.private()
        scratch = self._scratch.get(id(array))
        if scratch is None or len(scratch.values) < len(rows):
            scratch = self._scratch[id(array)] = SpilledArray((len(rows), *array.values.shape[1:]), array.values.dtype)
        taken = scratch.values[: len(rows)]
        np.take(array.values, rows, axis=0, out=taken, mode="clip")  # another mode copies to memory first
        return np.asarray(taken)


class _Padded:
    """An array [rows, ...] on disk that widens with its batches; the rest of a narrower row is -100."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._array: SpilledArray | None = None

    @property
    def array(self) -> SpilledArray:
        assert self._array is not None, "no batch was added"
        return self._array

    def put(self, chosen: IntArray, values: Array) -> None:
        width = values.shape[1:]
        held = self._array.values.shape[1:] if self._array is not None else (0,) * len(width)
        widest = tuple(map(max, width, held))
        if self._array is None or widest != held:
            wider = SpilledArray((self._rows, *widest), values.dtype)
            if self._array is not None:
                wider.values[...] = IGNORED
                wider.values[_corner(slice(None), held)] = self._array.values
            self._array = wider
        if widest != width:
            self._array.values[chosen] = IGNORED
        self._array.values[_corner(chosen, width)] = values


def _corner(rows: Any, width: Sequence[int]) -> Any:
    """An index of rows and the first `width` places of each further dimension."""
    return (rows, *map(slice, width))
