"""Example events for ``check``: what the schema does not say of the values."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stream_scorer.avro.container import open_container
from stream_scorer.avro.plan import compile_plan
from stream_scorer.columns import Column, Lists, Numbers, Payloads
from stream_scorer.errors import ContractError
from stream_scorer.pipeline.contract import Contract


def largest_ints(file: Path, contract: Contract) -> dict[str, int]:
    """Return how far from 0 the ints of a file's events get, by field.

    Only int fields that floats can't hold as a whole are looked at. Events that can't be decoded
    are left out.

    Raises:
        ConfigError: the file can't be read, or is not an Avro file.
        ContractError: its events can't be read as the reader's schema.
    """
    paths = [path for each in contract.features.inexact_ints().values() for path in each]
    largest = dict.fromkeys(paths, 0)
    with open_container(file) as container:
        try:
            plan = compile_plan(container.schema, contract.reader, paths)
        except ContractError as refused:
            raise ContractError(f"{file} can't be read as schemas.reader: {refused}") from None
        for block in container.blocks:
            decoded = plan.decode(Payloads.of(block.datums))
            for path, column in decoded.columns.items():
                largest[path] = max(largest[path], _largest(column))
    return largest


def _largest(column: Column) -> int:
    """Return the largest absolute value; what stands for null is harmless."""
    match column:
        case Lists():
            return _largest(column.items)
        case Numbers(values) if len(values):
            return int(np.abs(values.astype(np.int64)).max())
    return 0
