"""`luthier tokenizer`: training tokenizers."""

from pathlib import Path
from typing import Annotated

from typer import Option

from luthier.cli.options import (
    Data,
    Json,
    LabelColumns,
    Quiet,
    RoleColumns,
    Task,
    TextColumns,
    Verbose,
    overrides,
)
from luthier.cli.output import Output
from luthier.text import number, plural, share

HELP = "Train tokenizers."
TOKENIZER = "Tokenizer"


def train(
    data: Data,
    output: Annotated[Path, Option(metavar="DIR", help="Directory to write.", rich_help_panel=TOKENIZER)],
    kind: Annotated[
        str | None,
        Option(metavar="KIND", help="word, char, bpe, byte-bpe, wordpiece or unigram.", rich_help_panel=TOKENIZER),
    ] = None,
    vocab_size: Annotated[
        int | None,
        Option(metavar="N", min=1, help="Maximum tokens (default: from the data).", rich_help_panel=TOKENIZER),
    ] = None,
    family: Annotated[
        str | None,
        Option(metavar="NAME", help="encoder, decoder or encoder-decoder.", rich_help_panel=TOKENIZER),
    ] = None,
    architecture: Annotated[
        str | None,
        Option(metavar="NAME", help="Architecture of the models, such as bert.", rich_help_panel=TOKENIZER),
    ] = None,
    task: Task = None,
    text: TextColumns = None,
    label: LabelColumns = None,
    column: RoleColumns = None,
    json: Json = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Train a tokenizer on the texts of data.

    It is for new models, or for a pretrained model in place of its own: `luthier train --tokenizer DIR`.
    """
    out = Output(as_json=json, quiet=quiet, verbose=verbose)
    changes = overrides({"task": task}, text, label, column, None)

    from luthier.api.tokenizers.train import train_tokenizer

    made = train_tokenizer(
        data,
        output,
        kind=kind,
        vocabulary_size=vocab_size,
        family=family,
        architecture=architecture,
        console=out.console,
        **changes,
    )
    if json:
        out.json(made.to_dict())
        return 0
    words = [plural(made.vocabulary_size, "token")]
    words += [f"{number(made.tokens_per_word)} tokens per word"] if made.tokens_per_word is not None else []
    words += [f"{share(made.unknown_share)} unknown tokens"]
    sample = f" (in a random sample of {plural(made.sample, 'row')})" if made.sample < made.rows.kept else ""
    out.text(str(made.directory))
    out.text(f"{', '.join(words)}{sample}")
    out.text(f"trained on {plural(made.rows.kept, 'row')}")
    out.text(f"next    {made.next}")
    return 0
