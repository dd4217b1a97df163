"""Words as RELION's External job writes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cl2d.cli.relion_words import output_folder, parse_words
from cl2d.errors import InputError
from cl2d.options import STAGES, build_options

JOB = ["--o", "External/job005/", "--in_parts", "Select/job003/particles.star"]


def values(*words: str) -> dict[str, object]:
    return parse_words([*JOB, *words]).values


def test_job_and_particles_are_where_relion_says() -> None:
    call = parse_words([*JOB, "--j", "4", "--pipeline_control", "External/job005/"])
    assert call.output == Path("External/job005")
    assert call.particles == Path("Select/job003/particles.star")
    assert (call.values, call.remarks) == ({"threads": 4}, ())


@pytest.mark.parametrize("label", ["--classes", "--n_classes", "--n-classes", "--Classes"])
def test_option_may_be_called_by_any_of_its_names(label: str) -> None:
    assert values(label, "50") == {"classes": 50}


@pytest.mark.parametrize("label", ["--max_shift_px", "--max-shift-px", "--max-shift_px"])
def test_hyphens_and_underscores_are_one(label: str) -> None:
    assert values(label, "4.5") == {"max_shift_px": 4.5}


@pytest.mark.parametrize("word", ["true", "yes", "1", "Yes", "TRUE"])
def test_switch_is_turned_on_by_a_word(word: str) -> None:
    assert values("--mirrors", word) == {"mirrors": True}
    assert values("--no_mirrors", word) == {"mirrors": False}


@pytest.mark.parametrize("word", ["false", "no", "0", "No"])
def test_switch_is_turned_off_by_a_word(word: str) -> None:
    assert values("--mirrors", word) == {"mirrors": False}


def test_switch_without_a_value_is_on() -> None:
    assert values("--analyze_rejected", "--classes", "3") == {
        "analyze_rejected": True,
        "classes": 3,
    }


def test_values_have_the_type_of_their_option() -> None:
    words = ["--seed", "7.0", "--junk_zscore", "2", "--similarity", "correlation"]
    words += ["--classes", "auto", "--max_memory", "8GB", "--references", "out/classes.mrcs"]
    found = build_options(values(*words))
    assert (found.levels.seed, found.cores.junk_zscore) == (7, 2.0)
    assert found.alignment.similarity == "correlation"
    assert found.levels.classes == "auto"
    assert (found.run.max_memory, found.levels.references) == ("8GB", "out/classes.mrcs")


def test_own_number_of_threads_comes_before_that_of_the_job() -> None:
    assert values("--threads", "2", "--j", "8") == {"threads": 2}


def test_every_option_of_a_classification_has_a_label() -> None:
    for model in STAGES.values():
        for name in model.model_fields:
            assert list(values(f"--{name}", "1")) == [name]


def test_inputs_of_other_kinds_are_told_and_ignored() -> None:
    call = parse_words([*JOB, "--in_3dref", "map.mrc", "--in_mask", "mask.mrc"])
    assert call.values == {}
    assert [remark.split()[0] for remark in call.remarks] == ["--in_3dref", "--in_mask"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--clases", "5"],
            "--clases must be an option of cl2d classify; the nearest is --classes",
        ),
        (["--no_classes", "5"], "the nearest is --n_classes"),
        (["--classes"], "--classes must have a value"),
        (["--classes", ""], "--classes must have a value"),
        (["--mirrors", "maybe"], "--mirrors must be yes or no, not maybe"),
        (["--classes", "5", "--classes", "6"], "--classes must be given once"),
        (["--classes", "5", "--n_classes", "6"], "must be given once, under one of its names"),
        (["--classes", "5", "6"], "'6' stands after --classes 5"),
    ],
)
def test_word_that_cannot_be_understood_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        values(*words)


@pytest.mark.parametrize("words", [[], ["--o"], ["--o", "", "--in_parts", "a.star"]])
def test_folder_of_the_job_must_be_given(words: list[str]) -> None:
    with pytest.raises(InputError, match="--o must be given"):
        output_folder(words)


def test_particles_must_be_given() -> None:
    with pytest.raises(InputError, match="--in_parts must be given"):
        parse_words(["--o", "External/job005/"])
