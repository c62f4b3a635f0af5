"""The model's requirements for the fields that it reads, for made-up events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from stream_scorer.model.features import FeatureMap, TensorMap
from stream_scorer.model.fields import Feature, is_array
from stream_scorer.model.tensors import Dtype

#: Small enough for every float type to hold it exactly.
LARGEST_FEATURE = 1000


@dataclass(frozen=True, slots=True)
class Needs:
    """Requirements for a value so that the tensors accept it.

    Attributes:
        never_null: a null would make the event a dead letter.
        lengths: the lengths of the arrays, outermost first; empty for any length.
        largest: the largest whole number to draw, ``None`` if the model does not read the field.
        most: the largest number that the tensor holds, ``None`` if it holds any.
        whole: numbers have no fraction.
        text: a union's value is a string, ``False``: a number, ``None``: any of its types.
    """

    never_null: bool = False
    lengths: tuple[int, ...] = ()
    largest: int | None = None
    most: int | None = None
    whole: bool = False
    text: bool | None = None

    def of_items(self) -> Needs:
        """Return the requirements for the items of an array."""
        return replace(self, lengths=self.lengths[1:])

    def and_also(self, other: Needs) -> Needs:
        """Return requirements that satisfy both: a field may fill more than one tensor."""
        return Needs(
            self.never_null or other.never_null,
            self.lengths or other.lengths,
            _lesser(self.largest, other.largest),
            _lesser(self.most, other.most),
            self.whole or other.whole,
            self.text if self.text is not None else other.text,
        )


ANYTHING = Needs()


def needs_of(features: FeatureMap) -> Mapping[str, Needs]:
    """Return the requirements for each field that fills a tensor, by its dotted path."""
    found: dict[str, Needs] = {}
    for mapped in features.tensor_maps:
        for feature in mapped.features:
            found[feature.path] = _needs(mapped, feature).and_also(
                found.get(feature.path, ANYTHING)
            )
    return found


def _needs(mapped: TensorMap, feature: Feature) -> Needs:
    dtype = mapped.spec.dtype
    most = _most(dtype)
    return Needs(
        never_null=feature.fill.value is None,
        lengths=mapped.row_shape if is_array(feature.type) else (),
        largest=_lesser(most, LARGEST_FEATURE),
        most=most,
        whole=dtype != "string" and dtype.kind != "f",
        text=dtype == "string",
    )


def _most(dtype: Dtype) -> int | None:
    if dtype == "string" or (dtype.kind == "f" and dtype.itemsize > np.dtype(np.float16).itemsize):
        return None
    if dtype.kind == "f":
        return int(np.finfo(np.float16).max)
    return 1 if dtype.kind == "b" else int(np.iinfo(dtype).max)


def _lesser(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)
