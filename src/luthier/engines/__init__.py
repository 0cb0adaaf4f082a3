"""What drives the optimisation: `loop` (ours) or `trainer` (Hugging Face `Trainer`)."""

from luthier.engines.base import Engine


def engine_named(name: str) -> Engine:
    """The engine of a recipe; only the one that is used is imported."""
    if name == "trainer":
        from luthier.engines import trainer

        return trainer.run
    from luthier.engines import loop

    return loop.run
