"""One ONNX Runtime session: loaded, tried out, run, and ended from another thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stream_scorer.errors import Broken, ContractError, StreamScorerError, Terminated
from stream_scorer.model import refusals
from stream_scorer.model.graph import Graph, read_graph
from stream_scorer.model.opening import open_session
from stream_scorer.model.providers import CPU, Provider
from stream_scorer.model.runtime import onnxruntime
from stream_scorer.model.specs import input_spec, output_spec, plain_row, seen_shape
from stream_scorer.model.tensors import Shape, Tensors, empty, repeat, rows_of, take
from stream_scorer.model.threads import Threads, decide


class InferenceError(StreamScorerError):
    """The model failed on these rows; it may be the rows, it may be the device."""


class Model:
    """A loaded model. One thread runs it, any thread may :meth:`terminate` it.

    Attributes:
        name: the model's name, as configured.
        version: the model's version, as configured.
        inputs: what it takes.
        outputs: what it gives; after :meth:`learn` with the shapes that were seen.
        sha256: see :class:`~stream_scorer.model.graph.Graph`.
        size_bytes: model file and external data.
        metadata: the producer's own notes in the model file.
        providers_in_use: the execution providers that loaded, in order.
        threads: thread counts, with the reason.
        one_row_at_a_time: the batch axis has a fixed size of 1, declared or baked into the graph,
            so each row is a call.
    """

    def __init__(
        self, session: Any, graph: Graph, threads: Threads, *, name: str, version: str
    ) -> None:
        self.name = name
        self.version = version
        self.sha256 = graph.sha256
        self.size_bytes = graph.size_bytes
        self.threads = threads
        self.metadata: Mapping[str, str] = dict(session.get_modelmeta().custom_metadata_map)
        self.providers_in_use: tuple[str, ...] = tuple(session.get_providers())
        self.inputs = tuple(input_spec(node) for node in session.get_inputs())
        self.outputs = tuple(output_spec(node, graph) for node in session.get_outputs())
        self.one_row_at_a_time = any(spec.shape[0] == 1 for spec in self.inputs)
        self._session = session
        self._run_options = onnxruntime().RunOptions()
        self._run_options.log_severity_level = 4  # what fails is raised, and said by us
        self._probe: tuple[Tensors, tuple[str, ...]] | None = None

    def run(self, tensors: Tensors, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
        """Return the wanted outputs for all rows, row ``i`` of each array for row ``i``.

        Args:
            tensors: one array for each of ``inputs``, its dtype and shape; equal numbers of rows.
            wanted: names from ``outputs``; only these are handed out. ONNX Runtime runs the whole
                graph all the same, and ``only_execute_path_to_fetches`` does not change that.

        Raises:
            InferenceError: the model failed, or didn't give one row for each.
            Terminated: :meth:`terminate` was called, now or earlier.
        """
        rows = rows_of(tensors)
        if rows == 0:
            return self._nothing(wanted)
        if not self.one_row_at_a_time:
            return self._call(tensors, wanted, rows)
        single = [self._call(take(tensors, slice(row, row + 1)), wanted, 1) for row in range(rows)]
        return {name: np.concatenate([arrays[name] for arrays in single]) for name in wanted}

    def _call(self, tensors: Tensors, wanted: Sequence[str], rows: int) -> dict[str, NDArray[Any]]:
        try:
            arrays = self._session.run(list(wanted), tensors, self._run_options)
        except Exception as error:  # the exceptions of ONNX Runtime share no narrower type
            if self._run_options.terminate:
                raise Terminated("The running inference was ended: a stop was asked for.") from None
            raise InferenceError(refusals.first_line(error)) from error
        outputs = dict(zip(wanted, arrays, strict=True))
        for name, array in outputs.items():
            if np.ndim(array) == 0 or len(array) != rows:
                raise InferenceError(
                    f"output '{name}' has shape {list(np.shape(array))} for {rows} rows"
                )
        return outputs

    def _nothing(self, wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
        return {
            spec.name: empty(spec.dtype or "string", (0, *(axis or 0 for axis in spec.row_shape)))
            for spec in self.outputs
            if spec.name in wanted
        }

    def terminate(self) -> None:
        """End the inference that runs now, if any, and all later ones; any thread may call it."""
        self._run_options.terminate = True

    def learn(self, examples: Tensors) -> bool:
        """Run rows that ought to be good; return whether the model took them.

        The first row becomes the probe row. The outputs' shapes are completed by what is seen at 2
        and at 3 rows: an axis whose size is equal in both is fixed, axis 0 must follow the rows. A
        model that takes the row alone but not twice has a batch of one baked into its graph.
        """
        if not self.one_row_at_a_time and (shapes := self._shapes(examples, 2, 3)):
            return self._learned(shapes, examples)
        if shapes := self._shapes(examples, 1, 1):
            self.one_row_at_a_time = True
            return self._learned(shapes, examples)
        return False

    def _shapes(self, examples: Tensors, fewer: int, more: int) -> dict[str, Shape] | None:
        names = [spec.name for spec in self.outputs if spec.dtype is not None]
        if not names:  # asked for none, ONNX Runtime gives all
            return None
        try:
            first, second = (
                self._session.run(names, repeat(examples, rows), self._run_options)
                for rows in (fewer, more)
            )
        except Exception:  # noqa: BLE001 - no row is known to be good: a guess may well be refused
            return None
        return {
            name: seen_shape(np.shape(a), np.shape(b), (fewer, more))
            for name, a, b in zip(names, first, second, strict=True)
        }

    def _learned(self, shapes: Mapping[str, Shape], examples: Tensors) -> bool:
        self.outputs = tuple(
            replace(spec, shape=shapes.get(spec.name, spec.shape)) for spec in self.outputs
        )
        # An output that isn't one row an event can't be checked for its rows, and isn't served.
        names = tuple(name for name, shape in shapes.items() if shape[:1] == (None,))
        self._probe = (repeat(examples, 1), names) if names else None
        return True

    def probe(self) -> None:
        """Run the probe row again; nothing happens when no row is known to be good.

        Raises:
            Broken: the model fails on a row that it took before, so it is the device.
        """
        if self._probe is None:
            return
        try:
            self._call(*self._probe, rows=1)
        except InferenceError as error:
            raise Broken(
                f"The model '{self.name}' fails on a row that it scored when it was loaded, so the "
                f"device ({self.providers_in_use[0]}) is broken, not the data: {error}"
            ) from error

    def warm_up(self, rows: int) -> None:
        """Run 1 row and ``rows`` rows, so that the first event doesn't pay for allocation.

        Raises:
            InferenceError: the model doesn't take so many rows.
        """
        if self._probe is None:
            return
        example, names = self._probe
        for count in (1, rows):
            self.run(repeat(example, count), names)


def load_model(
    path: Path,
    *,
    providers: Sequence[Provider] = (Provider(CPU),),
    intra_op_threads: int | Literal["auto"] = "auto",
    inter_op_threads: int = 1,
    enable_cpu_mem_arena: bool = True,
    session: Mapping[str, str] | None = None,
    name: str = "model",
    version: str = "",
) -> Model:
    """Load a model, with its ZipMaps as tensors, and learn what it does with plain rows.

    Args:
        path: the ONNX file; external data is looked for beside it.
        providers: execution providers in order of preference; all must load.
        intra_op_threads: threads within one operator; ``auto`` is the container's CPU quota.
        inter_op_threads: operators that run at the same time.
        enable_cpu_mem_arena: whether the session keeps the memory of a call for the next one.
        session: session config entries of ONNX Runtime, passed on as they are. Without
            ``session.intra_op.allow_spinning`` in it, idle threads sleep instead of spinning.
        name: the model's name in errors and scored events.
        version: the model's version in scored events.

    Raises:
        ContractError: the file can't be served; the sentence says what is missing.
        ConfigError: a provider is absent from this build, or did not load.
    """
    graph = read_graph(path)
    threads = decide(intra_op_threads, inter_op_threads)
    opened = open_session(
        graph, providers, threads, session or {}, enable_cpu_mem_arena=enable_cpu_mem_arena
    )
    model = Model(opened, graph, threads, name=name, version=version)
    if not model.inputs:
        raise ContractError(f"The model '{path}' takes no input, so it can't score an event.")
    for fill in (0, 1):
        if (examples := plain_row(model.inputs, fill)) and model.learn(examples):
            break
    return model
