"""Averages of the weights, and the one place that gives them to the model, to be evaluated and exported."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.swa_utils import get_ema_multi_avg_fn

EMA = "ema"  # in front of the metrics of the EMA weights: `ema_accuracy` beside `accuracy`


class Ema:
    """The exponential moving average of a model's trainable weights.

    After step n, the average moves to the weights by 1 - min(decay, (1 + n) / (10 + n)): a decay that warms up, so that
    the initial weights are soon forgotten, as `tf.train.ExponentialMovingAverage` does with `num_updates`. Averaging
    the weights on the way is due to Polyak & Juditsky 1992 (doi:10.1137/0330046); the arithmetic is torch's.

    Args:
        model: The model, with its frozen parameters marked; they and the buffers are not averaged.
        decay: The share of the average that a step keeps, once the decay has warmed up.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._weights = {name: one for name, one in model.named_parameters() if one.requires_grad}
        self.restart()

    def restart(self) -> None:
        """Begin again with the weights as they are now."""
        self._averages = {name: one.detach().clone() for name, one in self._weights.items()}

    def update(self, step: int) -> None:
        """Take in the weights after a step, counted from 1."""
        self._follow()
        move = get_ema_multi_avg_fn(min(self._decay, (1 + step) / (10 + step)))
        move(list(self._averages.values()), list(self._weights.values()), step)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Give the model the average. Only storages are exchanged, so the weights come back exact."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def state_dict(self) -> dict[str, Tensor]:
        """The average of each trainable parameter, by its name."""
        return self._averages

    def load_state_dict(self, averages: Mapping[str, Tensor]) -> None:
        """Go on from a `state_dict` of the same model."""
        assert averages.keys() == self._averages.keys()
        self._averages = {name: average.to(self._weights[name]) for name, average in averages.items()}

    def _exchange(self) -> None:
        self._follow()
        for name, weight in self._weights.items():
            weight.data, self._averages[name] = self._averages[name], weight.data

    def _follow(self) -> None:
        """Move to the device of the weights: an engine moves the model when it starts."""
        self._averages = {name: average.to(self._weights[name]) for name, average in self._averages.items()}


def averages(optimizer: Optimizer) -> bool:
    """Whether an optimizer trains at another point than the average of the weights, as schedule-free ones do."""
    return all(callable(getattr(optimizer, name, None)) for name in ("eval", "train"))


@contextmanager
def evaluated(optimizer: Optimizer, ema: Ema | None = None) -> Iterator[None]:
    """Give the model the weights to evaluate and to export.

    Args:
        optimizer: Its average is given, if it keeps one.
        ema: The moving average to give instead; None for the trained weights.
    """
    if averages(optimizer):
        optimizer.eval()  # type: ignore[attr-defined]
    try:
        with nullcontext() if ema is None else ema.in_place():
            yield
    finally:
        if averages(optimizer):
            optimizer.train()  # type: ignore[attr-defined]
