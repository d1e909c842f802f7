"""Template: how a page is made of its values and figures, in the look that all pages share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from trainer.report import formatting
from trainer.report.svg import to_inline


@dataclass(frozen=True)
class Plot:
    """A figure of a page: its name, what it says, and its SVG."""

    name: str
    caption: str
    svg: Markup


def inline(svg: str, name: str, caption: str) -> Plot:
    """Return a figure, given as an SVG file, for a page; its name is unique there."""
    # matplotlib escapes what it writes into an SVG
    return Plot(name, caption, Markup(to_inline(svg, name, caption)))


def render(template: Path, **values: Any) -> str:
    """Return a page, or a file of plain text if the template is not called `.html.j2`.

    Args:
        template: may import what `base.html.j2` beside this module has, and write values by the
            formats of `trainer.report.formatting`, as `as_NAME`.
        **values: all that the template names.
    """
    page = Environment(
        loader=FileSystemLoader([template.parent, Path(__file__).parent]),
        autoescape=select_autoescape(["html.j2"]),
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    formats = {f"as_{function.__name__}": function for function in formatting.FORMATS}
    untyped: Any = page  # jinja2 leaves the types of both unknown
    untyped.filters.update(formats)
    untyped.globals.update(formats)
    return page.get_template(template.name).render(**values)
