"""A trace as a whole: what a model does with its inputs, from the text to the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from luthier.reporting.terminal.display import Piece, Shown
from luthier.reporting.terminal.trace import trace_pieces
from luthier.reporting.traces.page import write_page
from luthier.storage.atomic import write_bytes
from luthier.tracing.anatomy import Anatomy
from luthier.tracing.attribution import Attribution
from luthier.tracing.decoding import Writing
from luthier.tracing.stages import Stage, Values
from luthier.tracing.text import Read, Tokens

WHOLE = 64  # tokens; `--json` has every value of inputs up to this length


@dataclass(frozen=True, repr=False)
class Trace(Shown):
    """What a model does with its inputs. The repr is what the command prints.

    Args:
        model: Its anatomy.
        inputs: Each input, and how the tokenizer cuts it.
        sequences: The tokens of each sequence of the batch: of an input, or of a window of a long one.
        stages: The stages of the forward pass, in order.
        writing: What the model has to choose from for the first input, if it generates text.
        answers: The answer to each input, as `predict` gives it.
        seconds: Where the time of the forward pass went: `embeddings`, each layer, `head`.
        attribution: Which tokens decided, if it was asked for.
    """

    model: Anatomy
    inputs: Sequence[Read]
    sequences: Sequence[Tokens]
    stages: Sequence[Stage]
    writing: Writing | None
    answers: Sequence[Mapping[str, Any]]
    seconds: Mapping[str, float]
    attribution: Attribution | None = None

    def stage(self, name: str) -> Values:
        """The values of a stage, such as `layer 3`: [sequences, ...].

        Raises:
            KeyError: There is no such stage.
        """
        return {stage.name: stage.values for stage in self.stages}[name]

    @property
    def answer(self) -> Mapping[str, Any]:
        """The answer to the first input."""
        return self.answers[0]

    @property
    def logits(self) -> Mapping[str, Values]:
        """`logits`, or `start_logits` and `end_logits`."""
        return {stage.name: stage.values for stage in self.stages if stage.name.endswith("logits")}

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints: with every value for inputs of up to 64 tokens, else with shapes and norms alone."""
        whole = max(len(sequence.ids) for sequence in self.sequences) <= WHOLE
        # A decoder reads the next token off the last position; the others are in the stages.
        last = self.writing is not None and len(self.model.stacks) == 1
        logits = {name: (values[:, -1] if last else values).tolist() for name, values in self.logits.items()}
        return {
            "model": asdict(self.model),
            "inputs": [asdict(one) for one in self.inputs],
            "sequences": [asdict(one) for one in self.sequences],
            "stages": [stage.to_dict(whole=whole) for stage in self.stages],
            "logits": logits.get("logits", logits),
            "writing": None if self.writing is None else asdict(self.writing),
            "answer": dict(self.answer),
            "answers": [dict(answer) for answer in self.answers],
            "seconds": dict(self.seconds),
            "attribution": None if self.attribution is None else asdict(self.attribution),
        }

    def save(self, file: Path | str) -> None:
        """Write the values of all stages as safetensors, by the names of the stages."""
        write_bytes(Path(file), save({stage.name: np.ascontiguousarray(stage.values) for stage in self.stages}))

    def write_page(self, file: Path | str, command: str = "", call: str = "") -> None:
        """Write an HTML page to look at and to click through.

        Args:
            file: The page: one file, which needs no network.
            command: The command that made it, to show on the page.
            call: The same in Python; by default with the inputs.
        """
        write_page(Path(file), self, command, call)

    def _pieces(self) -> list[Piece]:
        return trace_pieces(self)
