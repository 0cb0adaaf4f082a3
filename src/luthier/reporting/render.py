"""Render templates to one self-contained page: styles, scripts and charts are embedded, and requests are blocked."""

import base64
import hashlib
import re
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from luthier import text
from luthier.reporting import names
from luthier.reporting.drawing.passages import place
from luthier.reporting.panels import Score

BRIEF = 120  # characters of an answer in a list


def render(template: str, *, charts: bool, assets: Sequence[str] = (), **values: Any) -> str:
    """Render a complete page, of texts that may contain lone surrogates, which UTF-8 cannot encode.

    Args:
        template: File in `templates/` that extends `base.html`.
        charts: Whether the page has charts; if so, Vega-Lite is embedded.
        assets: Styles and scripts in `templates/` that only this page has.
        values: Variables of the template.
    """
    style = "".join(_asset(name) for name in ["style.css", *assets] if name.endswith(".css"))
    scripts = [vega_bundle()] if charts else []
    scripts += [_asset(name) for name in ["page.js", *assets] if name.endswith(".js")]
    page = _environment().get_template(template)
    whole = page.render(
        style=Markup(style), scripts=[Markup(script) for script in scripts], policy=_policy(style, scripts), **values
    )
    return whole.encode("utf-8", "backslashreplace").decode("utf-8")


@cache
def vega_bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script.

    It includes the expression interpreter (`ast: true`), without which Vega needs `unsafe-eval`.
    """
    import vl_convert

    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _policy(style: str, scripts: list[str]) -> str:
    """Content security policy that allows only this style and these scripts, and blocks all requests."""
    allowed = " ".join(_digest(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode('utf-8')).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    return (resources.files("luthier.reporting") / "templates" / name).read_text(encoding="utf-8")


def _unbroken(sentence: str) -> Markup:
    """Mark up a sentence so that no line breaks inside a number or an interval."""
    pieces = re.split(r"(TF-IDF|\(?-?\d[\d.,]*(?:(?:-| to )-?\d[\d.,]*)?\)?)", sentence)
    whole = Markup('<span class="unbroken">{}</span>')
    return Markup("").join(whole.format(piece) if place % 2 else piece for place, piece in enumerate(pieces))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("luthier.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    environment.filters |= {
        "number": text.number,
        "amount": text.amount,
        "count": text.count,
        "quantity": text.quantity,
        "size": text.size,
        "duration": text.duration,
        "share": text.share,
        "listing": text.listing,
        "plural": text.plural,
        "brief": lambda value: text.shorten(value, BRIEF),
        "place": place,
        "score": lambda cell, metric="": names.score(metric, cell.value, cell.low, cell.high),
        "measure": lambda value, metric: names.number(metric, value),
        "unbroken": _unbroken,
        "metric": names.metric,
        "capital": names.capital,
    }
    environment.tests["score"] = lambda cell: isinstance(cell, Score)
    return environment
