"""The report as one HTML page that asks nothing of any server: text, tables, charts inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1f2933; max-width: 62rem;
       margin: 2.5rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .4rem; }
p { margin: .4rem 0; max-width: 46rem; }
small, .faint { color: #6b7785; }
img { max-width: 100%; height: auto; margin: 1rem 0; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #e4e7eb; }
th { font-weight: 600; color: #6b7785; vertical-align: bottom; }
th:first-child, td:first-child { text-align: left; padding-left: 0; white-space: nowrap; }
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and a table below it."""

    heading: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, and what it shows for those who don't see it."""

    png: bytes
    description: str


def html(
    title: str,
    paragraphs: Iterable[str],
    pictures: Iterable[Picture],
    sections: Iterable[Section],
    footnotes: Iterable[str],
) -> str:
    """Return the page."""
    body = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p>{escape(text)}</p>" for text in paragraphs),
        *map(_image, pictures),
        *map(_section, sections),
        "<h2>How to read this</h2>",
        *(f"<p class='faint'>{escape(text)}</p>" for text in footnotes),
    ]
    head = (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
    )
    return "\n".join([head, "<body>", *body, "</body></html>", ""])


def _image(picture: Picture) -> str:
    source = b64encode(picture.png).decode()
    return f"<img alt='{escape(picture.description)}' src='data:image/png;base64,{source}'>"


def _section(section: Section) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in section.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in section.rows
    )
    return (
        f"<h2>{escape(section.heading)}</h2>\n<div class='wide'><table>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
