from __future__ import annotations

import json

import pytest

from cl2d.errors import InputError
from cl2d.options import ClassifyOptions, ClusterOptions, build_options, read_config
from cl2d.pipeline.resuming import option_differences


def test_a_run_computes_alone_unless_it_is_told_otherwise() -> None:
    assert not ClusterOptions().asked_for
    assert not ClusterOptions(worker_timeout_seconds=5.0).asked_for


@pytest.mark.parametrize(
    "values",
    [
        {"workers": 2},
        {"scheduler": "tcp://node1:8786"},
        {"scheduler_file": "s.json"},
        {"slurm": "-p gpu"},
        {"slurm": "-p gpu", "workers": 8},
    ],
)
def test_each_way_to_a_cluster_asks_for_one(values: dict[str, object]) -> None:
    assert ClassifyOptions.from_flat(**values).cluster.asked_for


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"scheduler": "a", "scheduler_file": "b"}, "scheduler and scheduler_file must not both"),
        ({"scheduler": "a", "slurm": "-p x"}, "scheduler and slurm must not both be given"),
        ({"scheduler_file": "a", "slurm": "-p x"}, "scheduler_file and slurm must not both"),
        ({"scheduler": "a", "workers": 2}, "workers must be left out with scheduler, which has"),
        ({"scheduler_file": "a", "workers": 2}, "workers must be left out with scheduler_file"),
        ({"workers": 0}, "workers must be at least 1, not 0"),
        ({"slurm": " "}, "slurm must be something, or be left out, not ' '"),
        ({"scheduler": ""}, "scheduler must be something, or be left out, not ''"),
        ({"worker_timeout_seconds": 0.0}, "worker_timeout_seconds must be greater than 0"),
    ],
)
def test_what_does_not_go_together_is_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ClassifyOptions.from_flat(**values)


def test_messages_of_the_command_line_have_its_names() -> None:
    given = {"scheduler_file": "a", "workers": 2}
    with pytest.raises(InputError, match="--workers must be left out with --scheduler-file"):
        build_options(given, label=lambda name: f"--{name.replace('_', '-')}")


def test_a_run_may_go_on_on_another_cluster() -> None:
    before = ClassifyOptions.from_flat(workers=2).model_dump(mode="json")
    assert option_differences(before, ClassifyOptions.from_flat(slurm="-p gpu", workers=4)) == []
    del before["cluster"]  # as a checkpoint of a version without clusters has it
    assert option_differences(before, ClassifyOptions.from_flat(workers=2)) == []


def test_where_a_run_computed_is_not_repeated_from_its_record(tmp_path) -> None:
    options = ClassifyOptions.from_flat(n_classes=8, scheduler="tcp://gone:1")
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"status": "complete", "options": options.model_dump()}))
    again = build_options(read_config(path).values)
    assert again.levels.classes == 8
    assert not again.cluster.asked_for


def test_a_file_written_by_hand_may_ask_for_a_cluster(tmp_path) -> None:
    path = tmp_path / "run.yaml"
    path.write_text("workers: 4\nslurm: --partition gpu\n")
    options = build_options(read_config(path).values)
    assert (options.cluster.workers, options.cluster.slurm) == (4, "--partition gpu")
