"""A measurement as markdown."""

from collections.abc import Mapping
from typing import Any

from bench.training.sides import OURS, SAME, SAYS


def table(found: Mapping[str, Any]) -> str:
    """What `turns.measured` found."""
    verdict = "equal" if found["losses_equal"] else "NOT EQUAL: the ratios are invalid"
    lines = [
        f"- losses of {found['compared_steps']} steps without dropout, same batches: {verdict} "
        f"(largest relative difference {found['largest_loss_difference']:.1e})",
        f"- Luthier: {found['tokens_per_second']:,.0f} tokens a second without padding, of which there is "
        f"{100 * found['padding_share']:.1f} %; matrix products of the size of MiniLM's alone: "
        f"{found['matrix_rate'] / 1e9:,.0f} GFLOP/s",
        "",
        "| | seconds: min, median, max | ratio | validation loss | peak memory | ratio |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    ours, memory = found["seconds"][OURS][1], found["peak_memory_bytes"][OURS]
    for side, (least, middle, most) in found["seconds"].items():
        loss, held = found["validation_loss"].get(side), found["peak_memory_bytes"][side]
        same = found["same_validation_loss"].get(side, True) or side == OURS
        valid = found["losses_equal"] if side == SAME else same
        ratio = f"{middle / ours:.2f}" if valid else f"{middle / ours:.2f} (invalid)"
        said = "" if loss is None else f"{loss:.4f}"
        times = f"{least:.1f}, {middle:.1f}, {most:.1f}"
        kept = f"{held / 2**20:,.0f} MiB | {held / memory:.2f}"
        lines.append(f"| {SAYS.get(side, side)} | {times} | {ratio} | {said} | {kept} |")
    lines += [f"| {SAYS[side]} | refused: {error} | | | | |" for side, error in found["errors"].items()]
    return "\n".join(lines)
