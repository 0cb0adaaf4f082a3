"""`luthier doctor`: devices, precisions and versions of this machine."""

from collections.abc import Mapping
from typing import Any

from luthier.cli.output import Output
from luthier.reporting.terminal.display import Grid
from luthier.text import plural, size


def doctor(out: Output) -> int:
    """Show devices, precisions and versions.

    Also memory, disk, installed models, and whether the Hugging Face Hub can be reached.
    """
    from luthier.api.doctor import doctor as look

    found = look()
    for why in found["broken"]:
        out.console.warn(why)
    if out.as_json:
        out.json(found)
    else:
        _print(out, found)
    return 0


def _print(out: Output, found: Mapping[str, Any]) -> None:
    out.text(f"luthier  {found['luthier']}, Python {found['python']}, {found['platform']}")
    out.text(f"cores    {found['cores']}, torch uses {plural(found['threads'], 'thread')} ({found['threads_why']})")
    if found["set_before_torch"]:
        variables = " ".join(f"{name}={value}" for name, value in found["set_before_torch"].items())
        out.text(f"python   set these before you import torch, as the command does: {variables}")
    out.text(f"memory   {size(found['memory_available_bytes'])} of {size(found['memory_bytes'])} available")
    disk = found["disk"]
    out.text(f"disk     {size(disk['free_bytes'])} of {size(disk['total_bytes'])} free at {disk['path']}")
    for name, directory in found["models"].items():
        out.text(f"model    {name}: {'installed' if directory else 'not installed; loaded from the Hub'}")
    hub = found["hub"]
    state = "offline (HF_HUB_OFFLINE)" if hub["offline"] else "reachable" if hub["reachable"] else "not reachable"
    out.text(f"hub      {hub['endpoint']} {state}")
    rows = [
        [device["device"], precision, f"{rate:,.0f} GFLOP/s", "chosen" if precision == device["precision"] else ""]
        for device in found["devices"]
        for precision, rate in device["precisions"].items()
    ]
    devices = Grid(["device", "precision", "matrix product", "auto"], rows, numbers=(2,))
    out.show([devices, Grid(["library", "version"], list(found["versions"].items()))])
