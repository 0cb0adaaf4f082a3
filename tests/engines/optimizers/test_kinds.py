"""What an optimizer says of itself."""

import torch
from torch.optim import Adagrad

from luthier.engines.optimizers import OptimizerKind
from luthier.recipe import TrainingRecipe


def test_an_optimizer_runs_everywhere_unless_it_says_where() -> None:
    anywhere = OptimizerKind("adagrad", "Adagrad", lambda: Adagrad)
    somewhere = OptimizerKind("paged", "Paged", lambda: Adagrad, devices=("cuda",))
    assert anywhere.runs_on(torch.device("cpu")) and anywhere.runs_on(torch.device("cuda:1"))
    assert somewhere.runs_on(torch.device("cuda:1")) and not somewhere.runs_on(torch.device("cpu"))
    assert anywhere.arguments(TrainingRecipe()) == {}
