"""From the options of vae-np train to the model and the settings of the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vae_np.cli.train_options import DEFAULTS

if TYPE_CHECKING:
    from vae_np.formulas.doors import Named
    from vae_np.formulas.likelihoods import Likelihood
    from vae_np.formulas.objectives import Objective
    from vae_np.formulas.optim import Adam
    from vae_np.formulas.schedules import Schedule
    from vae_np.model.vae import VAE
    from vae_np.training.settings import Settings


def likelihood(options: dict[str, Any]) -> Likelihood:
    """p(x|z) of --likelihood, --sigma and --floor."""
    from vae_np.formulas.doors import chosen, parse
    from vae_np.formulas.likelihoods import Likelihood

    config = parse(options["likelihood"])
    for name in ("sigma", "floor"):
        if options.get(name) is None:
            continue
        if config["name"] != "gaussian":
            raise ValueError(f"--{name} belongs to --likelihood gaussian; the likelihood is {config['name']}")
        if name in config:
            raise ValueError(f"{name} is given twice: in --likelihood {options['likelihood']} and by --{name}")
        config[name] = options[name]
    return chosen(Likelihood, config)


def objective(options: dict[str, Any]) -> Objective:
    """That of --objective, with --free-bits and --free-bits-kind where they are not as by default."""
    from vae_np.formulas.doors import parse
    from vae_np.formulas.objectives import get_objective

    config = parse(options["objective"])
    for name in ("free_bits", "free_bits_kind"):
        if options[name] == DEFAULTS[name]:
            continue
        flag = f"--{name.replace('_', '-')}"
        if config["name"] != "elbo":
            raise ValueError(f"{flag} belongs to --objective elbo; the objective is {config['name']}")
        if name in config:
            raise ValueError(f"{name} is given twice: in --objective {options['objective']} and by {flag}")
        config[name] = options[name]
    return get_objective(config)


def doors(options: dict[str, Any]) -> dict[str, Named]:
    """The objects that words of the options stand for, by option; two words may stand for one."""
    from vae_np.formulas.doors import chosen
    from vae_np.formulas.posteriors import Posterior
    from vae_np.formulas.priors import Prior

    p_x, goal = likelihood(options), objective(options)
    return {
        "likelihood": p_x,
        "sigma": p_x,
        "posterior": chosen(Posterior, options["posterior"]),
        "prior": chosen(Prior, options["prior"]),
        "objective": goal,
    }


def model(options: dict[str, Any], n_features: int, condition: int = 0) -> VAE:
    """The model of the options, with so many columns of a condition."""
    from vae_np.model.vae import VAE

    doors = {name: options[name] for name in ("posterior", "prior")}
    names = ("hidden", "decoder_hidden", "latent", "activation", "init", "dtype", "backend", "seed", "threads")
    scale = "standard" if options["scale"] == "standard" else "none"
    how = {name: options[name] for name in names}
    return VAE(n_features, likelihood=likelihood(options), scale=scale, condition=condition, **doors, **how)


def settings(options: dict[str, Any], examples: int) -> Settings:
    """The run's settings, schedules by steps from options in epochs."""
    from vae_np.training.settings import Settings

    if options["batch_size"] < 1:
        raise ValueError(f"--batch-size must be at least 1; got {options['batch_size']}")
    for name in ("epochs", "kl_warmup", "kl_cycles", "warmup", "beta"):
        if not options[name] >= 0:
            raise ValueError(f"--{name.replace('_', '-')} must not be negative; got {options[name]}")
    steps, goal = -(-examples // options["batch_size"]), objective(options)
    try:
        goal.check_samples(options["samples"])
    except ValueError as error:
        raise ValueError(f"--samples must suit --objective {options['objective']}: {error}") from None
    return Settings(
        epochs=options["epochs"],
        batch_size=options["batch_size"],
        optimizer=_adam(options, steps),
        seed=options["seed"],
        beta=_beta(options, steps),
        objective=goal,
        samples=options["samples"],
        binarise=options["binarise"],
        output_bias=options["output_bias"],
        patience=options["patience"],
    )


def depends_on_epochs(options: dict[str, Any]) -> str | None:
    """The option that makes every step depend on the number of epochs, if there is one."""
    if options["schedule"] == "cosine":
        return "--schedule cosine"
    return "--kl-cycles" if options["kl_cycles"] else None


def _beta(options: dict[str, Any], steps: int) -> Schedule:
    """Beta by steps."""
    from vae_np.formulas.schedules import Constant, Cyclical, LinearWarmup

    beta, warmup, cycles = options["beta"], options["kl_warmup"], options["kl_cycles"]
    if warmup and cycles:
        raise ValueError("--kl-warmup and --kl-cycles exclude each other")
    if cycles:
        period = options["epochs"] * steps // cycles
        if period < 2 and options["epochs"]:
            total = options["epochs"] * steps
            raise ValueError(f"--kl-cycles {cycles} in {total} steps: a cycle needs at least 2 steps")
        return Cyclical(max(2, period), cycles=cycles, final=beta)
    return LinearWarmup(warmup * steps, final=beta) if warmup else Constant(beta)


def _adam(options: dict[str, Any], steps: int) -> Adam:
    """The optimiser and its learning rate by steps."""
    from vae_np.formulas.optim import Adam
    from vae_np.formulas.schedules import Constant, Cosine, StepList, Warmup

    rate = options["learning_rate"]
    if not 0 <= rate < float("inf"):
        raise ValueError(f"--learning-rate must be finite and not negative; got {rate}")
    schedule: Schedule = Constant(rate)
    if (options["schedule"] == "steps") != bool(options["milestones"]):
        fact = f"the schedule is {options['schedule']}" if options["milestones"] else "there are none"
        raise ValueError(f"--schedule steps and --milestones need each other; {fact}")
    if options["schedule"] == "cosine":
        schedule = Cosine(rate, max(1, options["epochs"] * steps - options["warmup"]))
    elif options["schedule"] == "steps":
        schedule = StepList(rate, tuple(epoch * steps for epoch in options["milestones"]))
    if options["warmup"]:
        schedule = Warmup(options["warmup"], schedule)
    names = ("weight_decay", "l2", "amsgrad", "epsilon", "epsilon_hat", "clip_norm")
    return Adam(schedule, **{name: options[name] for name in names})
