"""How exact the ground truth is, and what every estimator is off by: the figures on exact gradients, in four tables.

    python scripts/truth.py [--estimates 1000000] [--only agreement,pca,estimators,evidence,studies]

agreement   the largest differences of quadrature from the closed form of linear models, and from mpmath
pca         how far training ends from the optimum of probabilistic PCA (Tipping & Bishop 1999)
estimators  the bias of each gradient estimator over its exact gradient, in standard errors (--estimates of each)
evidence    one model's log p(x) by importance sampling, annealing, the bracket and quadrature, side by side
studies     the seconds of each `vae-np study`

Needs mpmath, which the tests have.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import mpmath as mp
import numpy as np
from scipy import optimize

import vae_np
from vae_np import estimators, exact, study
from vae_np.exact.nodes import tensor

X = np.random.default_rng(0).uniform(0.05, 0.95, size=(3, 5))
NAMES = (
    "elbo", "elbo-sampled", "stl", "reinforce", "reinforce:baseline=leave-one-out", "iwae", "dreg", "vimco", "rws",
    "rws-dreg", "miwae:groups=2", "piwae:groups=2", "ciwae:share=0.5", "renyi:alpha=0.5",
)  # fmt: skip


def moved(vae: vae_np.VAE, seed: int) -> vae_np.VAE:
    """With noise on every parameter, the biases' as well."""
    vae.parameters.vector[...] += 0.3 * np.random.default_rng(seed).normal(size=vae.parameters.vector.size)
    return vae


def smooth(latent: int = 1) -> vae_np.VAE:
    """A model of a tanh layer."""
    return moved(vae_np.VAE(5, latent=latent, hidden=(4,), activation="tanh", backend="numpy", seed=1), 1)


def off(found: Any, expected: Any) -> float:
    """The largest difference, relative to the largest entry."""
    return float(np.abs(np.subtract(found, expected)).max() / np.abs(expected).max())


def agreement() -> None:
    print("| quadrature against | ELBO | its gradient | log p(x) | its gradient |\n|---|---|---|---|---|")
    for latent in (1, 2, 3):
        vae = moved(
            vae_np.VAE(5, hidden=(), latent=latent, likelihood=vae_np.Gaussian(0.4), backend="numpy", seed=2), 3
        )
        closed, (mu, logvar) = exact.LinearVAE.of(vae), vae.encode(X)
        elbo, evidence = exact.elbo_and_grad(vae, X), exact.log_evidence(vae, X, tolerance=1e-11)
        slopes = [closed.elbo_gradient(X, mu, logvar)[0], closed.log_evidence_gradient(X)]
        of_w = [
            off(one.gradients["decoder.out.W"], slope.W) for one, slope in zip((elbo, evidence), slopes, strict=True)
        ]
        values = off(elbo.value, closed.elbo(X, mu, logvar)), off(evidence.value, closed.log_evidence(X))
        print(f"| closed form, K = {latent} | {values[0]:.1e} | {of_w[0]:.1e} | {values[1]:.1e} | {of_w[1]:.1e} |")
    elbo_off, evidence_off = (max(column) for column in zip(*(_by_mpmath(n) for n in range(len(X))), strict=True))
    print(f"| mpmath, 30 digits, K = 1 | {elbo_off:.1e} | | {evidence_off:.1e} | |")


def _by_mpmath(n: int) -> tuple[float, float]:
    """What ELBO and log p(x) of one example are off by, relative to 1 + their size."""
    vae, x = smooth(), X[n].tolist()
    p = {name: value.tolist() for name, value in vae.parameters.items()}
    mp.mp.dps = 30

    def log_likelihood(z: Any) -> Any:
        h = [mp.tanh(z * w + b) for w, b in zip(p["decoder.0.W"][0], p["decoder.0.b"], strict=True)]
        total = mp.mpf(0)
        for d, value in enumerate(x):
            a = mp.fsum(h[i] * p["decoder.out.W"][i][d] for i in range(len(h))) + p["decoder.out.b"][d]
            total += value * a - mp.log1p(mp.exp(a))
        return total

    m, s = (mp.mpf(float(a[n, 0])) for a in vae.encode(X))
    elbo = mp.quad(lambda u: mp.npdf(u) * log_likelihood(m + mp.exp(s / 2) * u), mp.linspace(-12, 12, 9))
    elbo -= (m**2 + mp.expm1(s) - s) / 2
    evidence = mp.log(mp.quad(lambda z: mp.npdf(z) * mp.exp(log_likelihood(z)), mp.linspace(-12, 12, 13)))
    found = [
        exact.elbo_and_grad(vae, X, tolerance=1e-12).value[n],
        exact.log_evidence(vae, X, tolerance=1e-12).value[n],
    ]
    return tuple(float(abs(a - b) / (1 + abs(b))) for a, b in zip(found, (elbo, evidence), strict=True))  # type: ignore[return-value]


def pca() -> None:
    x = np.random.default_rng(5).normal(size=(40, 5)) @ np.diag([3.0, 2.0, 1.0, 0.5, 0.4])
    vae = vae_np.VAE(5, hidden=(), latent=2, likelihood=vae_np.Gaussian("learned"), backend="numpy", seed=1)
    eps, weights = np.repeat(tensor(3, 2)[0][:, None], 40, axis=1), tensor(3, 2)[1]  # exact: the decoder is linear

    def loss(vector: Any) -> tuple[float, Any]:
        vae.parameters.vector[...] = vector
        value, gradients = vae.loss_and_grad(x, eps, weights=weights)
        return value, gradients.vector

    options: Any = {"maxiter": 5000, "ftol": 1e-16, "gtol": 1e-9, "maxcor": 50}
    found = optimize.minimize(loss, vae.parameters.vector.copy(), jac=True, method="L-BFGS-B", options=options)
    vae.parameters.vector[...] = found.x
    best, reached = exact.LinearVAE.optimum(x, 2), exact.LinearVAE.of(vae)
    discarded = np.sort(np.linalg.eigvalsh(np.cov(x.T, bias=True)))[:3].mean()
    distance = abs(reached.log_evidence(x).mean() - best.log_evidence(x).mean())
    print(f"log p(x) of the trained model is {distance:.1e} nats from the optimum's {best.log_evidence(x).mean():.6f};")
    print(f"sigma^2 is {reached.variance:.8f}, the optimum's {best.variance:.8f}, which is the mean of the discarded")
    print(f"eigenvalues, {discarded:.8f}")


def unbiased(estimates: int) -> None:
    vae = smooth()
    vae.parameters["encoder.logvar.b"] -= 1
    print(f"S = 2, {estimates:,} estimates; bias as its length over its standard error, and the worst entry's\n")
    print("| estimator | encoder | worst | deviation | decoder | worst | deviation |\n|---|---|---|---|---|---|---|")
    for name in NAMES:
        aim = estimators.target(vae, X, name, 2, tolerance=1e-7)
        cells = []
        for row in estimators.measure(vae, X, name, 2, estimates=estimates, exact=aim).rows():
            if row.name in ("encoder", "decoder"):
                ratio = row.bias / row.bias_error if row.bias_error else 0.0
                cells += [f"{ratio:.2f}", f"{row.worst:.1f}", f"{row.deviation:.3g}"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def evidence() -> None:
    x = vae_np.data.load_digits().x
    data = vae_np.data.binarise(x, "threshold")
    vae = vae_np.VAE(64, hidden=(32,), latent=2, activation="tanh", seed=0)
    vae_np.fit(vae, data[:1500], epochs=30, batch_size=50, seed=0, progress=False)
    print("\n".join(study.evidence(vae, data[1500:1540]).lines))


def studies() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for topic in ("gradient", "estimators", "posterior", "evidence", "collapse"):
            begun = time.perf_counter()
            command = [sys.executable, "-m", "vae_np", "study", topic]
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
            print(f"{topic}: {time.perf_counter() - begun:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--estimates", type=int, default=1_000_000)
    parser.add_argument("--only", default="agreement,pca,estimators,evidence,studies")
    args = parser.parse_args()
    tables: dict[str, Callable[[], None]] = {
        "agreement": agreement,
        "pca": pca,
        "estimators": lambda: unbiased(args.estimates),
        "evidence": evidence,
        "studies": studies,
    }
    for name in args.only.split(","):
        if name not in tables:
            parser.error(f"--only takes {', '.join(tables)}; got {name!r}")
        print(f"## {name}\n", flush=True)
        tables[name]()
        print(flush=True)


if __name__ == "__main__":
    main()
