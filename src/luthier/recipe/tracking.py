"""The table `tracking` of a recipe."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from luthier.recipe.tables import MayChange, Section


class TrackingRecipe(Section):
    """Where the curves are sent, besides the run directory. Nothing in it changes the training."""

    trackers: MayChange[list[str]] = Field(
        [], description="trackers to send the curves to: tensorboard, wandb, mlflow, trackio or csv"
    )
    project: MayChange[str | None] = Field(
        None, description="project or experiment of the trackers (default: the tracker's own setting, else luthier)"
    )
    run_name: MayChange[str | None] = Field(
        None, description="name of the run in the trackers (default: that of the run directory)"
    )
    tags: MayChange[list[str]] = Field([], description="tags of the run in the trackers")
    artefacts: MayChange[list[Literal["report", "model"]]] = Field(
        [], description="what to send after the training besides curves and scores: report, model"
    )
    wait: MayChange[Annotated[float, Field(ge=0)]] = Field(
        30.0, description="seconds to wait for the trackers after the training"
    )

    @field_validator("trackers", "tags", "artefacts", mode="before")
    @classmethod
    def _one_is_a_list(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value
