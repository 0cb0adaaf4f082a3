"""Parameter groups: which parameters share a learning rate and a weight decay."""

import fnmatch
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from luthier.errors import RecipeError, nearest
from luthier.recipe import TrainingRecipe

# One-dimensional parameters are biases and the weights of norms; decay would pull them towards 0.
_MATRIX = 2


@dataclass(frozen=True)
class Group:
    """Parameters that share a learning rate and a weight decay.

    Args:
        name: Name for the user, such as `layer 3` or `head, no decay`.
        parameters: Name to parameter.
        learning_rate: Peak learning rate.
        weight_decay: Weight decay.
        matrices: Whether they are weight matrices between the embeddings and the head.
    """

    name: str
    parameters: Mapping[str, nn.Parameter]
    learning_rate: float
    weight_decay: float
    matrices: bool

    @property
    def size(self) -> int:
        """Number of values."""
        return sum(parameter.numel() for parameter in self.parameters.values())


def groups_of(model: nn.Module, recipe: TrainingRecipe, *, matrices_apart: bool = False) -> list[Group]:
    """Group the trainable parameters of a model. Groups with the recipe's own learning rate come first.

    The rate of a layer is `layer_decay` times that of the layer above it (Howard & Ruder 2018; Clark et al. 2020). The
    head has `head_learning_rate`. The first of `groups` whose pattern matches a parameter overrides both.

    Args:
        model: A transformers model.
        recipe: Rates, decays and patterns.
        matrices_apart: Whether matrices between the embeddings and the head get groups of their own.
    Raises:
        RecipeError: A pattern matches no trainable parameter.
    """
    places = _Places(model)
    found: dict[tuple[str, float, float, bool], dict[str, nn.Parameter]] = {}
    matched: set[int] = set()
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        what, rate = _rate(name, places, recipe)
        decay = recipe.weight_decay if parameter.dim() >= _MATRIX else 0.0
        for index, own in enumerate(recipe.groups):
            if fnmatch.fnmatchcase(name, own.match):
                matched.add(index)
                what, rate = own.match, rate if own.learning_rate is None else own.learning_rate
                decay = decay if own.weight_decay is None else own.weight_decay
                break
        matrix = matrices_apart and parameter.dim() == _MATRIX and places.between(name)
        found.setdefault((what, rate, decay, matrix), {})[name] = parameter
    for index, own in enumerate(recipe.groups):
        if index not in matched:
            trainable = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
            what = f"the pattern {own.match!r} matches no trainable parameter that has no group yet"
            raise RecipeError(what, where=f"training.groups.{index}.match", hint=nearest(own.match, trainable))
    groups = [
        Group(_name(what, decay, matrix, recipe), members, rate, decay, matrix)
        for (what, rate, decay, matrix), members in found.items()
    ]
    return sorted(groups, key=lambda group: group.learning_rate != recipe.learning_rate)


def _rate(name: str, places: "_Places", recipe: TrainingRecipe) -> tuple[str, float]:
    """What a parameter's learning rate is that of, and the rate."""
    if places.in_head(name) and recipe.head_learning_rate is not None:
        return "head", recipe.head_learning_rate
    if recipe.layer_decay is None:
        return "model", recipe.learning_rate
    what, below = places.depth(name)
    return what, recipe.learning_rate * recipe.layer_decay**below


def _name(what: str, decay: float, matrix: bool, recipe: TrainingRecipe) -> str:
    words = [what, "matrices" if matrix else "", "no decay" if recipe.weight_decay and not decay else ""]
    return ", ".join(word for word in words if word)


class _Places:
    """Where parameters are in a model: in the embeddings, in a layer of a stack, above the layers, or in the head."""

    def __init__(self, model: nn.Module) -> None:
        base = getattr(model, "base_model", model)
        prefix = next((f"{name}." for name, module in model.named_modules() if module is base and name), "")
        self._stacks = dict(_stacks(model))
        self._layers = max(self._stacks.values(), default=0)
        # A head that is tied to the embeddings is one of their parameters.
        self._body = prefix if base is not model else ""
        embedding = [name for name, module in model.named_modules() if isinstance(module, nn.Embedding)]
        self._embeddings = tuple(f"{name}." for name in embedding)

    def in_head(self, name: str) -> bool:
        return bool(self._body) and not name.startswith(self._body)

    def depth(self, name: str) -> tuple[str, int]:
        """The name of the place, and how many layers are above it."""
        if self.in_head(name):
            return "head", 0
        for stack in self._stacks:
            if name.startswith(f"{stack}."):
                number = int(name.removeprefix(f"{stack}.").partition(".")[0])
                return f"layer {number}", self._layers - number
        if self._in_embeddings(name):
            return "embeddings", self._layers + 1
        return "above the layers", 0

    def between(self, name: str) -> bool:
        """Whether a parameter is neither in the embeddings nor in the head."""
        return not (self.in_head(name) or name.startswith(self._embeddings))

    def _in_embeddings(self, name: str) -> bool:
        return name.startswith(self._embeddings) or any("embed" in part for part in name.split("."))


def _stacks(model: nn.Module) -> Iterator[tuple[str, int]]:
    """The outermost lists of layers of one type, with their length."""
    seen: list[str] = []
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in seen)
        if isinstance(module, nn.ModuleList) and not inside and len({type(layer) for layer in module}) == 1:
            seen.append(name)
            yield name, len(module)
