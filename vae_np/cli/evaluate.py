"""vae-np evaluate."""

from __future__ import annotations

import argparse

from vae_np.cli import common, conditions, output, quality, remarks, runs
from vae_np.cli.command import Command

COMMAND = Command(20, "ELBO and log-evidence of a model on data", "runs/first --samples 500")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    common.add_model_arguments(parser)
    parser.add_argument(
        "--samples", type=int, metavar="S", help="of the posterior; many tighten the bound on log p(x) [1]"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of the noise [the run's, else 0]")
    parser.add_argument("--out", metavar="FILE", help="a .csv file for each row's values: ELBO, KL, evidence, ...")
    parser.add_argument(
        "--samples-quality", action="store_true",
        help="what the model makes against held-out data: precision, recall, density, coverage, Fréchet distance, MMD",
    )  # fmt: skip
    parser.add_argument("--sets", type=int, metavar="R", help="of samples, for --samples-quality [5]")
    parser.add_argument(
        "--picture", metavar="FILE", help="of samples and the nearest training examples, for --samples-quality"
    )
    parser.epilog = (
        "examples:\n  vae-np evaluate runs/digits-1\n"
        "  vae-np evaluate runs/digits-1 --samples 500 --json\n"
        "  vae-np evaluate model.npz --data images.npy\n"
        "  vae-np evaluate runs/digits-1 --part all --samples 100 --out rows.csv\n"
        "  vae-np evaluate runs/digits-1 --samples-quality --picture near.png"
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate and print."""
    import numpy as np

    from vae_np.evaluation.bounds import evaluate

    given = vars(args)
    quality.check_quality(given)
    out = output.out_file(given, "", ".csv") if "out" in given else None
    run = runs.load_run(args.model, given.get("backend"))
    if run.vae.architecture.condition and "samples_quality" in given:
        raise ValueError("--samples-quality is for models without a condition; this one is conditional")
    dataset, training = runs.data_and_training(run, args)
    samples, seed = given.get("samples", 1), given.get("seed", run.options.get("seed", 0))
    with common.rows_of_source(dataset):
        result = evaluate(run.vae, conditions.rows_of(run.vae, dataset), samples=samples, seed=seed)
    made = quality.quality(run, dataset, training, given, seed) if "samples_quality" in given else None
    if out is not None:
        columns = list(result.per_example)
        table = np.column_stack([result.per_example[name] for name in columns])
        output.write_array(out, table, columns, output.row_columns(dataset))
    bits = {"bits_per_dimension": result.bits_per_dimension} if run.vae.likelihood.has_levels else {}
    effective = result.per_example["effective_samples"]
    values = {
        "data": dataset.name,
        "examples": len(dataset),
        "samples": samples,
        "elbo": result.elbo,
        "standard_error": result.standard_error,
        "log_likelihood": result.log_likelihood,
        "kl": result.kl,
        "evidence_bound": result.evidence,
        "evidence_error": result.evidence_error,
        "evidence_error_from_samples": result.evidence_error_from_samples,
        "evidence_error_from_examples": result.evidence_error_from_examples,
        "effective_samples": float(np.median(effective)),
        "least_effective_samples": float(effective.min()),
        "active_units": result.active_units,
        **bits,
        "kl_is_analytic": run.vae.architecture.has_kl,
        "kl_per_dimension": result.kl_per_dimension,
    }
    elbo = result.per_example["elbo"]
    alone = {} if training is None else remarks.against_columns_alone(run.vae, training, dataset.x, elbo)
    values |= {name.removeprefix("test_"): value for name, value in alone.items()}
    if "json" in given:
        output.print_json(values | ({} if made is None else {"samples_quality": quality.for_json(made)}))
        return 0
    about, of = ("", "log p(x)") if not run.vae.architecture.condition else (", given their labels c", "log p(x|c)")
    many = f"{samples} sample{'s' * (samples > 1)} each"
    print(f"{dataset.name}: {len(dataset)} examples{about}, {many}, in nats an example")
    print(f"  ELBO            {result.elbo:12.4f} +- {result.standard_error:.4f} (standard error over the examples)")
    if "remark" in values:
        print(f"  {values['remark']}")
    print(f"  log-likelihood  {result.log_likelihood:12.4f}")
    print(f"  KL              {result.kl:12.4f}   {result.active_units} of {run.vae.architecture.latent} units active")
    if not run.vae.architecture.has_kl:
        print(f"  {common.sampled_kl(run.vae)}")
    if samples == 1:
        print(f"  a bound on {of} that is tighter than the ELBO: --samples 500")
    else:
        print(
            f"  evidence >=     {result.evidence:12.4f} +- {result.evidence_error:.4f} (importance-weighted bound on "
            f"{of}; {result.evidence_error_from_samples:.4f} from the samples, "
            f"{result.evidence_error_from_examples:.4f} from the examples)"
        )
        print(f"  effective samples {np.median(effective):10.1f} of {samples} (median), {effective.min():.1f} at worst")
    if bits:
        bound = "ELBO" if samples == 1 else "evidence"
        print(f"  bits a dimension {result.bits_per_dimension:11.4f} (by the {bound})")
    if out is not None:
        print(f"  each row's values in {out}")
    if made is not None:
        quality.show(made, given.get("picture"))
    return 0
