"""The table `data` of a recipe."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, field_validator

from luthier.recipe.tables import MayChange, Positive, Section, Share


class DataRecipe(Section):
    """Where the rows come from and how they are split. Before a resume, files may move but not change."""

    train: MayChange[list[str]] = Field([], description="files, folders or datasets to train on")
    validation: MayChange[list[str]] = Field(
        [], description="validation data (default: split off from the training data)"
    )
    test: MayChange[list[str]] = Field([], description="test data (default: split off from the training data)")
    columns: dict[str, str | list[str]] = Field(
        {}, description="column for each role, such as text, text_pair or label (default: inferred)"
    )
    shape: str | None = Field(None, description="form of a row, such as pair/one (default: inferred from the data)")
    label_names: dict[str, str] = Field(
        {}, description='names for labels that the data writes as codes, such as {0 = "negative", 1 = "positive"}'
    )
    positive_label: str | None = Field(None, description="label that binary precision, recall and F1 refer to")
    validation_share: Share = Field(0.1, description="share of rows held out to select the best checkpoint")
    test_share: Share = Field(0.1, description="share of rows held out for the final score")
    split_seed: Annotated[int, Field(ge=0, lt=2**32)] | None = Field(
        None, description="seed for splits and for the sample of train_rows (default: seed)"
    )
    train_rows: Positive | None = Field(
        None, description="train on a stratified sample of this many rows; smaller samples are part of larger ones"
    )
    sample_seed: Annotated[int, Field(ge=0, lt=2**32)] | None = Field(
        None, description="seed for the sample of train_rows alone (default: split_seed)"
    )
    max_length: Annotated[int, Field(ge=4)] | None = Field(
        None, description="maximum tokens per row, window or block (default: the longest row, up to the model's limit)"
    )
    max_target_length: Annotated[int, Field(ge=2)] | None = Field(
        None, description="maximum tokens per target of an encoder-decoder (default: the longest target, up to a limit)"
    )
    stride: Annotated[int, Field(ge=0)] | None = Field(
        None, description="tokens shared by consecutive windows of a long text (default: a third of max_length)"
    )
    label_all_subwords: bool = Field(
        False, description="train on every subword of a word, not only its first (token-classification)"
    )
    allow: MayChange[list[str]] = Field([], description="ids of data findings that do not stop the run")

    @field_validator("label_names", mode="before")
    @classmethod
    def _codes_are_text(cls, value: Any) -> Any:
        return {str(code): name for code, name in value.items()} if isinstance(value, Mapping) else value

    @field_validator("label_names")
    @classmethod
    def _names_differ(cls, value: dict[str, str]) -> dict[str, str]:
        if "" in value.values():
            raise ValueError("a name in label_names is empty")
        shared = sorted({name for name in value.values() if list(value.values()).count(name) > 1})
        if shared:
            codes = " and ".join(code for code, name in value.items() if name == shared[0])
            raise ValueError(f"label_names gives {codes} the same name, {shared[0]!r}: each label needs its own")
        return value
