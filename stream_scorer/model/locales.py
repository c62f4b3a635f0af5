"""Text models that ask for a locale which the machine lacks, as slim containers do.

A StringNormalizer (the lowercasing of scikit-learn's text vectorisers) asks for ``en_US.UTF-8``
unless it is told otherwise. It only maps upper to lower case or back, and ``C.UTF-8``, which every
glibc system has, maps all letters of Unicode alike.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from stream_scorer.model.graph import Graph, proto_of

_NOT_THERE = re.compile(r"Failed to construct locale with name:([\w.@-]*)")
_PORTABLE = "C.UTF-8"
# Turkish and Azeri have an i of their own, Lithuanian keeps its dots: there the locale matters.
_OWN_CASE_RULES = ("tr", "az", "lt")


def missing_locale(error: Exception) -> str | None:
    """Return the locale that ONNX Runtime did not find, ``None`` if that isn't what it says."""
    match = _NOT_THERE.search(str(error))
    return match[1] if match else None


def is_replaceable(locale: str) -> bool:
    """Return whether ``C.UTF-8`` changes case as the locale does."""
    return locale != _PORTABLE and not locale.lower().startswith(_OWN_CASE_RULES)


def with_portable_locale(graph: Graph) -> Graph:
    """Return the graph with every StringNormalizer in the portable locale."""
    import onnx  # noqa: PLC0415 - only for a model that needs it

    proto = proto_of(graph)
    for node in proto.graph.node:
        if node.op_type == "StringNormalizer":
            kept = [attribute for attribute in node.attribute if attribute.name != "locale"]
            portable: Any = onnx.helper.make_attribute("locale", _PORTABLE)
            del node.attribute[:]
            node.attribute.extend([*kept, portable])
    return replace(graph, rewritten=proto.SerializeToString())
