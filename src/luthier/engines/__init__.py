"""The training engines: `loop` (Luthier's own) or `trainer` (Hugging Face `Trainer`)."""

from luthier.engines.base import Engine


def engine_named(name: str) -> Engine:
    """The engine with a name; only this one is imported."""
    if name == "trainer":
        from luthier.engines import trainer

        return trainer.run
    from luthier.engines import loop

    return loop.run
