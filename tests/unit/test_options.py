from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from cl2d.errors import InputError
from cl2d.options import (
    STAGES,
    AlignmentOptions,
    ClassifyOptions,
    LevelOptions,
    PreprocessOptions,
    RunOptions,
    build_options,
    python_name,
)


def all_fields():
    return [
        (stage, name, field)
        for stage, model in STAGES.items()
        for name, field in model.model_fields.items()
    ]


def test_defaults_follow_the_classical_protocol_but_for_the_similarity():
    options = ClassifyOptions()
    assert (options.levels.classes, options.levels.initial_classes) == (64, 4)
    assert options.levels.iterations == 10
    assert options.alignment.similarity == "likelihood"
    assert options.levels.clustering == "classical"
    assert options.alignment.mirrors
    assert not options.output.overwrite


def test_no_two_stages_share_a_name():
    names = [name for _, name, _ in all_fields()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(("name", "field"), [entry[1:] for entry in all_fields()])
def test_every_option_says_what_it_is(name, field):
    assert field.description.endswith(".")
    facts = field.json_schema_extra
    assert isinstance(facts["expert"], bool)
    if field.default is None:
        assert facts["automatic"]
    for ending, unit in (("_px", "px"), ("_angstrom", "angstrom"), ("_percent", "%")):
        assert not name.endswith(ending) or facts["unit"] == unit


@pytest.mark.parametrize(("stage", "name", "field"), all_fields())
def test_schema_tells_default_and_help_of_every_option(stage, name, field):
    schema = STAGES[stage].model_json_schema()["properties"][name]
    assert schema["default"] == field.default
    assert schema["description"] == field.description


def test_flat_options_go_to_their_stages():
    options = ClassifyOptions.from_flat(
        n_classes=16, max_shift_px=5, whiten=False, overwrite=True, threads=3
    )
    assert options.levels.classes == 16
    assert options.alignment.max_shift_px == 5.0
    assert not options.preprocess.whiten
    assert options.output.overwrite
    assert options.run.n_threads() == 3


def test_command_line_name_of_the_number_of_classes_is_taken_too():
    assert ClassifyOptions.from_flat(classes=7) == ClassifyOptions.from_flat(n_classes=7)


def test_flat_view_has_python_names_and_comes_back_whole():
    options = ClassifyOptions.from_flat(n_classes=3, seed=5, mask_diameter_px=40)
    flat = options.to_flat()
    assert flat["n_classes"] == 3
    assert "classes" not in flat
    assert ClassifyOptions.from_flat(**flat) == options


def test_one_option_by_both_its_names_is_refused():
    with pytest.raises(InputError, match="classes and n_classes are one option"):
        ClassifyOptions.from_flat(classes=3, n_classes=3)


def test_misspelt_option_gets_the_nearest_name():
    with pytest.raises(InputError, match=r"unknown option n_clases: did you mean n_classes\?"):
        ClassifyOptions.from_flat(n_clases=3)


def test_unknown_option_gets_the_list():
    with pytest.raises(InputError, match=r"unknown option zzz: the options are .*n_classes.*seed"):
        ClassifyOptions.from_flat(zzz=3)


NUMBER_OF_CLASSES = 'a whole number >= 1 or "auto"'


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_classes": 0}, f"n_classes must be {NUMBER_OF_CLASSES}, not 0"),
        ({"n_classes": "3"}, f"n_classes must be {NUMBER_OF_CLASSES}, not '3'"),
        ({"n_classes": "x"}, f"n_classes must be {NUMBER_OF_CLASSES}, not 'x'"),
        ({"iterations": 0}, "iterations must be at least 1, not 0"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"threads": 0}, "threads must be at least 1, not 0"),
        ({"max_shift_px": -1.0}, "max_shift_px must be at least 0, not -1.0"),
        ({"resolution_angstrom": 0}, "resolution_angstrom must be greater than 0, not 0"),
        ({"mask_diameter_px": float("nan")}, "mask_diameter_px must be a finite number, not nan"),
        ({"min_change_percent": 101.0}, "min_change_percent must be at most 100, not 101.0"),
        (
            {"similarity": "corr"},
            "similarity must be 'likelihood', 'correlation' or 'correntropy', not 'corr'",
        ),
        (
            {"max_shift_px": 1.0, "max_shift_angstrom": 2.0},
            "max_shift_px and max_shift_angstrom must not both be given",
        ),
        (
            {"mask_diameter_px": 1.0, "mask_diameter_angstrom": 2.0},
            "mask_diameter_angstrom and mask_diameter_px must not both be given",
        ),
        (
            {"n_classes": 2, "initial_classes": 4},
            "initial_classes (4) must not exceed n_classes (2)",
        ),
        (
            {"n_classes": 0, "seed": -1},
            f"n_classes must be {NUMBER_OF_CLASSES}, not 0; seed must be at least 0, not -1",
        ),
    ],
)
def test_bad_value_is_one_line_with_name_wish_and_value(values, message):
    with pytest.raises(InputError) as caught:
        ClassifyOptions.from_flat(**values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_classes": 2.0}, f"n_classes must be {NUMBER_OF_CLASSES}, not 2.0"),
        ({"n_classes": True}, f"n_classes must be {NUMBER_OF_CLASSES}, not True"),
        ({"n_classes": None}, f"n_classes must be {NUMBER_OF_CLASSES}, not None"),
        ({"max_shift_px": "5"}, "max_shift_px must be a number, not '5'"),
        ({"mirrors": 1}, "mirrors must be True or False, not 1"),
    ],
)
def test_wrong_type_is_a_type_error(values, message):
    with pytest.raises(TypeError) as caught:
        ClassifyOptions.from_flat(**values)
    assert str(caught.value) == message


def test_long_value_is_cut_in_the_message():
    with pytest.raises(InputError, match=r"not '(x{59})\.\.\.$"):
        ClassifyOptions.from_flat(n_classes="x" * 1000)


def test_message_has_the_names_of_the_face_that_asks():
    with pytest.raises(
        InputError, match=r"^--classes must be a whole number >= 1 or .auto., not 0$"
    ):
        build_options({"classes": 0}, label=lambda name: f"--{name}")


def test_numpy_numbers_are_numbers():
    options = ClassifyOptions.from_flat(
        n_classes=np.int64(3), mirrors=np.bool_(False), max_shift_px=np.float32(2.5)
    )
    assert type(options.levels.classes) is int
    assert options.alignment.mirrors is False
    assert options.alignment.max_shift_px == 2.5


def test_default_first_level_has_no_more_classes_than_asked_for():
    assert ClassifyOptions.from_flat(n_classes=1).levels.initial_classes == 1
    assert ClassifyOptions.from_flat(n_classes=np.int64(3)).levels.initial_classes == 3
    assert ClassifyOptions.from_flat(n_classes=5).levels.initial_classes == 4


def test_options_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError, match="frozen"):
        LevelOptions().classes = 3


def test_stage_refuses_a_name_of_another_stage():
    with pytest.raises(ValidationError, match="extra"):
        AlignmentOptions(classes=3)


def test_number_of_threads_defaults_to_the_cores_of_this_process(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 3, 5})
    assert RunOptions().n_threads() == 3
    assert RunOptions(threads=7).n_threads() == 7


def test_a_system_that_does_not_say_which_cores_are_open_is_taken_to_open_all(monkeypatch):
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    assert RunOptions().n_threads() == 5


def test_python_name_differs_only_where_said():
    assert python_name(LevelOptions, "classes") == "n_classes"
    assert python_name(PreprocessOptions, "whiten") == "whiten"


def test_number_of_classes_that_is_to_be_found_has_a_bound():
    levels = ClassifyOptions.from_flat(n_classes="auto").levels
    assert levels.automatic
    assert [levels.most_classes(n) for n in (3, 100, 4000, 10**6)] == [3, 4, 80, 512]
    assert LevelOptions(classes="auto", max_classes=30).most_classes(4000) == 30
    assert LevelOptions(classes=7).most_classes(4000) == 7


def test_first_level_of_a_bounded_search_has_no_more_classes_than_the_bound():
    assert LevelOptions(classes="auto", max_classes=3).initial_classes == 3
    with pytest.raises(
        InputError, match=r"initial_classes \(4\) must not exceed max_classes \(3\)"
    ):
        ClassifyOptions.from_flat(n_classes="auto", max_classes=3, initial_classes=4)
