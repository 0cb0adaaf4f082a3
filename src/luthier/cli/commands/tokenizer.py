"""`luthier tokenizer`: training and comparing tokenizers."""

from pathlib import Path
from typing import Annotated, Any

from typer import Argument, Option

from luthier.cli.options import Data
from luthier.cli.output import Output, check_output, typed_command
from luthier.cli.settings import takes
from luthier.text import number, plural, share

HELP = "Train and compare tokenizers."
TOKENIZER = "Tokenizer"
VocabularySize = Annotated[
    int | None,
    Option(
        "--vocab-size", metavar="N", min=1, help="Maximum tokens (default: from the data).", rich_help_panel=TOKENIZER
    ),
]


@takes("--task --text --label --column")
def train(
    out: Output,
    data: Data,
    changes: dict[str, Any],
    output: Annotated[Path, Option(metavar="DIR", help="Directory to write.", rich_help_panel=TOKENIZER)],
    kind: Annotated[
        str | None,
        Option(metavar="KIND", help="word, char, bpe, byte-bpe, wordpiece or unigram.", rich_help_panel=TOKENIZER),
    ] = None,
    vocab_size: VocabularySize = None,
    family: Annotated[
        str | None, Option(metavar="NAME", help="encoder, decoder or encoder-decoder.", rich_help_panel=TOKENIZER)
    ] = None,
    architecture: Annotated[
        str | None, Option(metavar="NAME", help="Architecture of the models, such as bert.", rich_help_panel=TOKENIZER)
    ] = None,
) -> int:
    """Train a tokenizer on the texts of data.

    Use it for a new model, or to replace that of a pretrained model: `luthier train --tokenizer DIR`.
    """
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
    words = [plural(made.vocabulary_size, "token")]
    words += [f"{number(made.tokens_per_word)} tokens per word"] if made.tokens_per_word is not None else []
    words += [f"{share(made.unknown_share)} unknown tokens"]
    sample = f" (in a random sample of {plural(made.sample, 'row')})" if made.sample < made.rows.kept else ""
    trained = f"trained on {plural(made.rows.kept, 'row')}"
    out.lines(made.to_dict(), [str(made.directory), f"{', '.join(words)}{sample}", trained, f"next    {made.next}"])
    return 0


@takes("--task --text --label --column --valid")
def compare(
    out: Output,
    data: Annotated[str, Argument(metavar="DATA", help="File, folder or dataset; - is stdin.")],
    changes: dict[str, Any],
    names: Annotated[
        list[str] | None, Argument(metavar="KIND|MODEL", help="Kinds to train; saved tokenizers and models.")
    ] = None,
    vocab_size: VocabularySize = None,
    output: Annotated[
        Path | None, Option(metavar="FILE", help="Write a page (.html).", rich_help_panel=TOKENIZER)
    ] = None,
) -> int:
    """Compare tokenizers on the texts of data.

    Kinds (word, char, bpe, byte-bpe, wordpiece, unigram) are trained on the
    training rows; all tokenizers are measured on validation rows. If a
    directory has the name of a kind, write ./word for the directory.
    """
    check_output(output, "a comparison", [".html"])

    from luthier.api.tokenizers.compare import compare_tokenizers
    from luthier.reporting.terminal.tokenizers import comparison_pieces

    found = compare_tokenizers([data], names or [], vocabulary_size=vocab_size, console=out.console, **changes)
    if output is not None:
        found.write_page(output, typed_command())
    if out.as_json:
        out.json(found.to_dict())
    else:
        out.show(comparison_pieces(found))
        if output is not None:
            out.text(f"page    {output}")
    return 0
