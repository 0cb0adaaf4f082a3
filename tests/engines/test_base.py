"""The state of a training."""

import json
import math
from dataclasses import asdict

from luthier.engines.base import TrainState
from luthier.engines.ranking import Evaluated


def test_the_state_survives_json() -> None:
    state = TrainState(
        step=7, tokens=90, padded_tokens=100, seconds=1.5, best_step=4, best_value=0.25, stopped="enough"
    )
    assert TrainState(**json.loads(json.dumps(state.to_dict()))) == state
    state.ema_best, state.ranked = Evaluated(6, 0.5, 0.1), [Evaluated(2, 0.3, math.inf), Evaluated(5, 0.2, 0.4)]
    assert TrainState(**json.loads(json.dumps(state.to_dict()))) == state
    assert state.best_steps == {2, 4, 5, 6} and state.best is not None and state.best.value == 0.25
    assert TrainState().to_dict() == asdict(TrainState())
    assert (TrainState().step, TrainState().best_step, TrainState().stopped) == (0, None, "")
