"""How far a run scales: costs measured here, and runs simulated on up to a thousand workers.

python bench/scaling.py --measure          # some minutes; writes bench/results/scaling.json
python bench/scaling.py                    # the tables, from what was measured
python bench/scaling.py --page docs/scaling.md
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from scaling_costs import Costs, kept, read_costs
from scaling_page import tables, write_page

if TYPE_CHECKING:
    from collections.abc import Sequence

Result = TypeVar("Result")
RESULTS = Path(__file__).parent / "results" / "scaling.json"


def measured() -> Costs:
    """Measure everything that the model takes, and what it is checked against."""
    from distributed import Client
    from scaling_check import assignment_rows, whole_rows
    from scaling_cluster import cluster_costs
    from scaling_engine import GRIDS, grid_costs
    from speed_machine import describe_machine

    from cl2d.cluster.local import local_cluster

    machine = asdict(describe_machine())
    grids = tuple(_told(f"grid {grid}", grid_costs(grid)) for grid in GRIDS)
    with tempfile.TemporaryDirectory(prefix="cl2d-scaling-") as name:
        folder, checks = Path(name), []
        with local_cluster(1, 1) as cluster, Client(cluster) as client:
            client.wait_for_workers(1)
            costs = Costs(machine, grids, _told("messages", cluster_costs(client, folder)))
            checks += _told("one worker", assignment_rows(client, folder, costs, 1))
        with local_cluster(2, 1) as cluster, Client(cluster) as client:
            client.wait_for_workers(2)
            checks += _told("two workers", assignment_rows(client, folder, costs, 2))
        checks += _told("whole runs", whole_rows(folder, costs))
    machine["load_average_after"] = round(os.getloadavg()[0], 1)
    return replace(costs, checks=tuple(checks))


def _told(what: str, result: Result) -> Result:
    print(f"{what}: {result}", flush=True)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--measure", action="store_true", help="measure anew")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--page", type=Path, help="the page to write")
    options = parser.parse_args(arguments)
    if options.measure:
        kept(measured(), options.results)
    costs = read_costs(options.results)
    if options.page is None:
        print("\n".join(tables(costs)))
    else:
        write_page(options.page, costs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
