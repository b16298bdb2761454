"""What shows only in a program that is called: entries of the catalogue for `check_objective`."""

from __future__ import annotations

from vae_np.conformance.mistakes.mistake import Mistake

PROGRAMS = (
    Mistake(
        "kl-no-derivative", "H", "the loss takes mu and logvar and has no derivative to them",
        "loss = rec + kl(mu, s)", "loss = rec + kl(mu.detach(), s.detach())",
        "There is no KL in it, or it was detached: the posterior is free to collapse to points.",
    ),
    Mistake(
        "rec-no-derivative", "H", "the loss takes the decoder's output and has no derivative to it",
        "loss = rec(x_hat, x) + kl", "loss = rec(x_hat.detach(), x) + kl", "The decoder learns nothing.",
    ),
    Mistake(
        "no-derivative", "H", "the loss depends neither on the output nor on mu and logvar",
        "loss = rec + kl", "loss = constant", "All gradients are 0.",
    ),
    Mistake(
        "no-gradient", "H", "no gradient reaches some of the parameters",
        "mu, s = encode(x)", "with no_grad(): mu, s = encode(x)",
        "What computes them is cut off: no_grad(), detach(), .data, .item(), or a parameter without requires_grad. They"
        " stay as they began.",
    ),
    Mistake(
        "loss-ascended", "H", "the training turns the sign of a right loss",
        "loss.backward()", "(-loss).backward()",
        "Read from the file: the sign between the loss and the first backward(). The optimiser then goes up the loss.",
    ),
    Mistake(
        "names-swapped", "H", "what the model returns is taken apart in another order",
        "x_hat, mu, s = model(x)", "x_hat, s, mu = model(x)",
        "Read from the file, by names. Both have one shape, so nothing fails; the KL is of other numbers.",
    ),
    Mistake(
        "grad-zeroed", "H", "the gradients are set to zero between backward() and step()",
        "zero_grad(); loss.backward(); step()", "loss.backward(); zero_grad(); step()",
        "Read from the file: the order in its training loop. The optimiser goes by gradients of 0: nothing is trained.",
    ),
    Mistake(
        "step-missing", "H", "the optimiser is never told to step",
        "loss.backward(); optimizer.step()", "loss.backward()", "Read from the file. The weights stay as they began.",
    ),
    Mistake(
        "optimizer-rebuilt", "H", "the optimiser is made anew in each step",
        "optimizer = Adam(...)\nfor x in data: ...", "for x in data:\n    optimizer = Adam(...)",
        "Read from the file. Adam's moments are those of one gradient: each step is the rate times its sign.",
    ),
    Mistake(
        "not-finite", "H", "the loss is not a finite number at ordinary arguments",
        "loss = rec + kl", "loss = log(negative)", "Look for a logarithm of what is not a probability.",
    ),
    Mistake(
        "hard-outputs", "M", "the reconstruction's derivative is off for outputs near their ends",
        "log_p = x * a - softplus(a)", "log_p = x * log(sigmoid(a)) + (1 - x) * log(1 - sigmoid(a))",
        "What is right in the middle loses its digits, or its gradient, near probabilities of 0 and 1.",
    ),
    Mistake(
        "output-kind", "H", "the loss takes the decoder's output for something that it is not",
        "bce(sigmoid(logits), x)", "bce(logits, x)", "Logits, probabilities and means need a loss each of their own.",
    ),
    Mistake(
        "activation-missing", "H", "a hidden layer has no activation",
        "h = f(x @ W + b)", "h = x @ W + b", "Two layers without one between them are one linear layer.",
    ),
    Mistake(
        "head-is-log-std", "dialect", "the head is of the logarithm of the deviation, consistently",
        "s = log sigma^2, sigma = exp(s / 2)", "l = log sigma, sigma = exp(l)",
        "With s = 2 l everywhere, sampler and KL, it is the same model with another scale of one head.",
    ),
    Mistake(
        "heads-shared", "H", "one head is both the mean and the log-variance",
        "mu, s = h @ W_mu + b_mu, h @ W_s + b_s", "mu, s = h @ W + b, h @ W + b",
        "A posterior whose variance is e^mu: where its mean is small it is narrow, and it can be nothing else.",
    ),
    Mistake(
        "free-bits", "dialect", "the KL counts as lambda where it is less: free bits",
        "loss = rec + kl.sum()", "loss = rec + maximum(kl.mean(axis=0), lambda).sum()",
        "Below lambda the KL costs nothing and has no gradient (Kingma et al. 2016): of a dimension's mean over the"
        " batch, of each entry, or of each example.",
    ),
    Mistake(
        "kl-capacity", "dialect", "the KL is drawn to a capacity: gamma |KL - C|",
        "loss = rec + kl", "loss = rec + gamma * abs(kl - C)",
        "With C growing in the course of training (Burgess et al. 2018). Below C the KL is rewarded, as is meant.",
    ),
    Mistake(
        "sigma-optimal", "dialect", "the Gaussian's variance is the mean of the squared residuals",
        "-log p = D / 2 * log(2 pi sigma**2) + ((x - m)**2).sum() / (2 * sigma**2)",
        "loss = D / 2 * log(((x - m)**2).mean()) + kl",
        "The sigma that makes the likelihood largest, put in its place: the optimal sigma-VAE (Rybkin et al. 2021).",
    ),
    Mistake(
        "deviation-epsilon", "dialect", "a small number is added to the deviation or to the variance",
        "sigma = exp(s / 2)", "sigma = sqrt(exp(s) + 1e-8)",
        "It keeps the deviation from 0, and is seen where s is far below 0 only. The KL should have the same.",
    ),
    Mistake(
        "eps-not-normal", "H", "the noise is uniform, not normal",
        "eps = randn(N, K)", "eps = rand(N, K)",
        "z = mu + sigma eps is a sample of N(mu, sigma^2) for eps ~ N(0, 1) only. Uniform on [0, 1) it has the mean"
        " 1/2 and the variance 1/12.",
    ),
    Mistake(
        "no-answer", "H", "a case was not answered as it was asked",
        "an array of numbers, in its shape, for each stage", "an error, another shape, or no numbers",
        "Nothing can be said of the case but that.",
    ),
    Mistake(
        "absolute-error", "dialect", "the reconstruction is the absolute error: a Laplace distribution's of scale 1",
        "(x - x_hat)**2 / 2", "abs(x - x_hat)", "log p = -|x - m| - log 2 a feature.",
    ),
    Mistake(
        "sampler-shape", "H", "z has another shape than mu",
        "z = mu + sigma * eps", "z = (mu + sigma * eps).sum(axis=1)",
        "A sample has an entry for each latent dimension.",
    ),
    Mistake(
        "per-example-unknown", "H", "the sum over the batch is explained, and no example's own value is",
        "loss_n = rec_n + kl_n", "loss_n = rec_m + kl_m",
        "Look for examples that change places, or a mean that is broadcast.",
    ),
    Mistake(
        "dtype-mixed", "L", "part of a float64 computation is in float32",
        "everything in float64", "z = z.astype(float32)",
        "Errors of 1e-8 to 1e-6, right by the tolerances of float32 and wrong by those of float64.",
    ),
)  # fmt: skip
