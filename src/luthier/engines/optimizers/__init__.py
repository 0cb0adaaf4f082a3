"""Optimizers, their parameter groups and learning rate schedules."""

from luthier.engines.optimizers.kinds import OptimizerKind
from luthier.engines.optimizers.make import make_optimizer
from luthier.engines.optimizers.schedules import make_scheduler

__all__ = ["OptimizerKind", "make_optimizer", "make_scheduler"]
