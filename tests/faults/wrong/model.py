"""Models that cannot be loaded, trusted or used."""

from collections.abc import Callable
from pathlib import Path

from tests.faults.scene import Scene, flipped, huge_header, pickled_call, truncated
from tests.faults.wrong.case import Case, spoiled

WEIGHTS = "model.safetensors"


def tuned(scene: Scene, model: Path | str) -> list[str]:
    return scene.train("--model", str(model))


def without(scene: Scene, *names: str) -> list[str]:
    model = scene.model()
    for name in names:
        (model / name).unlink()
    return tuned(scene, model)


def with_spoiled(scene: Scene, name: str, spoil: Callable[[Path], None]) -> list[str]:
    return tuned(scene, spoiled(scene.model(), name, spoil))


def pickled_only(scene: Scene) -> list[str]:
    words = without(scene, WEIGHTS)
    scene.file("model/pytorch_model.bin", pickled_call(scene.folder / "canary"))
    return words


def with_code(scene: Scene, **config: str) -> list[str]:
    code = {"AutoConfig": "code.Config", "AutoModelForSequenceClassification": "code.Model"}
    model = scene.model(auto_map=code, **config)
    scene.file("model/code.py", f"open({str(scene.folder / 'canary')!r}, 'w')\n")
    return tuned(scene, model)


SAVED = "save_pretrained"
MODEL = [
    Case(
        "no such path",
        lambda s: tuned(s, "./models/tny"),
        2,
        "no such model directory",
        "./models/tny",
        "short names: minilm",
    ),
    Case(
        "near path",
        lambda s: (s.model(), tuned(s, "./modle"))[1],
        2,
        "no such model directory",
        "./modle",
        "did you mean 'model'?",
    ),
    Case(
        "no such name",
        lambda s: tuned(s, "no-such-model"),
        2,
        "the Hub cannot be reached",
        "no-such-model",
        "installed: minilm",
    ),
    Case(
        "near short name", lambda s: tuned(s, "minilm2"), 2, "no such run or model", "minilm2", "did you mean 'minilm'?"
    ),
    Case(
        "a file",
        lambda s: tuned(s, "reviews.csv"),
        2,
        "a model is a directory, but this is a file",
        "reviews.csv",
        "pass its directory",
    ),
    Case(
        "without config",
        lambda s: without(s, "config.json"),
        2,
        "the directory has no model: config.json is missing",
        "model",
        SAVED,
    ),
    Case("config in words", lambda s: with_spoiled(s, "config.json", truncated), 2, "not a valid JSON", "model", SAVED),
    Case("config without type", lambda s: tuned(s, s.model(model_type=None)), 2, "Unrecognized model", "model", SAVED),
    Case("config of wrong types", lambda s: tuned(s, s.model(hidden_size="wide")), 2, "hidden_size", "model", SAVED),
    Case(
        "unknown type",
        lambda s: tuned(s, s.model(model_type="bret")),
        2,
        "does not support the architecture 'bret'",
        "model",
        "model_type in config.json",
    ),
    Case(
        "picture model",
        lambda s: tuned(s, s.of_another_family(model_type="vit")),
        2,
        "(ViT) has no head for text-classification",
        "model",
        "luthier tasks",
    ),
    Case(
        "translation model",
        lambda s: tuned(s, s.of_another_family(model_type="marian")),
        2,
        "(Marian) has no head",
        "model",
        "luthier tasks",
    ),
    Case("without weights", lambda s: without(s, WEIGHTS), 2, "no weights: no *.safetensors", "model", SAVED),
    Case(
        "without tokenizer",
        lambda s: without(s, "tokenizer.json", "tokenizer_config.json"),
        2,
        "no tokenizer",
        "model",
        SAVED,
    ),
    Case(
        "damaged tokenizer",
        lambda s: with_spoiled(s, "tokenizer.json", truncated),
        2,
        "the tokenizer cannot be loaded",
        "model",
        SAVED,
    ),
    Case(
        "flipped header",
        lambda s: with_spoiled(s, WEIGHTS, lambda file: flipped(file, 20)),
        3,
        "the weights cannot be read",
        "model",
        "download",
    ),
    Case(
        "huge header",
        lambda s: with_spoiled(s, WEIGHTS, huge_header),
        3,
        "header too large",
        "model",
        "download the model again",
    ),
    Case(
        "truncated weights",
        lambda s: with_spoiled(s, WEIGHTS, truncated),
        3,
        "the weights cannot be read",
        "model",
        "download",
    ),
    Case(
        "empty weights",
        lambda s: with_spoiled(s, WEIGHTS, lambda file: file.write_bytes(b"") and None),
        3,
        "cannot be read",
        "model",
        "download",
    ),
    Case(
        "pickled weights",
        pickled_only,
        2,
        "pickled (pytorch_model.bin): loading could run code, so they are not opened",
        "model",
        "if you trust them",
    ),
    Case(
        "code of its own",
        lambda s: with_code(s, model_type="own-kind"),
        2,
        "requires custom code, which Luthier does not run",
        "model",
        "choose a model",
    ),
    Case(
        "more layers than weights",
        lambda s: tuned(s, s.model(num_hidden_layers=3)),
        2,
        "16 parameters missing",
        "model",
        "must belong to the same model",
    ),
    Case(
        "fewer layers than weights",
        lambda s: tuned(s, s.model(num_hidden_layers=1)),
        2,
        "16 parameters of layers that",
        "model",
        "must belong to the same model",
    ),
    Case(
        "wider than its weights",
        lambda s: tuned(s, s.model(hidden_size=64)),
        2,
        "35 parameters of a different shape",
        "model",
        "must belong to the same model",
    ),
    Case(
        "heads do not divide",
        lambda s: tuned(s, s.model(num_attention_heads=5)),
        2,
        "attention heads (5)",
        "model",
        SAVED,
    ),
    Case(
        "fewer words than weights",
        lambda s: tuned(s, s.model(vocab_size=50)),
        2,
        "such as bert.embeddings.word",
        "model",
        "must belong to the same model",
    ),
]
