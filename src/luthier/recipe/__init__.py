"""The recipe: every setting of a run, as one pydantic model and one TOML file."""

from luthier.recipe.data import DataRecipe
from luthier.recipe.evaluation import SAMPLING, EvaluationRecipe, GenerationRecipe
from luthier.recipe.fast import FastRecipe
from luthier.recipe.model import ADAPTER_TITLES, AdapterRecipe, ModelRecipe, Size, TokenizerKind
from luthier.recipe.recipe import END, Recipe, read_toml
from luthier.recipe.training import GroupRecipe, Precision, TrainingRecipe

__all__ = [
    "ADAPTER_TITLES",
    "END",
    "SAMPLING",
    "AdapterRecipe",
    "DataRecipe",
    "EvaluationRecipe",
    "FastRecipe",
    "GenerationRecipe",
    "GroupRecipe",
    "ModelRecipe",
    "Precision",
    "Recipe",
    "Size",
    "TokenizerKind",
    "TrainingRecipe",
    "read_toml",
]
