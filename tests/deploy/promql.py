"""What a PromQL expression speaks of: series and labels."""

from __future__ import annotations

import re

#: Series that Prometheus makes itself.
OF_PROMETHEUS = frozenset({"up", "ALERTS"})
#: Labels that the scrape, the histograms and Prometheus add.
LABELS_OF_PROMETHEUS = frozenset({"namespace", "job", "instance", "le", "alertname", "alertstate"})
_OPERATORS = frozenset({"and", "or", "unless", "offset", "bool", "inf", "nan"})
_TEXT = re.compile(r'"[^"]*"')
_MATCHERS = re.compile(r"\{[^}]*\}")
_RANGE = re.compile(r"\[[^\]]*\]|\boffset\s+\w+")
_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
_NAME = re.compile(r"\b(?<![\d.])[a-zA-Z_:][\w:]*\b(?!\s*\()")
_MATCHED = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")


def series_named(expression: str) -> set[str]:
    """Return the names of the series that an expression reads."""
    bare = _TEXT.sub("", expression)
    for not_a_series in (_MATCHERS, _RANGE, _LABELS):
        bare = not_a_series.sub("", bare)
    return {name for name in _NAME.findall(bare) if name not in _OPERATORS}


def labels_named(expression: str) -> set[str]:
    """Return the labels that an expression matches, groups by or joins on."""
    bare = _TEXT.sub("", expression)
    listed = [label.strip() for labels in _LABELS.findall(bare) for label in labels.split(",")]
    matched = [label for part in _MATCHERS.findall(bare) for label in _MATCHED.findall(part)]
    return {*filter(None, listed), *matched}
