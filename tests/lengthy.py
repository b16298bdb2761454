"""Tests that take seconds and prove at more length what another proves: they get the mark ``slow`` here, in one place.

The README's test command is to take three minutes on two cores. A new test whose cases take over a second each goes
here with one or two of its cases left in the plain run; ``pytest --durations=50`` shows which are the next ones.
"""

from __future__ import annotations

import re

__all__ = ["LENGTHY", "is_lengthy"]

LENGTHY = {
    # test file and function: a pattern of the cases that stay in the plain run, "" for none
    "cli/test_latent_options.py::test_a_run_with_another_posterior_or_prior_does_all_that_a_run_does": "",
    "cli/test_resume.py::test_a_run_killed_again_and_again_ends_with_the_bits_of_one_that_was_not": "",
    "cli/test_run_pictures.py::test_the_kl_picture_has_the_numbers_of_evaluate": "validation",
    "cli/test_run_pictures.py::test_the_latent_space_takes_the_other_parts_where_the_test_part_is_small": "",
    "cli/test_train_choices.py::test_epochs_that_were_over_too_early_are_told_and_the_command_goes_on": "",
    "cli/test_verify.py::TestVerify::test_output_beta_and_arguments_are_as_given": "",
    "cli/test_verify.py::TestVerify::test_what_cannot_be_run_is_told_in_one_line": "los-|crash|SIZES",
    "cli/test_verify_model.py::test_what_is_no_model_is_told_in_one_line_without_any_framework": "ends|Vae",
    "conformance/test_mistakes.py::test_what_is_in_no_catalogue_is_called_unknown_at_its_first_stage": "1.3",
    "conformance/test_patterns.py::test_every_form_of_every_mistake_computes_every_kind_of_case": "",
    "conformance/test_patterns.py::test_unknown_stages_of_several_kinds_and_cases_are_told_once_each": "",
    "evaluation/test_evaluation.py::test_the_result_does_not_depend_on_the_blocks": "1-70|64-70",
    "exact/test_exact.py::test_sampled_gradients_have_the_exact_one_as_their_mean": "standardised|mixture",
    "formulas/test_closed_forms.py::test_the_importance_weighted_bound_rises_to_the_evidence_from_below": "",
    "formulas/test_floor.py::test_a_constant_feature_cannot_drive_the_loss_without_bound": "",
    "formulas/test_posteriors.py::test_a_posterior_passes_every_check": "check_(?!normalised)|full",
    "kernels/compiler/test_subnormal.py::test_no_moment_lingers_among_the_subnormal_numbers": "",
    "kernels/loops/test_long_sums.py::test_a_sum_over_rows_misses_by_no_more_than_a_block_does": "float32",
    "kernels/step/test_engine_inputs.py::test_nan_anywhere_makes_the_loss_or_the_gradient_nan": "tanh-float64",
    "model/test_doors.py::test_gradients_are_the_complex_steps_and_the_central_differences": "full|^mixture|numba",
    "model/test_gradients.py::test_gradients_are_right_for_every_depth": r"^\(\)",
    "model/test_gradients.py::test_the_importance_weighted_bound_has_the_right_gradient": "learned|^bernoulli|numba",
    "model/test_own_activation.py::test_a_users_activation_trains_saves_loads_and_resumes": "numba",
    "model/test_scaled_model.py::test_loss_and_elbo_agree_and_the_gradient_is_right": "elbo",
    "model/test_toy_doors.py::test_a_users_posterior_and_prior_train_save_load_and_resume": "both|numba",
    "plots/test_latent_space.py::test_labels_have_their_columns_name": "1-None",
    "plots/test_manifold.py::test_the_first_axis_grows_to_the_right_and_the_second_upwards": "",
    "plots/test_manifold.py::test_thin_lines_part_the_tiles_of_the_manifold": "",
    "plots/test_pictures.py::test_a_picture_is_a_png_with_ink_and_nothing_cropped": "^samples|^KL|^trav|^manifold$",
    "plots/test_pictures.py::test_no_side_of_an_image_picture_is_blank": "^samples|row",
    "plots/test_pictures.py::test_the_noise_of_a_constant_column_does_not_fill_the_colours": "",
    "plots/test_tables.py::test_long_names_are_inside_the_picture_and_do_not_overlap": "traversals-13|-2$",
    "plots/test_tables.py::test_of_many_features_the_best_the_worst_and_some_between_are_shown": "",
    "plots/test_tables.py::test_of_many_features_those_that_move_most_are_shown": "",
    "plots/test_walks.py::test_the_files_name_says_its_format_and_the_same_picture_has_the_same_bytes": "svg",
    "test_oracles.py::test_the_continuous_bernoulli_oracle_is_a_density_with_its_mean_and_variance": "0.01|25",
}


def is_lengthy(nodeid: str) -> bool:
    """Whether a test, ``file::name[case]`` within this folder, is left to ``-m slow``."""
    name, _, case = nodeid.removesuffix("]").partition("[")
    stays = LENGTHY.get(name.removeprefix("tests/"))
    return stays is not None and not (stays and re.search(stays, case))
