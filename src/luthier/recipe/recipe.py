"""A recipe: its tables and its TOML file."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field

from luthier.errors import RecipeError, nearest
from luthier.other_tools import Style, hint_for
from luthier.recipe.data import DataRecipe
from luthier.recipe.evaluation import EvaluationRecipe, GenerationRecipe
from luthier.recipe.fast import FastRecipe
from luthier.recipe.model import ModelRecipe
from luthier.recipe.tables import Section
from luthier.recipe.tracking import TrackingRecipe
from luthier.recipe.training import TrainingRecipe

END = "# the end of the recipe"  # a run's recipe without this line is incomplete


class Recipe(Section):
    """Every setting of a run.

    Raises:
        RecipeError: From `build` and `load`, if a key is unknown, a value is invalid, or keys contradict each other.
    """

    task: str | None = Field(None, description="task, such as text-classification (default: inferred from the data)")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        42, description="seed for splits, data order and initial weights"
    )
    device: str = Field("auto", description="device to run on: auto, cpu, cuda, cuda:1, mps or xpu")
    data: DataRecipe = DataRecipe()
    model: ModelRecipe = ModelRecipe()
    training: TrainingRecipe = TrainingRecipe()
    fast: FastRecipe = FastRecipe()
    evaluation: EvaluationRecipe = EvaluationRecipe()
    generation: GenerationRecipe = GenerationRecipe()
    tracking: TrackingRecipe = TrackingRecipe()

    @property
    def split_seed(self) -> int:
        """The seed for splits: runs with other seeds can share it, and so their rows."""
        return self.seed if self.data.split_seed is None else self.data.split_seed

    @property
    def sample_seed(self) -> int:
        """The seed for the sample of training rows."""
        return self.split_seed if self.data.sample_seed is None else self.data.sample_seed

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a recipe from a TOML file.

        Raises:
            RecipeError: The file cannot be read, is not TOML or is not a recipe.
        """
        return cls.build(read_toml(Path(path)), where=str(path))

    @classmethod
    def elsewhere(cls, name: str, given: Mapping[str, Any], where: str) -> str:
        """See `Section.elsewhere`. The hint is written the way that the key was given."""
        style: Style = "set" if where.startswith("--set") else "python" if where.endswith("=") else "toml"
        return hint_for(name.replace("-", "_"), given, style)

    def to_toml(self) -> str:
        """Write the complete recipe with a comment on each key, and the line that marks its end."""
        return f"{super().to_toml()}\n{END}\n"


def read_toml(path: Path) -> dict[str, Any]:
    """Read the tables of a recipe file.

    Raises:
        RecipeError: The file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        beside = [found.name for found in path.parent.glob("*.toml")]
        hint = nearest(path.name, beside) or "`luthier train DATA --dry-run` prints a recipe to start from"
        raise RecipeError(f"the recipe cannot be read: {error.strerror}", where=str(path), hint=hint) from None
    except UnicodeDecodeError:
        raise RecipeError("the recipe is not UTF-8 text", where=str(path), hint="save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        hint = 'keys are written as key = 1 or key = "text", tables as [training]'
        raise RecipeError(f"the recipe is not valid TOML: {error}", where=str(path), hint=hint) from None
