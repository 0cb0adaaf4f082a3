"""Tokens that two tokenizers share, whichever way they mark the start of a word."""

from transformers import PreTrainedTokenizerBase

ROLES = (("pad",), ("unk",), ("mask",), ("bos", "cls"), ("eos", "sep"))  # of special tokens; those together are alike
BEFORE = "a"  # a word that stands before a token, to see whether the token continues it


def shared_tokens(new: PreTrainedTokenizerBase, old: PreTrainedTokenizerBase) -> dict[int, int]:
    """The tokens of a tokenizer that another one has too: `##ing` and `ing`, `Ġfür` and `▁für`, `[CLS]` and `<s>`.

    Args:
        new: Gives the ids to find.
        old: Gives the ids that are found.
    Returns:
        Id in `new` to id in `old`.
    """
    forms, theirs = _forms(old), dict[str, int]()
    for form_of in (str, _anywhere):
        for number, form in forms.items():
            theirs.setdefault(form_of(form), number)
    ours = ((number, form if form in theirs else _anywhere(form)) for number, form in _forms(new).items())
    return {number: theirs[form] for number, form in ours if form in theirs} | _special(new, old)


def _special(new: PreTrainedTokenizerBase, old: PreTrainedTokenizerBase) -> dict[int, int]:
    found: dict[int, int] = {}
    for roles in ROLES:
        ours, theirs = ({role: getattr(one, f"{role}_token_id") for role in roles} for one in (new, old))
        alike = next((number for number in theirs.values() if number is not None), None)
        for role, number in ours.items():
            same = alike if theirs[role] is None else theirs[role]
            if number is not None and same is not None:
                found[number] = same
    return found


def _forms(tokenizer: PreTrainedTokenizerBase) -> dict[int, str]:
    """The id of each ordinary token, and what the token adds to a text, with the space before a word."""
    if not tokenizer.is_fast:
        return {}
    special, decoder = tokenizer.added_tokens_decoder, tokenizer.backend_tokenizer.decoder
    forms = {}
    for token, number in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        if number not in special:
            # Without a decoder, as of whole words, tokens are joined by spaces.
            form = decoder.decode([BEFORE, token]).removeprefix(BEFORE) if decoder else f" {token}"
            forms[number] = token if "\ufffd" in form else form  # part of a character has no text of its own
    return forms


def _anywhere(form: str) -> str:
    """The form of a token wherever it stands: decoders and kinds differ in the space before punctuation."""
    return form if any(map(str.isalnum, form)) else form.strip() or form
