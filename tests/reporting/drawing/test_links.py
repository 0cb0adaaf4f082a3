"""The links that a page keeps are the strongest ones, and as many as its size allows."""

import base64

import numpy as np
import pytest

from luthier.reporting.drawing.links import MOST, Attention, affordable, pack, strongest
from luthier.tracing.stages import Values


def attention(n: int, layers: int = 2, heads: int = 3, sequences: int = 2) -> Attention:
    rng = np.random.default_rng(1)
    weights = rng.dirichlet(np.ones(n), (layers, sequences, heads, n)).astype(np.float32)
    return Attention("attention", "read", "read", list(weights))


def unpacked(one: Attention, kept: int) -> tuple[Values, Values]:
    (links,) = pack([one], kept)
    shape = (2, links.layers, links.heads, -1, links.kept)
    to = np.frombuffer(base64.b64decode(links.to), "<u2" if links.wide else "u1").reshape(shape)
    return to, np.frombuffer(base64.b64decode(links.weight), "u1").reshape(shape)


@pytest.mark.parametrize("n", [5, 40, 300])
def test_the_strongest_eight_are_kept_in_order(n: int) -> None:
    one = attention(n)
    to, weight = unpacked(one, MOST)
    whole = np.stack(one.weights, axis=1)
    for place in np.ndindex(whole.shape[:-1]):
        order = np.argsort(-whole[place])[:MOST]
        np.testing.assert_array_equal(to[place], order)
        np.testing.assert_allclose(weight[place] / 255, whole[place][order], atol=0.5 / 255 + 1e-6)


def test_equal_weights_are_all_kept() -> None:
    places, found = strongest(np.full((1, 3), 1 / 3), 8)
    assert sorted(places[0].tolist()) == [0, 1, 2] and found.shape == (1, 3)


def test_as_many_links_as_the_budget_allows() -> None:
    one = attention(40)
    assert one.link_size == 2 * 2 * 3 * 40 * 2 * 4 // 3
    assert affordable([one], 10**6) == MOST
    assert affordable([one, one], 7 * one.link_size) == 3
    assert affordable([one], one.link_size - 1) == 0 and pack([one], 0) == []
    assert affordable([], 10**6) == 0
