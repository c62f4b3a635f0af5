"""Counts what a batch looks like: a few array operations, whatever its size."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from stream_scorer.columns import Column, Columns, Numbers
from stream_scorer.model.features import FeatureMap
from stream_scorer.model.outputs import OutputMap
from stream_scorer.profile import Profile, ScoreCounts

#: So many of each are watched, the first ones: each is a series for the metrics.
MOST_FEATURES = 100
MOST_SCORES = 8


@dataclass(frozen=True, slots=True)
class Profiler:
    """Profiled fields: nullable features by path, scalar floats of the scored event."""

    features: tuple[str, ...]
    scores: tuple[str, ...]

    @classmethod
    def of(cls, features: FeatureMap, outputs: OutputMap) -> Profiler:
        """Watch what there is, up to a bound."""
        nullable = [
            feature.path
            for mapped in features.tensor_maps
            for feature in mapped.features
            if feature.type.nullable
        ]
        scalar = [field.name for field in outputs.fields if field.type.kind in {"float", "double"}]
        return cls(tuple(dict.fromkeys(nullable))[:MOST_FEATURES], tuple(scalar[:MOST_SCORES]))

    def profile(
        self, features: Columns, malformed: Collection[int], scores: Mapping[str, Column]
    ) -> Profile:
        """Count the rows of one writer's events, those left out that could not be read.

        Args:
            features: the columns that were read, malformed rows among them.
            malformed: the numbers of those.
            scores: the fields of the scored events, before any is refused.
        """
        rows = len(next(iter(features.values()), ()))
        readable = None
        if malformed:
            readable = np.ones(rows, np.bool_)
            readable[list(malformed)] = False
        missing = {}
        for path in self.features:
            present = features[path].present
            if present is not None:
                absent = ~present if readable is None else ~present & readable
                missing[path] = int(np.count_nonzero(absent))
        counted = {
            name: ScoreCounts.of(column.values)
            for name in self.scores
            if isinstance(column := scores[name], Numbers)
        }
        return Profile(rows - len(malformed), missing, counted)
