"""The tracker `trackio`: the local database that `trackio show` displays and `trackio sync` copies to a Space."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from luthier.run_directory.run import State
from luthier.tracking.base import PROJECT, Point, TrackedRun, require


class TrackioTracker:
    """Metrics by step, and the recipe and the environment as configuration.

    The database is written directly: `trackio.log` sends from another thread, which hides errors.
    """

    def __init__(self) -> None:
        require("trackio", "trackio")

    def begin(self, run: TrackedRun) -> Mapping[str, int]:
        from trackio.sqlite_storage import SQLiteStorage

        self._run, self._project, self._storage = run, run.project or PROJECT, SQLiteStorage
        self._config = {**run.recipe, "environment": run.environment, "tags": list(run.tags)}
        rows = SQLiteStorage.get_logs(self._project, run.name, run_id=run.id)
        return {name: row["step"] for row in rows for name in row if name not in ("step", "timestamp")}

    def points(self, points: Sequence[Point]) -> None:
        rows = [(step, list(some)) for step, some in groupby(points, key=lambda point: point.step)]
        self._storage.bulk_log(
            self._project,
            self._run.name,
            [{point.name: point.value for point in some} for _, some in rows],
            [step for step, _ in rows],
            [datetime.fromtimestamp(some[0].time, UTC).isoformat() for _, some in rows],
            self._config,  # as of the last points
            run_id=self._run.id,
        )

    def artefacts(self, paths: Sequence[Path]) -> None:
        pass

    def end(self, state: State) -> None:
        pass
