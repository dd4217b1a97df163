"""Unpack a compressed dataset in a process of its own: run with the path, it prints a .npy file.

The library that knows the format trusts what it reads: a damaged file may end the process it is
read in, and a lying one ask for any memory. So it is never loaded where a run goes on.
"""

from __future__ import annotations

import resource
import sys

import numpy as np

FAILED = 3
"""Exit code if the file is told to be wrong, with the reason on standard error."""

_OWN_BYTES = 4 << 30
_COPIES = 8


def main() -> int:
    """Write the dataset named first, which may take so many bytes unpacked, to standard output."""
    path, most_bytes = sys.argv[1], int(sys.argv[2])
    limit = _OWN_BYTES + _COPIES * most_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
    from cryosparc.dataset import Dataset  # noqa: PLC0415 - it counts against the limit

    try:
        records = Dataset.load(path).to_records(fixed=True)
        np.save(sys.stdout.buffer, np.array(records, copy=False), allow_pickle=False)
    except Exception as error:
        sys.stderr.write(f"{error.__cause__ or error}")
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
