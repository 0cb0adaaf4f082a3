"""Adapters: small matrices that learn in place of the model's own weights (peft).

Importing peft takes as long as many a command, so it is imported only where there is an adapter.
"""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors.torch import save_file
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from luthier.errors import RecipeError, nearest
from luthier.findings import Decision
from luthier.models.quiet import quiet
from luthier.recipe import ADAPTER_TITLES, AdapterRecipe
from luthier.text import listing, plural

if TYPE_CHECKING:
    from peft import IA3Config

NAME = "default"  # peft's name of a model's only adapter
# How many times higher the learning rate of an adapter is than that of the whole model (Biderman et al. 2024, "LoRA
# learns less and forgets less"); Liu et al. 2022 train (IA)3 with 3e-3.
RATES: Mapping[str, float] = {"lora": 10, "rslora": 10, "dora": 10, "qlora": 10, "ia3": 60}
# (IA)3 scales keys, values and the inputs of the second feed-forward layer, whatever an architecture calls these.
KEYS_VALUES = ("key", "value", "k_proj", "v_proj", "k_lin", "v_lin", "k", "v", "c_attn", "Wqkv")
FEED_FORWARD = ("down_proj", "fc2", "wo", "lin2", "mlp.c_proj", "mlp.Wo", "*[0-9].output.dense")
TASK_TYPES = {
    "SequenceClassification": "SEQ_CLS",
    "TokenClassification": "TOKEN_CLS",
    "QuestionAnswering": "QUESTION_ANS",
    "CausalLM": "CAUSAL_LM",
    "Seq2SeqLM": "SEQ_2_SEQ_LM",
}


def add_adapter(model: PreTrainedModel, recipe: AdapterRecipe, auto_class: str, new_tokens: Sequence[int] = ()) -> None:
    """Add a new adapter to a model, which does not change its outputs yet, and freeze the model's own weights.

    The head learns in full, and so does a pooler, which belongs to it. The random state of torch determines the new
    weights. Sources: LoRA (Hu et al. 2021), rsLoRA (Kalajdzievski 2023), DoRA (Liu et al. 2024), QLoRA (Dettmers et al.
    2023), (IA)3 (Liu et al. 2022).

    Args:
        model: Changed in place.
        recipe: The adapter.
        auto_class: Class name after `AutoModelFor`, such as `SequenceClassification`.
        new_tokens: Ids of tokens that were added to the model's vocabulary; their embeddings learn too.
    Raises:
        RecipeError: A name matches no module, or the kind of adapter does not suit the model.
    """
    from peft import IA3Config, LoraConfig

    whole = _matching(recipe.modules_to_save, _with_weights(model), "modules_to_save")
    saved = outermost([*head_modules(model), *whole])
    layers = [name for name in _layers(model) if not _inside(name, saved)]
    linear = [name for name in layers if not isinstance(model.get_submodule(name), nn.Embedding)]
    layers = [*linear, *(name for name in layers if name not in linear)]  # a hint names linear ones first
    config: LoraConfig | IA3Config
    if recipe.kind == "ia3":
        # peft cannot merge (IA)3 if a saved module has modules inside; its classes for tasks would save such ones too.
        leaves = [name for name in _with_weights(model) if _inside(name, saved) and _is_leaf(model.get_submodule(name))]
        config = _ia3(model, recipe, linear, leaves, new_tokens)
    else:
        targets = _matching(recipe.target_modules, layers, "target_modules") or linear
        config = LoraConfig(
            r=recipe.rank or 0,
            lora_alpha=recipe.scale,  # type: ignore[arg-type]  # rsLoRA's is rarely whole
            lora_dropout=recipe.dropout or 0.0,
            use_rslora=recipe.kind == "rslora",
            use_dora=recipe.kind == "dora",
            target_modules=targets,
            modules_to_save=saved or None,
            trainable_token_indices=list(new_tokens) or None,
            fan_in_fan_out=_transposed(model, targets),
            ensure_weight_tying=_shares_embeddings(model, [*targets, *saved], new_tokens),
            task_type=TASK_TYPES.get(auto_class),
        )
    with quiet():
        model.add_adapter(config, NAME)


def describe(model: PreTrainedModel, recipe: AdapterRecipe) -> Decision:
    """What the adapter of a model is, and what learns."""
    config: Any = model.peft_config[NAME]
    sizes = f", rank {recipe.rank}, alpha {recipe.scale:g}, dropout {recipe.dropout:g}" if recipe.kind != "ia3" else ""
    adapted = [name for name, module in model.named_modules() if _is_adapted(module)]
    kinds = list(dict.fromkeys(name.rpartition(".")[2] for name in adapted))
    why = f"on {plural(len(adapted), 'layer')}: {listing(kinds, 12)}"
    if config.modules_to_save:
        why += f"; {listing(list(config.modules_to_save), 4)} learn in full"
    return Decision("adapter", ADAPTER_TITLES[recipe.kind] + sizes, why)


def has_adapter(model: PreTrainedModel) -> bool:
    """Whether a model has an adapter that is not merged into its weights."""
    return any(_is_adapted(module) for module in model.modules())


def save_adapter(model: PreTrainedModel, directory: Path) -> None:
    """Save the adapter of a model as peft does, which transformers does not for weights that embeddings share."""
    from peft import get_peft_model_state_dict
    from peft.utils import SAFETENSORS_WEIGHTS_NAME

    config = deepcopy(model.peft_config[NAME])
    config.inference_mode = True
    config.save_pretrained(str(directory))
    tensors = get_peft_model_state_dict(model, adapter_name=NAME, save_embedding_layers=False)
    copies = {f"base_model.model.{name}": tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(copies, directory / SAFETENSORS_WEIGHTS_NAME, metadata={"format": "pt"})


def head_modules(model: PreTrainedModel) -> list[str]:
    """The outermost modules of a task's head. A head that generates text is pretrained, so it is none."""
    body = model.base_model
    heads: list[str] = []
    if body is not model and model.get_output_embeddings() is None:
        heads = [name for name, module in model.named_children() if module is not body and _has_weights(module)]
    poolers = [name for name in _with_weights(model) if "pooler" in name.rpartition(".")[2]]
    return outermost([*heads, *poolers])


def outermost(names: Iterable[str]) -> list[str]:
    """Names of modules without those that are inside of others."""
    unique = list(dict.fromkeys(names))
    return [name for name in unique if not any(name.startswith(f"{other}.") for other in unique)]


def _ia3(
    model: PreTrainedModel,
    recipe: AdapterRecipe,
    linear: Sequence[str],
    saved: Sequence[str],
    new_tokens: Sequence[int],
) -> "IA3Config":
    from peft import IA3Config

    if new_tokens:
        what = "(IA)3 cannot train the embeddings of new tokens, which the chat template needs"
        raise RecipeError(what, where="model.adapter.kind", hint="use kind lora, or a model with a chat template")
    second = [name for name in linear if _is_any(name, FEED_FORWARD)]
    usual = [name for name in linear if _is_any(name, KEYS_VALUES) or name in second]
    targets = _matching(recipe.target_modules, linear, "target_modules") or usual
    if not targets:
        what = f"the layers that (IA)3 scales are not known for {model.config.model_type}"
        hint = "name keys, values and the second feed-forward layer in target_modules, or use kind lora"
        raise RecipeError(what, where="model.adapter.target_modules", hint=hint)
    return IA3Config(
        target_modules=targets,
        feedforward_modules=[name for name in targets if name in second],
        modules_to_save=list(saved) or None,
        fan_in_fan_out=_transposed(model, targets),
    )


def _layers(model: PreTrainedModel) -> list[str]:
    """The layers that can be adapted: linear ones and embeddings, without the output layer."""
    output = model.get_output_embeddings()
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | Conv1D | nn.Embedding) and module is not output
    ]


def _matching(patterns: Sequence[str], names: Sequence[str], key: str) -> list[str]:
    """The names that any pattern matches, each in full or from a dot on.

    Raises:
        RecipeError: A pattern matches none.
    """
    for pattern in patterns:
        if not any(_is_any(name, [pattern]) for name in names):
            last = dict.fromkeys(name.rpartition(".")[2] for name in names)
            hint = nearest(pattern, names if "." in pattern else [name for name in last if not name.isdigit()])
            raise RecipeError(f"no module of the model matches {pattern!r}", where=f"model.adapter.{key}", hint=hint)
    return [name for name in names if _is_any(name, patterns)]


def _is_any(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) or fnmatchcase(name, f"*.{pattern}") for pattern in patterns)


def _inside(name: str, modules: Sequence[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def _with_weights(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if name and _has_weights(module)]


def _is_adapted(module: nn.Module) -> bool:
    return hasattr(module, "base_layer")  # peft keeps the layer that it adapts there


def _is_leaf(module: nn.Module) -> bool:
    return next(module.children(), None) is None


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _shares_embeddings(model: PreTrainedModel, changed: Sequence[str], new_tokens: Sequence[int]) -> bool:
    """Whether embeddings change that the output layer shares, and must go on sharing."""
    embeddings, output = model.get_input_embeddings(), model.get_output_embeddings()
    if output is None or output.weight is not embeddings.weight:
        return False
    name = next(name for name, module in model.named_modules() if module is embeddings)
    return bool(new_tokens) or _inside(name, changed)


def _transposed(model: nn.Module, targets: Sequence[str]) -> bool:
    """Whether layers keep their weights transposed, as those of GPT-2 do."""
    return all(isinstance(model.get_submodule(name), Conv1D) for name in targets)
