"""Thread counts follow the container's quota; each case is a folder of its own proc and sys."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stream_scorer.model.threads import cpu_quota, decide, threads_for, usable_cores


def lay_out(root: Path, files: dict[str, str]) -> Path:
    """Write files below the root."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_container_on_cgroup_v2_has_the_quota_of_its_own_root(tmp_path: Path) -> None:
    """With a cgroup namespace the process sees itself at the root."""
    root = lay_out(
        tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "150000 100000\n"}
    )

    assert cpu_quota(root) == 1.5


def test_the_tightest_group_above_the_process_holds(tmp_path: Path) -> None:
    """A systemd slice may be tighter than the service in it."""
    root = lay_out(
        tmp_path,
        {
            "proc/self/cgroup": "0::/system.slice/scorer.service\n",
            "sys/fs/cgroup/system.slice/cpu.max": "200000 100000\n",
            "sys/fs/cgroup/system.slice/scorer.service/cpu.max": "400000 100000\n",
        },
    )

    assert cpu_quota(root) == 2


def test_max_is_no_limit(tmp_path: Path) -> None:
    """That is how cgroup v2 writes no limit."""
    root = lay_out(
        tmp_path, {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}
    )

    assert cpu_quota(root) is None


@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
def test_cgroup_v1_has_quota_and_period_in_two_files(tmp_path: Path, mount: str) -> None:
    """The controllers are mounted together, or the cpu controller by its own name."""
    folder = f"sys/fs/cgroup/{mount}/docker/abc"
    root = lay_out(
        tmp_path,
        {
            "proc/self/cgroup": "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n",
            f"{folder}/cpu.cfs_quota_us": "50000\n",
            f"{folder}/cpu.cfs_period_us": "100000\n",
        },
    )

    assert cpu_quota(root) == 0.5


def test_the_hosts_path_of_a_container_leads_to_the_mounts_root(tmp_path: Path) -> None:
    """Without a cgroup namespace the path is the host's, and only the root is mounted."""
    root = lay_out(
        tmp_path,
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/kubepods/pod1/abc\n",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "300000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
    )

    assert cpu_quota(root) == 3


def test_minus_one_is_no_limit(tmp_path: Path) -> None:
    """That is how cgroup v1 writes no limit."""
    root = lay_out(
        tmp_path,
        {
            "proc/self/cgroup": "4:cpu:/\n",
            "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000",
        },
    )

    assert cpu_quota(root) is None


def test_a_group_outside_of_the_namespace_is_read_at_the_root(tmp_path: Path) -> None:
    """A path with .. must not lead out of the mounted tree."""
    root = lay_out(
        tmp_path,
        {
            "proc/self/cgroup": "0::/../../other\n",
            "sys/fs/cgroup/cpu.max": "100000 100000",
            "sys/other/cpu.max": "1000 100000",
        },
    )

    assert cpu_quota(root) == 1


@pytest.mark.parametrize("text", ["", "nonsense", "0::relative", "4:cpu"])
def test_a_system_without_cgroups_has_no_limit(tmp_path: Path, text: str) -> None:
    """A Mac has no such file; a strange one is no reason to fail."""
    assert cpu_quota(lay_out(tmp_path, {"proc/self/cgroup": text})) is None


@pytest.mark.parametrize(
    ("cores", "quota", "threads"),
    [(8, None, 8), (8, 2.0, 2), (8, 1.5, 2), (8, 0.2, 1), (2, 4.0, 2)],
)
def test_the_quota_is_rounded_up_and_never_beyond_the_cores(
    cores: int, quota: float | None, threads: int
) -> None:
    """A quota of 1.5 CPUs is worth two threads, half a CPU one."""
    assert threads_for(cores, quota) == threads


def test_auto_stays_within_the_cores_that_the_process_may_use() -> None:
    """Affinity counts, as taskset and cpusets set it."""
    decided = decide("auto", 1)

    assert 1 <= decided.intra_op <= len(os.sched_getaffinity(0)) == usable_cores()
    assert str(decided.intra_op) in decided.reason


def test_a_configured_count_is_taken_as_it_is() -> None:
    """Whoever says seven gets seven."""
    assert decide(7, 3).intra_op == 7
    assert decide(7, 3).inter_op == 3
