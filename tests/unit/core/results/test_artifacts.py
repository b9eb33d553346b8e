"""The artefacts of a run: what is compared with what, in each of its formats."""

from __future__ import annotations

import pytest

from pqv_core.results import artifacts


def keys(*formats: str) -> list[str]:
    return [spec.key for spec in artifacts.of_run(formats=formats, scheme="int8-dynamic")]


def test_a_run_in_one_format_has_both_baselines() -> None:
    assert keys("ptl") == ["paper_fp32", "fast_fp32", "pruned_fp32", "compressed"]


def test_each_further_format_has_its_fastest_fp32_file_and_its_result() -> None:
    assert keys("ptl", "pte")[4:] == ["fast_fp32_pte", "pruned_fp32_pte", "compressed_pte"]


def test_the_papers_baseline_is_a_lite_file_whatever_comes_first() -> None:
    made = artifacts.of_run(formats=("pte", "ptl"), scheme="int8-dynamic")
    assert [(spec.key, spec.format) for spec in made][:2] == [("paper_fp32", "ptl"), ("fast_fp32", "pte")]


def test_a_run_that_merges_tokens_has_each_result_with_all_of_them_beside_it() -> None:
    made = artifacts.of_run(formats=("ptl", "pte"), scheme="int8-dynamic", merges=True)
    contrasts = [spec for spec in made if spec.is_contrast]
    assert [(spec.key, spec.format, spec.scheme) for spec in contrasts] == [
        ("unmerged", "ptl", "int8-dynamic"),
        ("unmerged_pte", "pte", "int8-dynamic"),
    ]
    assert not any(spec.is_step or spec.is_result or spec.is_baseline for spec in contrasts)


def test_what_is_to_be_so_many_times_as_fast_has_the_uncut_model_in_its_scheme_beside_it() -> None:
    made = artifacts.of_run(formats=("ptl", "pte"), scheme="int8-dynamic", hastened=True)
    (uncut,) = [spec for spec in made if spec.is_contrast]
    assert (uncut.key, uncut.model, uncut.format, uncut.scheme) == ("uncut", "dense", "ptl", "int8-dynamic")
    assert uncut.label == "Compressed, uncut", "whatever the scheme: fp16 quantizes nothing"
    exact = artifacts.of_run(formats=("ptl",), scheme="fp32", exact=True, hastened=True)
    assert not any(spec.is_contrast for spec in exact), "the fastest fp32 file is the uncut model"
    other = artifacts.of_run(formats=("ptl",), scheme="sparse", exact=True, hastened=True)
    assert [(spec.key, spec.scheme) for spec in other if spec.is_contrast] == [("uncut", "sparse")]


def test_without_baselines_there_is_nothing_beside_the_result_either() -> None:
    made = artifacts.of_run(formats=("ptl",), scheme="fp32", exact=True, merges=True, baselines=False)
    assert [(spec.key, spec.way) for spec in made] == [("compressed", artifacts.FASTEST)]


@pytest.mark.parametrize("hastened", [False, True])
def test_what_a_run_writes_in_two_formats_has_a_colour_each(hastened: bool) -> None:
    made = artifacts.of_run(formats=("ptl", "pte"), scheme="int8", hastened=hastened)
    assert len({artifacts.colour(spec.key) for spec in made}) == len(made)


def test_the_result_keeps_its_colour_beside_what_it_is_contrasted_with() -> None:
    made = artifacts.of_run(formats=("ptl",), scheme="int8-dynamic", merges=True, hastened=True)
    colours = {spec.key: artifacts.colour(spec.key) for spec in made}
    assert colours["compressed"] == 0
    assert sorted(colours.values()) == [0, 1, 2, 3, 4, 5]
    assert artifacts.colour("something else") == 6


def test_without_the_papers_format_there_is_no_figure_of_the_paper() -> None:
    assert keys("pte") == ["fast_fp32", "pruned_fp32", "compressed"]


def test_without_baselines_there_are_the_results_alone_each_in_its_fastest_way() -> None:
    made = artifacts.of_run(formats=("ptl", "pte"), scheme="fp32", exact=True, baselines=False)
    assert [(spec.key, spec.way) for spec in made] == [("compressed", "fastest"), ("compressed_pte", "fastest")]


def test_an_artefact_in_another_format_is_called_as_its_run_calls_it() -> None:
    made = artifacts.of_run(formats=("ptl", "pte"), scheme="int8-static")
    assert {spec.key: artifacts.label(spec.key) for spec in made} == {spec.key: spec.label for spec in made}
    assert artifacts.label("something_else") == "Something else"
