"""Ground truth: expectations over z that are taken, not sampled.

nodes       Gauss-Hermite nodes and weights in K dimensions
quadrature  `elbo_and_grad`: the ELBO and its gradient with the expectation over q(z|x) taken exactly, K <= 3
estimated   `expected`: what any gradient estimator is the mean of, S K <= 4 noises
evidence    `log_evidence`: log p(x), and its gradient, by quadrature about the true posterior, K <= 3
linear      `LinearVAE`: all of it in closed form where encoder and decoder are linear and p(x|z) is Gaussian, any K
"""

from vae_np.exact.estimated import expected as expected
from vae_np.exact.evidence import Evidence as Evidence
from vae_np.exact.evidence import log_evidence as log_evidence
from vae_np.exact.linear import LinearVAE as LinearVAE
from vae_np.exact.quadrature import Exact as Exact
from vae_np.exact.quadrature import elbo_and_grad as elbo_and_grad

__all__ = ["Evidence", "Exact", "LinearVAE", "elbo_and_grad", "expected", "log_evidence"]
