"""The table `fast` of a recipe."""

from pydantic import Field

from luthier.recipe.tables import Section


class FastRecipe(Section):
    """What makes a run faster and gives the same numbers within rounding. Each part can be turned off."""

    unpad: bool = Field(True, description="run the layers on a batch's tokens without its padding")
    attention: bool = Field(True, description="compute attention step by step on a CPU, without padding on a GPU")
    dropout_masks: bool = Field(True, description="on a CPU, draw dropout masks with a faster generator")
    embeddings: bool = Field(True, description="on a CPU, keep the memory of the embeddings' gradient")
    last_layer: bool = Field(True, description="run the last layer only for the tokens that the head reads")
    logits: bool = Field(True, description="compute losses of tokens without keeping logits")
    pages: bool = Field(True, description="on Linux, keep memory for the next step instead of returning it")
