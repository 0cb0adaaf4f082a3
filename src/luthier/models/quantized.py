"""Models whose linear layers are held in 4 bits (bitsandbytes), as QLoRA does."""

from importlib.util import find_spec

import torch
import transformers
from transformers import BitsAndBytesConfig, PretrainedConfig, PreTrainedModel

from luthier.errors import RecipeError
from luthier.models.adapters import head_modules
from luthier.models.quiet import quiet

WHERE = "model.adapter.kind = qlora"
DEVICES = ("cpu", "cuda", "xpu")


def check_four_bits(device: torch.device) -> None:
    """Check that models can be held in 4 bits on a device.

    Raises:
        RecipeError: bitsandbytes is not installed, or does not run there.
    """
    if find_spec("bitsandbytes") is None:
        hint = "pip install 'bitsandbytes>=0.50' (the extra optimizers brings it), or use kind lora"
        raise RecipeError("qlora needs bitsandbytes, which is not installed", where=WHERE, hint=hint)
    if device.type not in DEVICES:
        what = f"bitsandbytes does not hold models in 4 bits on {device.type}"
        raise RecipeError(what, where=WHERE, hint=f"use kind lora, or --device {' or '.join(DEVICES)}")


def four_bits(auto_class: str, settings: PretrainedConfig) -> BitsAndBytesConfig:
    """How to hold a model in 4 bits: NF4 with double quantization (Dettmers et al. 2023). Its head stays whole.

    Args:
        auto_class: Class name after `AutoModelFor`.
        settings: Configuration of the model.
    """
    with torch.device("meta"), quiet():
        model: PreTrainedModel = getattr(transformers, f"AutoModelFor{auto_class}").from_config(settings)
    output = model.get_output_embeddings()
    whole = [*head_modules(model), *(name for name, module in model.named_modules() if module is output)]
    on_gpu = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16 if on_gpu else torch.float32,
        llm_int8_skip_modules=whole,
    )
