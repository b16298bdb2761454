"""What one learns a VAE's gradients, posteriors and evidence from: each topic a table, its numbers and a picture.

finding     what a topic returns; a small model to look at
gradient    exact, sampled, averaged, complex-step and finite-difference gradients, tensor by tensor
estimators  bias and deviation of every gradient estimator beside the exact gradient
posterior   the true posterior beside q, and the gaps between log p(x) and the ELBO
evidence    log p(x) by importance sampling, annealing, bidirectional Monte Carlo and quadrature
collapse    how the latent dimensions are used, under each remedy

Each takes some seconds on two cores. `vae-np study TOPIC` prints and draws them.
"""

from vae_np.study.collapse import collapse as collapse
from vae_np.study.estimators import estimators as estimators
from vae_np.study.evidence import evidence as evidence
from vae_np.study.finding import Finding as Finding
from vae_np.study.finding import small_model as small_model
from vae_np.study.gradient import gradient as gradient
from vae_np.study.posterior import posterior as posterior

__all__ = ["Finding", "collapse", "estimators", "evidence", "gradient", "posterior", "small_model"]
