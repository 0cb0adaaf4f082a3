"""What `fast.embeddings` saves in a backward pass: milliseconds by the size of the vocabulary, with memory kept."""

import argparse
import time
from statistics import median

import torch
from torch import nn

from bench.environment import command_line, describe
from luthier import allocator
from luthier.fast.embeddings import keep_gradients

WIDTH, ROWS, TOKENS, USED = 384, 16, 48, 8_000  # as MiniLM, and the tokens that a batch draws from


def milliseconds(vocabulary: int, passes: int, *, kept: bool) -> float:
    """The median of a forward and backward pass through a table and a linear layer."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(vocabulary, WIDTH), nn.Linear(WIDTH, 2))
    if kept:
        keep_gradients(model)
    ids, found = torch.randint(0, USED, (ROWS, TOKENS)), []
    with allocator.kept():
        for _ in range(passes):
            model.zero_grad()
            start = time.perf_counter()
            model(ids).sum().backward()
            found.append(1e3 * (time.perf_counter() - start))
    return median(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=15)
    args = parser.parse_args()
    print(f"## Gradients of embeddings\n\n{describe()}\n- `{command_line()}`\n")
    print("| tokens in the vocabulary | torch | kept |\n|---:|---:|---:|")
    for vocabulary in (30_522, 120_000, 250_000):
        torchs, kept = (milliseconds(vocabulary, args.passes, kept=kept) for kept in (False, True))
        print(f"| {vocabulary:,} | {torchs:.1f} ms | {kept:.1f} ms |", flush=True)


if __name__ == "__main__":
    main()
