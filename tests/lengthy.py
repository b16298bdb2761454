"""Tests that take seconds and prove at more length what another proves: they get the mark ``slow`` here, in one place.

The README's test command is to take three minutes on two cores. A new test whose cases take over a second each goes
here with one or two of its cases left in the plain run; ``pytest --durations=50`` shows which are the next ones.
"""

from __future__ import annotations

import re

__all__ = ["LENGTHY", "is_lengthy"]

LENGTHY = {
    # test file: function: a pattern of the cases that stay in the plain run, "" for none
    "cli/test_bench.py": {"test_with_the_jit_off_it_says_so_and_runs": ""},
    "cli/test_commands.py": {
        "test_a_reader_that_leaves_early_is_no_error": "^1$",
        "test_an_output_that_cannot_be_written_is_an_error_of_one_line": "^1$",
        "test_pictures_are_drawn_by_default": "",
    },
    "cli/test_conditions.py": {"test_a_run_is_given_its_labels_and_so_are_the_commands_after_it": ""},
    "cli/test_mixed_table.py": {
        "test_a_table_trains_with_a_likelihood_for_each_group_and_is_evaluated_drawn_and_checked": "",
    },
    "cli/test_latent_options.py": {"test_a_run_with_another_posterior_or_prior_does_all_that_a_run_does": ""},
    "cli/test_remarks.py": {"test_a_result_of_unscaled_data_gets_a_word_and_one_of_scaled_data_none": ""},
    "cli/test_resume.py": {
        "test_a_run_killed_again_and_again_ends_with_the_bits_of_one_that_was_not": "",
        "test_what_a_scheduler_sends_saves_and_says_how_to_go_on": "SIGTERM",
    },
    "cli/test_run_pictures.py": {
        "test_a_picture_that_fails_takes_nothing_with_it": "error0",
        "test_the_kl_picture_has_the_numbers_of_evaluate": "validation",
        "test_the_latent_space_takes_the_other_parts_where_the_test_part_is_small": "",
    },
    "cli/test_train_choices.py": {"test_epochs_that_were_over_too_early_are_told_and_the_command_goes_on": ""},
    "cli/test_train_data.py": {"test_colour_images_are_trained_on_and_drawn": ""},
    "cli/test_train_streams.py": {"test_closed_standard_streams_are_no_obstacle": "closed1"},
    "cli/test_verify.py": {
        "TestVerify::test_bytes_that_are_no_text_on_its_standard_output_do_not_reach_the_answer": "",
        "TestVerify::test_output_beta_and_arguments_are_as_given": "",
        "TestVerify::test_strict_makes_a_dialect_fail_but_for_those_that_are_allowed": "",
        "TestVerify::test_what_cannot_be_run_is_told_in_one_line": "los-",
    },
    "cli/test_verify_model.py": {"test_what_is_no_model_is_told_in_one_line_without_any_framework": "Vae"},
    "cli/test_verify_ways.py": {
        "test_a_case_may_be_added_to_a_kind": "",
        "test_a_command_is_split_into_words_and_needs_no_shell": "",
        "test_a_mistake_is_exit_1_in_every_report": "",
        "test_a_mistake_of_less_severity_can_be_allowed_and_one_of_the_objective_cannot": "",
        "test_a_report_of_what_could_not_be_run_takes_the_place_of_an_older_one": "",
        "test_what_a_program_says_does_not_steer_the_terminal": "",
        "test_what_contradicts_itself_or_cannot_be_run_is_told_in_one_line": "^(?!--python mine:(nothing|stage)-)",
        "test_who_waits_is_told_how_far_it_is": "",
    },
    "conformance/adapters/test_model.py": {
        "test_orders_and_orientations_are_told_by_the_values": "sizes[01]",
        "test_the_case_is_one_of_the_vectors_kind_whose_inputs_are_exact_in_float32": "",
    },
    "conformance/test_calling.py": {
        "test_a_kl_of_the_variance_or_of_a_deviations_logarithm_is_right_under_its_names": "^sigmasq|^log_sigma|exp$",
        "test_a_loss_is_called_as_it_must_be": "^of_a_dict|^by",
        "test_a_training_that_goes_up_a_right_loss_is_told": "-loss",
        "test_what_it_was_given_is_told": "tuple",
    },
    "conformance/test_check.py": {
        "test_garbage_is_told_and_ends_nothing": "",
        "test_what_follows_the_first_wrong_stage_is_its_consequence": "",
    },
    "conformance/test_command.py": {
        "test_what_it_does_instead_of_answering_is_said_of_this_case_and_the_others_are_right": (
            r"^(?!os\.close|right\[name\]\['kl'\]\[[12]\] = (10|None|'-inf'))"
        ),
    },
    "conformance/test_mistakes.py": {"test_what_is_in_no_catalogue_is_called_unknown_at_its_first_stage": ""},
    "conformance/test_node_example.py": {"test_a_mistake_is_told_at_its_stage": ""},
    "conformance/test_objective.py": {
        "test_a_dialect_is_named_and_does_not_fail": "batch-sum|elbo-for",
        "test_a_gaussian_of_another_sigma_is_right_if_its_constant_is_that_of_its_scale": "",
        "test_a_loss_that_takes_beta_is_given_it": "",
        "test_a_mistake_is_named_and_nothing_else": "kl-missing-half|double-sigmoid",
        "test_a_mistake_under_a_sum_over_the_batch_is_named_beside_the_dialect": "kl-missing-half|kl-std",
        "test_a_right_loss_is_not_accused": "logits|each|alone",
        "test_a_weight_that_may_be_meant_is_said": "",
        "test_an_elbo_that_is_summed_and_a_kl_that_is_a_mean_over_all_are_named": "",
        "test_the_bound_of_a_clamp_is_told": "^[24]$",
    },
    "conformance/test_patterns.py": {
        "test_every_form_of_every_mistake_computes_every_kind_of_case": "",
        "test_unknown_stages_of_several_kinds_and_cases_are_told_once_each": "",
    },
    "conformance/test_reports.py": {"test_the_markdown_file_is_a_table_and_the_verdict": ""},
    "conformance/test_special_losses.py": {
        "test_a_clamp_of_the_log_variance_in_the_kl_is_found_with_its_ends": "ends1",
        "test_a_constant_that_float32_rounded_is_right_and_another_is_told_by_what_it_is_off": "^0.25|^0.918938577",
        "test_a_deviation_of_the_residuals_is_the_optimal_sigma_vae": "",
        "test_a_fifth_argument_is_z_a_step_or_a_number": "",
        "test_a_loss_of_several_samples_is_an_importance_weighted_bound": "right",
        "test_free_bits_are_a_dialect_with_their_threshold": "dimension",
    },
    "data/test_names_script.py": {"test_it_trains_samples_and_draws": ""},
    "estimators/test_measuring.py": {
        "test_an_estimator_without_bias_has_none": "^stl|^iwae|vimco",
        "test_many_examples_and_samples_are_taken_a_part_at_a_time": "",
        "test_the_deviation_is_that_of_single_estimates": "",
    },
    "evaluation/test_annealing.py": {
        "test_all_four_agree_on_a_small_model": r"\{\}",
        "test_both_directions_bracket_the_closed_form": "",
    },
    "evaluation/test_evaluation.py": {"test_the_result_does_not_depend_on_the_blocks": "1-70|64-70"},
    "evaluation/test_evidence_error.py": {
        "test_the_error_is_by_how_much_other_seeds_differ": "",
        "test_the_evidence_lies_low_by_half_the_squared_error": "",
    },
    "evaluation/test_images_script.py": {"test_it_prints_its_tables_and_draws": ""},
    "exact/test_exact.py": {
        "test_both_agree_with_mpmath": "",
        "test_sampled_gradients_have_the_exact_one_as_their_mean": "standardised",
        "test_the_gradient_is_the_complex_step_of_the_value": "tanh|standardised|hetero|two",
    },
    "exact/test_modes.py": {"test_random_models_agree_with_a_dense_sum": ""},
    "formulas/optim/test_adam_steps.py": {"test_a_hundred_steps_are_the_papers_recursion": "everything|default"},
    "formulas/test_categorical.py": {
        "test_groups_train_and_their_gradients_are_right_in_both_backends": "numba",
        "test_log_softmax_and_its_gradient_keep_their_digits_however_sure_the_decoder_is": "float64",
    },
    "formulas/test_closed_forms.py": {"test_the_importance_weighted_bound_rises_to_the_evidence_from_below": ""},
    "formulas/test_floor.py": {"test_a_constant_feature_cannot_drive_the_loss_without_bound": ""},
    "formulas/test_formula_mistakes.py": {"test_the_check_finds_the_mistake": "float32"},
    "formulas/test_formulas.py": {
        "test_a_formula_is_the_oracle_to_a_few_ulp_at_every_magnitude": "^[A-L].*float64|^[a-e].*float64",
        "test_a_formula_is_the_oracle_wherever_hypothesis_looks": "^KL|^log N",
    },
    "formulas/test_gamma.py": {
        "test_stirlings_rest_and_its_slope_are_exact_far_out_and_lose_no_more_than_their_terms_near_0": "",
    },
    "formulas/test_multinomial.py": {"test_a_linear_decoder_finds_two_topics_and_is_saved": "numba"},
    "formulas/test_posterior_kl_and_moments.py": {
        "test_gaussian_moments_are_those_of_the_samples": "",
        "test_the_flows_moments_are_those_of_a_narrow_posterior": "",
        "test_the_kl_is_the_mean_of_the_log_ratio": "full",
    },
    "formulas/test_posteriors.py": {
        "test_a_planted_mistake_fails_its_checks": "^(?!VarianceForDeviation|DeterminantHalved|DeterminantAdded)",
        "test_a_posterior_passes_every_check": "check_(?!normalised)",
        "test_samples_and_densities_are_exact_at_every_size": "^(?!(planar|full)-7)",
    },
    "formulas/test_schedules.py": {"test_a_linear_warmup_goes_one_way_between_its_ends": ""},
    "formulas/test_table_likelihoods.py": {
        "test_a_likelihood_of_a_table_is_its_oracle_to_a_few_ulp": "^(?!Beta, d).*float64|Poisson",
        "test_the_oracle_finds_the_mistake": "Poisson|Laplace|negative",
        "test_the_complex_step_through_it_is_its_gradient": "^(?!Beta)",
    },
    "formulas/test_vade.py": {"test_the_kl_is_that_of_its_definition_by_quadrature": "3.0-sampled"},
    "gradcheck/test_coefficients.py": {
        "test_a_pair_of_numbers_that_explains_every_tensor_is_named": ": kl-missing-half|beta-ignored|elbo-for-loss",
    },
    "gradcheck/test_gradcheck.py": {"test_a_report_can_be_read_by_people_and_programs": ""},
    "kernels/compiler/test_subnormal.py": {"test_no_moment_lingers_among_the_subnormal_numbers": ""},
    "kernels/loops/test_adam_matches_its_formula.py": {"test_adam_is_its_formula": "float32"},
    "kernels/loops/test_likelihoods_match_formulas.py": {
        "test_a_likelihood_is_its_formula": "^[BC].*32|floor=0.0.*32|(Lap.*per|Stu.*learn|Dis.*het|Poi|Mul).*64",
    },
    "kernels/loops/test_long_sums.py": {
        "test_a_sum_over_features_misses_by_no_more_than_a_block_does": "(gaussian|bernoulli), kernel.*float64",
        "test_a_sum_over_rows_misses_by_no_more_than_a_block_does": "float32",
    },
    "kernels/loops/test_nan_comes_out.py": {
        "test_nan_and_infinity_in_any_input_of_a_likelihood_come_out": "float32",
        "test_nan_in_any_input_of_a_kernel_comes_out": "^(latent|tanh|gelu).*float32",
    },
    "kernels/loops/test_stages_match_formulas.py": {
        "test_an_activation_adds_its_bias_and_goes_back_as_its_formula": "float32|gelu",
    },
    "kernels/loops/test_tiles_of_products.py": {
        "test_tiles_together_are_the_product_and_each_stays_in_its_place": "float32",
    },
    "kernels/step/test_engine_inputs.py": {"test_nan_anywhere_makes_the_loss_or_the_gradient_nan": "tanh-float64"},
    "kernels/step/test_engines_agree.py": {
        "test_the_engines_agree_on_every_activation_likelihood_and_objective": "^tanh.*float64|-bernoulli-float32",
    },
    "kernels/step/test_threads.py": {
        "test_several_threads_find_the_formulas_values": "-3$",
        "test_workers_follow_each_time_whether_they_linger_or_not": "anew",
    },
    "kernels/test_edges_of_kernels.py": {
        "test_a_difference_times_an_exponential_takes_what_the_difference_lost": "",
        "test_a_kernels_derivative_from_h_is_right_as_a_function_of_h_up_to_its_limit": "tanh",
    },
    "kernels/test_elementary.py": {
        "test_a_loop_over_an_array_is_vectorised": "^tanh-float64",
        "test_error_is_at_most_4_ulp": "float64",
        "test_single_precision_stays_in_single_precision": "tanh|softplus",
    },
    "kernels/test_kernels_match_oracle.py": {
        "test_a_kernel_is_the_oracle_to_4_ulp_at_every_magnitude": "^[A-Z].*float64|^[a-l].*float32",
        "test_the_check_finds_the_mistake": "float32",
    },
    "model/test_conditional.py": {
        "test_every_gradient_of_a_conditional_model_is_the_derivative": "heteroscedastic-|^full-numba",
    },
    "model/test_doors.py": {
        "test_every_likelihood_goes_with_them": "^bernoulli|per-feature$",
        "test_free_bits_have_the_right_gradient_on_both_sides_of_the_bound": "per-dimension",
        "test_gradients_are_the_complex_steps_and_the_central_differences": "^mixture-numpy-elbo",
        "test_more_flexible_posteriors_and_priors_reach_a_better_bound": "",
        "test_sticking_the_landing_differs_by_the_score_which_has_mean_zero": "^mixture|^full-numpy",
    },
    "model/test_gradients.py": {
        "test_a_deviation_a_feature_is_its_own_where_there_are_few": "numba",
        "test_float32_gradients_are_the_float64_ones_rounded": "fixed|^bernoulli|heteroscedastic$",
        "test_gradients_are_right_for_every_beta": "0.37",
        "test_gradients_are_right_for_every_depth": r"^\(\)",
        "test_gradients_are_the_complex_steps_and_the_central_differences": (
            "tanh-bernoulli|tanh-gaussian-learned|tanh-gaussian-heteroscedastic-3|relu|gelu"
        ),
        "test_the_importance_weighted_bound_has_the_right_gradient": "^bernoulli|learned",
    },
    "model/test_own_activation.py": {
        "test_a_users_activation_trains_saves_loads_and_resumes": "",
        "test_the_command_line_knows_a_users_activation": "",
    },
    "model/test_own_likelihood.py": {"test_a_users_likelihood_trains_saves_loads_and_resumes": "numba"},
    "model/test_scaled_model.py": {"test_loss_and_elbo_agree_and_the_gradient_is_right": ""},
    "model/test_toy_doors.py": {
        "test_a_users_objective_trains_and_resumes_by_its_name": "kl_weight=0.5-numba",
        "test_a_users_posterior_and_prior_train_save_load_and_resume": "both|numba",
        "test_the_command_line_knows_a_users_objective": "",
    },
    "plots/test_colours.py": {"test_red_images_are_red_in_every_picture": ""},
    "plots/test_curves.py": {"test_training_is_blue_validation_orange_and_a_missing_series_absent": ""},
    "plots/test_images.py": {
        "test_originals_stand_above_their_reconstructions": "",
        "test_samples_stand_in_reading_order": "",
        "test_the_scale_is_that_of_the_originals_and_says_what_it_clips": "",
    },
    "plots/test_latent_space.py": {"test_labels_have_their_columns_name": "1-None"},
    "plots/test_manifold.py": {
        "test_the_first_axis_grows_to_the_right_and_the_second_upwards": "",
        "test_the_manifold_decodes_the_quantiles_in_reading_order": "",
        "test_thin_lines_part_the_tiles_of_the_manifold": "",
    },
    "plots/test_pictures.py": {
        "test_a_picture_is_a_png_with_ink_and_nothing_cropped": "^samples$|^KL|^traversals$",
        "test_a_picture_needs_nothing_of_the_environments_backend_and_leaves_it": "",
        "test_no_side_of_an_image_picture_is_blank": "^samples|row",
        "test_the_noise_of_a_constant_column_does_not_fill_the_colours": "",
    },
    "plots/test_study_pictures.py": {
        "test_posteriors_say_what_their_axes_are": "^1",
    },
    "plots/test_tables.py": {
        "test_long_names_are_inside_the_picture_and_do_not_overlap": "manifold-2$",
        "test_of_many_features_the_best_the_worst_and_some_between_are_shown": "",
        "test_of_many_features_those_that_move_most_are_shown": "",
        "test_the_manifold_of_a_table_has_the_axes_of_the_latent_space": "",
    },
    "plots/test_walks.py": {"test_the_files_name_says_its_format_and_the_same_picture_has_the_same_bytes": "svg"},
    "study/test_study.py": {
        "test_a_grid_that_does_not_resolve_its_posterior_is_told": "",
        "test_a_log_has_a_line_for_each_estimator_and_a_terminal_a_bar": "",
        "test_estimators_that_are_after_one_gradient_share_it": "",
        "test_a_heavy_kl_is_the_disease_that_the_table_shows": "",
        "test_estimators_without_bias_show_none_and_wake_sleep_shows_its_own": "",
        "test_every_way_to_the_evidence_agrees": "",
        "test_the_gaps_are_told_and_drawn": "",
    },
    "test_architecture.py": {
        "test_a_heavy_package_is_imported_in_its_folder_only": "matplotlib",
        "test_nothing_is_imported_before_it_is_needed": "absent[0-3]",
    },
    "test_docs.py": {
        "test_a_pages_commands_run_in_their_order": "speed|data",
        "test_a_pages_python_runs_from_top_to_bottom": "README|training|models|data",
    },
    "test_oracles.py": {"test_the_continuous_bernoulli_oracle_is_a_density_with_its_mean_and_variance": ""},
    "training/test_checkpoint.py": {"test_a_model_comes_back_bit_for_bit": "float32"},
    "training/test_collapsed_runs.py": {"test_a_model_that_ignores_z_is_told_with_what_may_help": "likelihood0"},
    "training/test_conditional_runs.py": {"test_training_learns_what_the_condition_tells": "numba"},
    "training/test_hard_data.py": {
        "test_constant_columns_do_not_drown_the_others": "",
        "test_what_stops_names_the_columns_and_the_remedy_and_the_remedy_trains": "",
    },
    "training/test_resuming.py": {"test_an_interrupted_run_ends_with_the_same_bits": "^3"},
}


def is_lengthy(nodeid: str) -> bool:
    """Whether a test, ``file::name[case]`` within this folder, is left to ``-m slow``."""
    name, _, case = nodeid.removesuffix("]").partition("[")
    file, _, function = name.removeprefix("tests/").partition("::")
    stays = LENGTHY.get(file, {}).get(function)
    return stays is not None and not (stays and re.search(stays, case))
