"""Names of the programs that files are written for."""

from __future__ import annotations

import pytest

from cl2d.errors import InputError
from cl2d.options import ClassifyOptions
from cl2d.options.hand_over import formats_in


@pytest.mark.parametrize(
    ("given", "formats"),
    [
        ("relion", ("relion",)),
        ("xmipp,relion", ("relion", "xmipp")),
        (" relion , relion ", ("relion",)),
        (["cryosparc", "xmipp"], ("xmipp", "cryosparc")),
        ("none", ()),
        ([], ()),
    ],
)
def test_programs_are_named_in_any_order_and_as_text_or_list(given, formats):
    assert ClassifyOptions.from_flat(format=given).output.formats == formats


def test_what_is_kept_says_the_same_again():
    kept = ClassifyOptions.from_flat(format="xmipp, relion").output.format
    assert formats_in(kept) == ("relion", "xmipp")


@pytest.mark.parametrize("wrong", ["eman", "relion,", "", "none,relion", "RELION"])
def test_an_unknown_program_is_refused_with_the_known_ones(wrong):
    with pytest.raises(InputError, match=r"format must be relion, xmipp, cryosparc, several"):
        ClassifyOptions.from_flat(format=wrong)


def test_another_type_is_refused():
    with pytest.raises(TypeError, match="format must be"):
        ClassifyOptions.from_flat(format=3)
