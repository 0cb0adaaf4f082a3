"""The tracker `wandb`: Weights & Biases, online or, with WANDB_MODE=offline, in files that `wandb sync` uploads."""

import json
import os
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from luthier.errors import UsageError
from luthier.run_directory.run import State
from luthier.tracking.base import PROJECT, Point, TrackedRun, require

STEP = "step"
BEGIN = 30.0  # seconds that the server has to answer; the end of the process can wait as long for it
HEADER, BLOCK = 7, 1 << 15  # bytes of a header and of a block in a file of records


class WandbTracker:
    """History by step, and the recipe and the environment as configuration."""

    def __init__(self) -> None:
        require("wandb", "wandb")
        import wandb

        mode = wandb.setup(wandb.Settings(silent=True)).settings.mode
        self._online = mode not in ("offline", "dryrun", "disabled")
        if self._online and not wandb.login(prompt=False, verify=False):
            hint = "run `wandb login`, set WANDB_API_KEY, or set WANDB_MODE=offline and upload later with `wandb sync`"
            raise UsageError("Weights & Biases has no API key", where="wandb", hint=hint)

    def begin(self, run: TrackedRun) -> Mapping[str, int]:
        import wandb

        self._run = wandb.init(
            project=run.project or os.environ.get("WANDB_PROJECT") or PROJECT,
            id=run.id,
            name=run.name,
            resume="allow",
            dir=os.environ.get("WANDB_DIR") or str(run.directory),
            config={**run.recipe, "environment": run.environment},
            tags=list(run.tags),
            # Nothing but what Luthier sends, and nothing printed.
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_code=True,
                disable_git=True,
                save_code=False,
                x_disable_meta=True,
                x_disable_stats=True,
                x_save_requirements=False,
                init_timeout=BEGIN,
                finish_timeout=run.wait,
                finish_timeout_raises=True,
            ),
        )
        self._run.define_metric(STEP, hidden=True)
        self._run.define_metric("*", step_metric=STEP)
        rows = self._uploaded() if self._online else _written(Path(self._run.settings.sync_dir).parent, run.id)
        return {name: int(row[STEP]) for row in rows if STEP in row for name in row if name != STEP}

    def points(self, points: Sequence[Point]) -> None:
        for step, some in groupby(points, key=lambda point: point.step):
            self._run.log({STEP: step, **{point.name: point.value for point in some}})

    def artefacts(self, paths: Sequence[Path]) -> None:
        import wandb

        for path in paths:
            artefact = wandb.Artifact(f"{path.stem}-{self._run.id}", type=path.stem)
            artefact.add_dir(str(path)) if path.is_dir() else artefact.add_file(str(path))
            self._run.log_artifact(artefact)

    def end(self, state: State) -> None:
        self._run.finish(exit_code=0 if state == "done" else 1)

    def _uploaded(self) -> Iterable[Mapping[str, Any]]:
        """The history that the server holds."""
        import wandb

        return wandb.Api().run(self._run.path).scan_history() if self._run.resumed else ()


def _written(directory: Path, run_id: str) -> Iterator[Mapping[str, Any]]:
    """The history in the files of earlier processes, the oldest first."""
    from wandb.proto.wandb_internal_pb2 import Record

    for path in sorted(directory.glob(f"*run-*-{run_id}/run-{run_id}.wandb")):
        for content in _records(path.read_bytes()):
            items = Record.FromString(content).history.item
            yield {item.key or ".".join(item.nested_key): json.loads(item.value_json) for item in items}


def _records(data: bytes) -> Iterator[bytes]:
    """The records of a file, up to one that was cut off.

    The form is that of LevelDB's log files (https://github.com/google/leveldb/blob/main/doc/log_format.md): blocks of
    32 KiB of pieces, each after its checksum, length and kind: 1 for a whole record, 2, 3 and 4 for parts of one. Seven
    bytes of Weights & Biases come first.
    """
    position, record = HEADER, b""
    while position + HEADER <= len(data):
        if (left := BLOCK - position % BLOCK) < HEADER:
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        position += HEADER + length
        if not kind or position > len(data):
            return
        record += data[position - length : position]
        if kind in (1, 4):
            yield record
            record = b""
