"""``cl2d compare``: how far two runs find the same classes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated

import typer

from cl2d import pipeline
from cl2d.cli.parameters import Debug
from cl2d.cli.wording import count
from cl2d.pipeline import Comparison

FirstRun = Annotated[Path, typer.Argument(metavar="OUT_A", help="Folder of a finished run.")]
SecondRun = Annotated[Path, typer.Argument(metavar="OUT_B", help="Folder of another one.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]

LARGEST_TABLE = 20  # classes of a side; a wider contingency table does not fit a terminal


def compare(
    run_a: FirstRun,
    run_b: SecondRun,
    as_json: AsJson = False,
    debug: Debug = False,  # noqa: ARG001 - read by main, which catches what goes wrong
) -> None:
    """Compare the classes of two runs over the particles they share."""
    comparison = pipeline.compare(run_a, run_b)
    if as_json:
        print(json.dumps(_plain(comparison)))
        return
    print("\n".join([*_summary(comparison), "", *_match_lines(comparison)]))
    if max(comparison.contingency.shape) <= LARGEST_TABLE:
        print("\n".join(["", *_contingency_lines(comparison)]))


def _plain(comparison: Comparison) -> dict[str, object]:
    return {
        "n_compared": comparison.n_compared,
        "n_only_a": comparison.n_only_a,
        "n_only_b": comparison.n_only_b,
        "adjusted_rand_index": comparison.adjusted_rand_index,
        "normalised_mutual_information": comparison.normalised_mutual_information,
        "matched_share": comparison.matched_share,
        "matches": [dataclasses.asdict(match) for match in comparison.matches],
        "contingency": comparison.contingency.tolist(),
    }


def _summary(comparison: Comparison) -> list[str]:
    return [
        f"{count(comparison.n_compared, 'particle')} compared, "
        f"{comparison.n_only_a:,} only in A, {comparison.n_only_b:,} only in B",
        f"adjusted Rand index            {comparison.adjusted_rand_index:.4f}",
        f"normalised mutual information  {comparison.normalised_mutual_information:.4f}",
        f"in matched classes             {100 * comparison.matched_share:.1f} %",
    ]


def _match_lines(comparison: Comparison) -> list[str]:
    head = f"{'A':>5} {'B':>5} {'in A':>9} {'in B':>9} {'in both':>9}  of either"
    return [
        head,
        *(
            f"{match.class_a:>5} {match.class_b:>5} {match.members_a:>9,} {match.members_b:>9,} "
            f"{match.shared:>9,}  {100 * match.jaccard:.1f} %"
            for match in comparison.matches
        ),
    ]


def _contingency_lines(comparison: Comparison) -> list[str]:
    table = comparison.contingency
    width = max(4, len(str(table.max())))
    head = "A \\ B" + "".join(f" {number:>{width}}" for number in range(1, table.shape[1] + 1))
    rows = (
        f"{number:>5}" + "".join(f" {shared or '.':>{width}}" for shared in row)
        for number, row in enumerate(table.tolist(), 1)
    )
    return [head, *rows]
