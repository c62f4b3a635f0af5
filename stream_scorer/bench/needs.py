"""What the model needs of the fields that it reads, for events that are made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from stream_scorer.model.features import FeatureMap, TensorMap
from stream_scorer.model.fields import Feature, is_array
from stream_scorer.model.tensors import Dtype

#: Small enough for every float to hold it exactly.
LARGEST_FEATURE = 1000


@dataclass(frozen=True, slots=True)
class Needs:
    """What a value must be so that the tensors take it.

    Attributes:
        never_null: a null would make the event a dead letter.
        lengths: how long the arrays are, the outermost first; empty for any length.
        largest: the largest number that fits, ``None`` where nobody reads it.
        whole: numbers have no fraction.
        text: a union's value is text, ``False``: a number, ``None``: any of its types.
    """

    never_null: bool = False
    lengths: tuple[int, ...] = ()
    largest: int | None = None
    whole: bool = False
    text: bool | None = None

    def of_items(self) -> Needs:
        """Return what the items of an array must be."""
        return Needs(self.never_null, self.lengths[1:], self.largest, self.whole, self.text)

    def and_also(self, other: Needs) -> Needs:
        """Return what satisfies both: a field may fill more than one tensor."""
        limits = [each for each in (self.largest, other.largest) if each is not None]
        return Needs(
            self.never_null or other.never_null,
            self.lengths or other.lengths,
            min(limits, default=None),
            self.whole or other.whole,
            self.text if self.text is not None else other.text,
        )


ANYTHING = Needs()


def needs_of(features: FeatureMap) -> Mapping[str, Needs]:
    """Return what each field that fills a tensor must be, by its dotted path."""
    found: dict[str, Needs] = {}
    for mapped in features.tensor_maps:
        for feature in mapped.features:
            found[feature.path] = _needs(mapped, feature).and_also(
                found.get(feature.path, ANYTHING)
            )
    return found


def _needs(mapped: TensorMap, feature: Feature) -> Needs:
    dtype = mapped.spec.dtype
    return Needs(
        never_null=feature.fill.value is None,
        lengths=mapped.row_shape if is_array(feature.type) else (),
        largest=_largest(dtype),
        whole=dtype != "string" and dtype.kind != "f",
        text=dtype == "string",
    )


def _largest(dtype: Dtype) -> int:
    if dtype == "string" or dtype.kind == "f":
        return LARGEST_FEATURE
    if dtype.kind == "b":
        return 1
    largest: Any = np.iinfo(dtype).max
    return min(int(largest), LARGEST_FEATURE)
