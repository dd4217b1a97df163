"""Files as Xmipp itself lays them out: blocks, quotes, line ends, disabled rows, SPIDER stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from cl2d.io import open_particles, open_references, relion_table, write_spider_stack, write_stack
from tests.particle_files import numbered_images

if TYPE_CHECKING:
    from pathlib import Path

# A level of CL2D: pairs without loop_, several blocks, quoted names, a class without members.
LEVEL = """# XMIPP_STAR_1 *
#
data_info
 _iterationNumber 4
 _cl2dSimilarity     0.312500
 _cl2dChanges          12
data_classes
loop_
 _ref
 _image
 _classCount
          1 000001@level_classes.stk          2
          2 000002@level_classes.stk          1
          3 000003@level_classes.stk          0
data_class000001_images
loop_
 _image
 _enabled
 _micrograph
 _flip
 _shiftX
 _shiftY
 _anglePsi
 000003@images.stk 1 'first mic.mrc' 0 1.5 -0.5 12.5
 000001@images.stk -1 "first mic.mrc" 1 0 0 0
data_class000002_images
loop_
 _image
 _enabled
 _micrograph
 _flip
 _shiftX
 _shiftY
 _anglePsi
 000002@images.stk 1 mic2.mrc 0 0 0 0
data_class000003_images
loop_
 _image
 _enabled
"""


@pytest.fixture(params=["\n", "\r\n"], ids=["LF", "CRLF"])
def level(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    write_spider_stack(tmp_path / "images.stk", numbered_images(4, first=1))
    write_spider_stack(tmp_path / "level_classes.stk", numbered_images(3, first=50))
    path = tmp_path / "level_classes.xmd"
    path.write_bytes(LEVEL.replace("\n", request.param).encode())
    return path


def test_members_of_a_class_are_read_by_block(level: Path) -> None:
    source = open_particles(f"class000001_images@{level}")
    assert source.read(0, 2)[:, 0, 0].tolist() == [3, 1]
    assert source.table is not None
    assert source.table.enabled().tolist() == [True, False]
    assert source.table.text("micrograph") == ["first mic.mrc"] * 2


def test_block_of_classes_gives_the_references(level: Path) -> None:
    for address in (level, f"classes@{level}"):
        assert open_references(address).read(0, 3)[:, 0, 0].tolist() == [50, 51, 52]


def test_class_without_members_and_unknown_blocks_are_told(level: Path) -> None:
    with pytest.raises(ValueError, match="data_class000003_images must have at least one row"):
        open_particles(f"class000003_images@{level}")
    with pytest.raises(ValueError, match="must have a block data_class000009_images; it has"):
        open_particles(f"class000009_images@{level}")


def test_relion_gets_stacks_named_mrc_with_their_mark(tmp_path: Path) -> None:
    write_stack(tmp_path / "a.mrc", numbered_images(2))
    write_stack(tmp_path / "b.mrcs", numbered_images(2, first=10))
    names = ["1@a.mrc:mrcs", "2@b.mrcs:mrcs", "2@a.mrc", "1@b.mrcs"]
    rows = "".join(f" {name}\n" for name in names)
    (tmp_path / "a.xmd").write_text(f"# XMIPP_STAR_1 * \n# \ndata_noname\nloop_\n _image\n{rows}")
    source = open_particles(tmp_path / "a.xmd")
    assert source.read(0, 4)[:, 0, 0].tolist() == [0, 11, 1, 10]
    table = relion_table(source)
    endings = [name.split("/")[-1] for name in table.text("rlnImageName")]
    assert endings == ["a.mrc:mrcs", "b.mrcs", "a.mrc:mrcs", "b.mrcs"]
    bare = relion_table(open_particles(tmp_path / "a.mrc"))
    assert bare.text("rlnImageName")[1] == f"000002@{tmp_path}/a.mrc:mrcs"
    assert np.array_equal(open_particles(tmp_path / "a.mrc").read(0, 2), numbered_images(2))
