"""What was asked for is what runs, or the start stops."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_scorer.errors import ConfigError
from stream_scorer.model.providers import CPU, Provider, require_available, require_loaded
from stream_scorer.model.session import load_model
from tests.model.making import passing


def test_an_absent_provider_stops_the_start(tmp_path: Path) -> None:
    """ONNX Runtime itself would go on with the CPU."""
    path = passing(tmp_path / "m.onnx", "float32", "N", 2)

    with pytest.raises(ConfigError, match=r"RknpuExecutionProvider.*not have; it has .*CPUExec"):
        load_model(path, providers=[Provider("RknpuExecutionProvider"), Provider(CPU)])


def test_a_provider_of_another_build_says_which_to_install() -> None:
    """The commonest mistake: the CPU build on a GPU machine."""
    with pytest.raises(ConfigError, match="Another build has it"):
        require_available([Provider("RknpuExecutionProvider")])


def test_a_misspelt_provider_suggests_the_nearest() -> None:
    """Case counts."""
    with pytest.raises(ConfigError, match="Did you mean CPUExecutionProvider"):
        require_available([Provider("CpuExecutionProvider")])


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CudaExecutionProvider", "CUDAExecutionProvider"),
        ("cuda", "CUDAExecutionProvider"),
        ("CUDAExecutionProvidr", "CUDAExecutionProvider"),
        ("TensorRTExecutionProvider", "TensorrtExecutionProvider"),
        ("tensort", "TensorrtExecutionProvider"),
    ],
)
def test_a_misspelt_provider_of_another_build_is_not_taken_for_the_cpu(
    name: str, meant: str
) -> None:
    """The name that was meant, and that this build does not have it."""
    with pytest.raises(ConfigError) as caught:
        require_available([Provider(name)])
    assert f"Did you mean {meant}? Another build has that: install that one" in str(caught.value)


def test_a_name_that_is_near_to_nothing_has_no_suggestion() -> None:
    """That all of them end alike makes none of them near."""
    with pytest.raises(ConfigError) as caught:
        require_available([Provider("QuantumExecutionProvider")])
    assert str(caught.value).endswith("CPUExecutionProvider.")


def test_no_provider_is_a_mistake() -> None:
    """An empty list is no way to say default."""
    with pytest.raises(ConfigError, match="is empty"):
        require_available([])


def test_a_provider_that_did_not_load_stops_the_start() -> None:
    """A driver that is missing only makes ONNX Runtime log a line."""
    wanted = [Provider("CUDAExecutionProvider"), Provider(CPU)]

    with pytest.raises(ConfigError, match=r"CUDAExecutionProvider.*did not load"):
        require_loaded(wanted, [CPU])
    require_loaded(wanted, ["CUDAExecutionProvider", CPU])
