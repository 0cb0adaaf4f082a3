"""Muon for weight matrices, and AdamW for everything else, as one optimizer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch.optim import AdamW, Muon, Optimizer

from luthier.engines.optimizers.kinds import MATRICES


class MuonWithAdamW(Optimizer):
    """Muon on groups whose flag `matrices` is set, and fused AdamW on the others.

    Torch's Muon takes matrices only. Its updates are scaled to the size of AdamW's (Liu et al. 2025, "Muon is scalable
    for LLM training"), so that both share a learning rate.

    Args:
        groups: Parameter groups.
        lr: Learning rate of groups without their own.
        betas: Of AdamW.
        eps: Of AdamW.
        muon: Other arguments of torch's `Muon`.
    """

    def __init__(
        self,
        groups: Sequence[dict[str, Any]],
        lr: float,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        **muon: Any,
    ) -> None:
        matrices = [group for group in groups if group[MATRICES]]
        others = [group for group in groups if not group[MATRICES]]
        self.parts: list[Optimizer] = []
        if matrices:
            self.parts.append(Muon(matrices, lr=lr, adjust_lr_fn="match_rms_adamw", **muon))
        if others:
            self.parts.append(AdamW(others, lr=lr, betas=betas, eps=eps, fused=True))
        super().__init__([group for part in self.parts for group in part.param_groups], {})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None if closure is None else closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        # Loading replaces the groups, and a schedule sets the rates of those that this optimizer shows.
        self.param_groups = [group for part in self.parts for group in part.param_groups]
