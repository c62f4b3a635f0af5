"""A session is opened: its options, and the second try for a locale that the machine lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stream_scorer.errors import ConfigError
from stream_scorer.model import refusals
from stream_scorer.model.graph import Graph
from stream_scorer.model.locales import is_replaceable, missing_locale, with_portable_locale
from stream_scorer.model.providers import CPU, Provider, require_available, require_loaded
from stream_scorer.model.runtime import onnxruntime
from stream_scorer.model.threads import Threads

_ERRORS, _FATAL = 3, 4  # severities of ONNX Runtime's log


def open_session(
    graph: Graph,
    providers: Sequence[Provider],
    threads: Threads,
    entries: Mapping[str, str],
    *,
    enable_cpu_mem_arena: bool = True,
) -> Any:
    """Return an ``onnxruntime.InferenceSession`` on the providers that are asked for.

    Raises:
        ContractError: ONNX Runtime refuses the model; the sentence says why.
        ConfigError: a provider is absent or did not load, or an entry is refused.
    """
    require_available(providers)
    options = _options(graph, providers, threads, entries)
    options.enable_cpu_mem_arena = enable_cpu_mem_arena
    try:
        session = _create(graph, providers, options)
    except Exception as error:  # the exceptions of ONNX Runtime share no narrower type
        locale = missing_locale(error)
        if locale is None or not is_replaceable(locale):
            raise refusals.explain(error, graph.path, onnxruntime().__version__) from error
        session = _create(with_portable_locale(graph), providers, options)
    require_loaded(providers, session.get_providers())
    return session


def _create(graph: Graph, providers: Sequence[Provider], options: Any) -> Any:
    return onnxruntime().InferenceSession(
        graph.rewritten or str(graph.path),
        options,
        providers=[(provider.name, dict(provider.options)) for provider in providers],
        enable_fallback=0,
    )


def _options(
    graph: Graph, providers: Sequence[Provider], threads: Threads, entries: Mapping[str, str]
) -> Any:
    ort = onnxruntime()
    options = ort.SessionOptions()
    # What fails is raised, and said by us; only why a device's library did not load is logged.
    on_cpu = all(provider.name == CPU for provider in providers)
    options.log_severity_level = _FATAL if on_cpu else _ERRORS
    options.intra_op_num_threads = threads.intra_op
    options.inter_op_num_threads = threads.inter_op
    if threads.inter_op > 1:
        options.execution_mode = ort.ExecutionMode.ORT_PARALLEL
    settings = {
        "session.intra_op.allow_spinning": "0",
        # A rewritten model comes from memory and has no folder to look for external data in.
        "session.model_external_initializers_file_folder_path": str(graph.path.parent.resolve()),
        **entries,
    }
    for key, value in settings.items():
        try:
            options.add_session_config_entry(key, value)
        except Exception as error:
            raise ConfigError(
                f"model.session: ONNX Runtime does not take the entry '{key[:80]}' "
                f"({refusals.first_line(error)})."
            ) from error
    return options
