"""A training that a test starts by torchrun or alone, under a limit on its address space; prints JSON of its end.

Arguments: data, run, settings as JSON, the rank that has the limit (-1 for none), and bytes above what is held already.
"""

import json
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import luthier
from luthier import processes
from luthier.api import train as api
from luthier.engines.base import Training
from luthier.pipeline.training import finish as pipeline
from luthier.run_directory.run import Run


def _status(name: str) -> int:
    """A size of this process in bytes, such as `VmSize`, the address space in use."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def limited(above: int | None) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    if above is not None:
        resource.setrlimit(resource.RLIMIT_AS, (_status("VmSize") + above, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def main() -> None:
    data, run, settings, rank, above = sys.argv[1:]
    told: dict[str, Any] = {"rank": processes.rank()}
    make = pipeline.engine_named

    def engine_named(name: str) -> Any:
        def engine(training: Training, *others: Any) -> None:
            held = _status("VmSize")
            with limited(int(above) if int(rank) == processes.rank() else None):
                make(name)(training, *others)
            told.update(need=_status("VmPeak") - held, parts=training.plan.parts, step=training.state.step)

        return engine

    pipeline.engine_named = engine_named  # type: ignore[assignment]
    api.report = lambda run: Run(run).report_file  # it is tested elsewhere, and takes as long as the steps
    luthier.train(data, run_dir=run, **json.loads(settings))
    sys.stdout.write(json.dumps(told) + "\n")  # in one piece, because the processes share the stream


if __name__ == "__main__":
    main()
