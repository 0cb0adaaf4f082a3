"""The Hugging Face Hub: whether it answers, asked once and without retries, and what of it is here."""

import os
from functools import cache
from typing import Literal

from luthier.text import listing

PATIENCE = 5.0  # seconds for the Hub to answer


@cache
def reachable() -> bool:
    """Whether the Hub can be reached. If not, the libraries do not ask it again in this process and its children."""
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=PATIENCE)
    except Exception:  # a request can fail in many ways
        # The libraries would ask again for every file, with five retries each.
        constants.HF_HUB_OFFLINE = True
        os.environ["HF_HUB_OFFLINE"] = "1"
        return False
    return True


def cached(kind: Literal["model", "dataset"]) -> list[str]:
    """The names of the models or datasets in the local cache of the Hub."""
    from huggingface_hub import CacheNotFound, scan_cache_dir

    try:
        repositories = scan_cache_dir().repos
    except CacheNotFound:
        return []
    return sorted(one.repo_id for one in repositories if one.repo_type == kind)


def held(kind: Literal["model", "dataset"]) -> str:
    """What is in the cache, as part of a hint: `cached here: org/a, org/b`."""
    return f"cached here: {listing(cached(kind), 8) or 'none'}"
