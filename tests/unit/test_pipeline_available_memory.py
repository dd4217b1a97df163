from __future__ import annotations

import pytest

from cl2d.pipeline.available_memory import available_memory_bytes

GIB = 1024**3


@pytest.fixture
def machine(tmp_path):
    """Return a function that lays out the system files of a machine with 8 GiB to give."""

    def lay_out(**files):
        contents = {"proc/meminfo": f"MemTotal: 9 kB\nMemAvailable: {8 * GIB // 1024} kB\n"}
        for name, text in (contents | files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return lay_out


def test_without_control_group_the_machine_decides(machine):
    assert available_memory_bytes(machine()) == 8 * GIB


def test_unknown_where_the_system_does_not_tell(tmp_path):
    assert available_memory_bytes(tmp_path) is None


def test_second_version_group_limits_with_cache_counted_as_free(machine):
    job = "sys/fs/cgroup/batch/job_7"
    root = machine(
        **{
            "proc/self/cgroup": "0::/batch/job_7\n",
            f"{job}/memory.max": f"{3 * GIB}\n",
            f"{job}/memory.current": f"{2 * GIB}\n",
            f"{job}/memory.stat": f"anon 5\ninactive_file {GIB}\nactive_file 3\n",
        }
    )
    assert available_memory_bytes(root) == 2 * GIB


def test_group_above_limits_too(machine):
    root = machine(
        **{
            "proc/self/cgroup": "0::/batch/job_7\n",
            "sys/fs/cgroup/batch/job_7/memory.max": "max\n",
            "sys/fs/cgroup/batch/job_7/memory.current": "5\n",
            "sys/fs/cgroup/batch/memory.max": f"{GIB}\n",
            "sys/fs/cgroup/batch/memory.current": "0\n",
        }
    )
    assert available_memory_bytes(root) == GIB


def test_first_version_group_limits(machine):
    job = "sys/fs/cgroup/memory/slurm/job_7"
    root = machine(
        **{
            "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/slurm/job_7\n",
            f"{job}/memory.limit_in_bytes": f"{4 * GIB}\n",
            f"{job}/memory.usage_in_bytes": f"{3 * GIB}\n",
            f"{job}/memory.stat": f"total_inactive_file {GIB}\n",
        }
    )
    assert available_memory_bytes(root) == 2 * GIB


def test_unlimited_first_version_group_leaves_it_to_the_machine(machine):
    root = machine(
        **{
            "proc/self/cgroup": "4:memory:/\n",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "sys/fs/cgroup/memory/memory.usage_in_bytes": f"{GIB}\n",
        }
    )
    assert available_memory_bytes(root) == 8 * GIB


def test_group_over_its_limit_leaves_nothing(machine):
    root = machine(
        **{
            "proc/self/cgroup": "0::/\n",
            "sys/fs/cgroup/memory.max": "10\n",
            "sys/fs/cgroup/memory.current": "20\n",
        }
    )
    assert available_memory_bytes(root) == 0


def test_this_machine_has_some_memory():
    available = available_memory_bytes()
    assert available is not None
    assert available > 0
