"""The table `model` of a recipe."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from luthier.recipe.tables import MayChange, Positive, Section, Share

Size = Literal["tiny", "small", "base"]
AdapterKind = Literal["lora", "rslora", "dora", "qlora", "ia3"]
TokenizerKind = Literal["word", "char", "bpe", "byte-bpe", "wordpiece", "unigram"]
ADAPTER_TITLES = {"lora": "LoRA", "rslora": "rsLoRA", "dora": "DoRA", "qlora": "QLoRA", "ia3": "(IA)3"}


class AdapterRecipe(Section):
    """A small adapter that learns in place of the model's own weights, which stay as they are."""

    kind: AdapterKind = Field(
        "lora", description="lora, rslora, dora, qlora (LoRA on a base model in 4 bits) or ia3, which has no rank"
    )
    rank: Positive | None = Field(None, description="rank of the added matrices (default: 16)")
    alpha: Annotated[float, Field(gt=0)] | None = Field(
        None, description="scale of the added matrices (default: 2 x rank; for rslora 2 x sqrt(rank))"
    )
    dropout: Share | None = Field(
        None,
        description="dropout rate before the added matrices (default: 0; above 0, each layer's input is stored twice)",
    )
    target_modules: list[str] = Field(
        [], description="modules to adapt, as names or glob patterns (default: every linear layer)"
    )
    modules_to_save: list[str] = Field(
        [], description="modules to train in full besides the head, such as the embeddings; saved with the adapter"
    )

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, values: Any) -> Any:
        """A kind alone is an adapter; matrices have a rank, a scale and dropout, and (IA)3 has no matrices."""
        if isinstance(values, str):
            values = {"kind": values}
        if not isinstance(values, Mapping) or values.get("kind") == "ia3":
            return values
        return {"rank": 16, "dropout": 0.0, **values}

    @model_validator(mode="after")
    def _no_clashes(self) -> Self:
        unused = [name for name in ("rank", "alpha", "dropout") if getattr(self, name) is not None]
        if self.kind == "ia3" and unused:
            raise ValueError(f"(IA)3 has no {unused[0]}: it scales what layers put out, without added matrices")
        return self

    @property
    def scale(self) -> float:
        """The scale `alpha`, also if it follows from the rank; 0 for (IA)3."""
        rank = self.rank or 0
        return self.alpha if self.alpha is not None else 2 * (math.sqrt(rank) if self.kind == "rslora" else rank)


class ModelRecipe(Section):
    """The model to train."""

    # What decides a run are the weights and the tokenizer, so a model may move before a resume.
    name: MayChange[str | None] = Field(None, description="short name, local directory or Hub name")
    freeze: list[str] = Field([], description="parameters to freeze, as glob patterns on their names")
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        None, description="dropout rate of every layer (default: the model's own)"
    )
    from_scratch: Size | None = Field(
        None, description="size of a new model, trained from scratch with a new tokenizer: tiny, small or base"
    )
    architecture: str | None = Field(
        None, description="architecture of a new model, such as bert, llama or t5 (default: one that fits the task)"
    )
    # As of a model, what decides a run is the content.
    tokenizer: MayChange[str | None] = Field(
        None,
        description="new tokenizer: kind to train (word, char, bpe, byte-bpe, wordpiece or unigram), or a saved one by"
        " short name, local directory or Hub name (default: the architecture's kind)",
    )
    vocabulary_size: Annotated[int, Field(ge=64)] | None = Field(
        None, description="vocabulary size of a new tokenizer (default: chosen from the data and the model size)"
    )
    fresh_tokenizer: bool = Field(
        False, description="use a new tokenizer for a pretrained model; tokens that both have keep their embeddings"
    )
    adapter: AdapterRecipe | None = Field(None, description="an adapter to train in place of the model's own weights")

    @property
    def saved_tokenizer(self) -> str | None:
        """The name of a tokenizer that is not trained but loaded; None if there is none besides the model's own."""
        return None if self.tokenizer in (None, *get_args(TokenizerKind)) else self.tokenizer

    @property
    def title(self) -> str | None:
        """The model's name, or the size and architecture of a new one; None while it is not chosen."""
        if self.from_scratch:
            return f"{self.architecture or 'a new model'} of size {self.from_scratch}, from scratch"
        return f"{self.name} with {ADAPTER_TITLES[self.adapter.kind]}" if self.name and self.adapter else self.name

    @model_validator(mode="after")
    def _no_clashes(self) -> Self:
        if self.from_scratch and self.name:
            raise ValueError(f"from_scratch and name ({self.name}) exclude each other: a new model has no name")
        if self.from_scratch and self.freeze:
            raise ValueError("from_scratch and freeze exclude each other: a new model has no pretrained weights")
        if self.architecture and not self.from_scratch:
            raise ValueError("architecture applies only to a new model: set from_scratch too")
        for key in ("tokenizer", "vocabulary_size"):
            if getattr(self, key) is not None and not (self.from_scratch or self.fresh_tokenizer):
                raise ValueError(f"{key} applies only to a new tokenizer: set from_scratch or fresh_tokenizer too")
        if self.vocabulary_size and self.saved_tokenizer:
            raise ValueError(
                f"vocabulary_size and a saved tokenizer ({self.tokenizer}) exclude each other: it has its vocabulary"
            )
        if self.adapter and (self.from_scratch or self.fresh_tokenizer):
            other = "from_scratch" if self.from_scratch else "fresh_tokenizer"
            raise ValueError(f"adapter and {other} exclude each other: new weights must be trained in full")
        if self.adapter and self.freeze:
            raise ValueError(
                "adapter and freeze exclude each other: with an adapter, the model's own weights are frozen"
            )
        return self
