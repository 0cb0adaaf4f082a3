"""The tracker `mlflow`: the server or store that MLFLOW_TRACKING_URI names, or MLflow's own default."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from luthier.run_directory.run import State
from luthier.tracking.base import PROJECT, Point, TrackedRun, flat, require

STATUS: dict[State, str] = {"done": "FINISHED", "running": "RUNNING", "stopped": "KILLED"}
ID = "luthier.run"  # tag that holds the id of the run, by which it is found again
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")  # the stores that mlflow-skinny cannot open alone
MOST_METRICS, MOST_PARAMS = 1000, 100  # that a server takes at once


class MlflowTracker:
    """Metrics, parameters (recipe and environment), tags and artefacts of a run in an experiment."""

    def __init__(self) -> None:
        require("mlflow", "mlflow")
        from mlflow import get_tracking_uri

        if get_tracking_uri().partition(":")[0].partition("+")[0] in DATABASES:  # as by default
            require("mlflow", "sqlalchemy")
            require("mlflow", "alembic")

    def begin(self, run: TrackedRun) -> Mapping[str, int]:
        from mlflow import MlflowClient
        from mlflow.entities import Param

        self._client = MlflowClient()
        name = run.project or os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT
        found = self._client.get_experiment_by_name(name)
        experiment = found.experiment_id if found else self._client.create_experiment(name)
        known = self._client.search_runs([experiment], f"tags.`{ID}` = '{run.id}'")
        if known:
            self._run = known[0].info.run_id
            self._client.update_run(self._run, STATUS["running"])
            names = known[0].data.metrics
            return {name: max(p.step for p in self._client.get_metric_history(self._run, name)) for name in names}
        tags = {ID: run.id, **dict.fromkeys(run.tags, "")}
        self._run = self._client.create_run(experiment, tags=tags, run_name=run.name).info.run_id
        values = flat({**run.recipe, "environment": run.environment})
        params = [Param(key, str(value)) for key, value in values.items()]
        for some in _parts(params, MOST_PARAMS):
            self._client.log_batch(self._run, params=some)
        return {}

    def points(self, points: Sequence[Point]) -> None:
        from mlflow.entities import Metric

        metrics = [Metric(point.name, point.value, int(point.time * 1000), point.step) for point in points]
        for some in _parts(metrics, MOST_METRICS):
            self._client.log_batch(self._run, metrics=some)

    def artefacts(self, paths: Sequence[Path]) -> None:
        for path in paths:
            if path.is_dir():
                self._client.log_artifacts(self._run, str(path), path.name)
            else:
                self._client.log_artifact(self._run, str(path))

    def end(self, state: State) -> None:
        self._client.set_terminated(self._run, STATUS[state])


def _parts(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[start : start + size] for start in range(0, len(values), size))
