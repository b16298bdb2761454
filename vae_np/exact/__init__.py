"""Ground truth: expectations over z that are taken, not sampled.

nodes       Gauss-Hermite nodes and weights in K dimensions
quadrature  `elbo_and_grad`: the ELBO and its gradient with the expectation over q(z|x) taken exactly, K <= 3
sobol       `elbo_by_sobol`: the same for any K by randomised quasi-Monte Carlo, with a standard error
estimated   `expected`: what any gradient estimator is the mean of, S K <= 4 noises
evidence    `log_evidence`: log p(x), and its gradient, by quadrature about the true posterior, K <= 3
divergence  `kl`: KL(q(z|x) || p(z)) for any pair of posterior and prior
gaps        `gaps`: log p(x) - ELBO, split into approximation and amortisation gap
grid        `posterior_on_grid`: p(z|x) beside q(z|x), K <= 2
linear      `LinearVAE`: all of it in closed form where encoder and decoder are linear and p(x|z) is Gaussian, any K
"""

from vae_np.exact.divergence import Divergence as Divergence
from vae_np.exact.divergence import kl as kl
from vae_np.exact.estimated import expected as expected
from vae_np.exact.evidence import Evidence as Evidence
from vae_np.exact.evidence import log_evidence as log_evidence
from vae_np.exact.gaps import Gaps as Gaps
from vae_np.exact.gaps import gaps as gaps
from vae_np.exact.grid import PosteriorOnGrid as PosteriorOnGrid
from vae_np.exact.grid import posterior_on_grid as posterior_on_grid
from vae_np.exact.linear import LinearVAE as LinearVAE
from vae_np.exact.quadrature import Exact as Exact
from vae_np.exact.quadrature import elbo_and_grad as elbo_and_grad
from vae_np.exact.sobol import elbo_by_sobol as elbo_by_sobol

__all__ = [
    "Divergence",
    "Evidence",
    "Exact",
    "Gaps",
    "LinearVAE",
    "PosteriorOnGrid",
    "elbo_and_grad",
    "elbo_by_sobol",
    "expected",
    "gaps",
    "kl",
    "log_evidence",
    "posterior_on_grid",
]
