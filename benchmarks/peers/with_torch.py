"""PyTorch as a contender: eager, or with the loss compiled."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from peers.contender import ADAM, LEARNING_RATE, Array, Problem, Trainer, join_heads, split_heads

__all__ = ["TorchContender"]

Layers = list[tuple[Tensor, Tensor]]


def negative_elbo(layers: Layers, x: Tensor, eps: Tensor) -> Tensor:
    """The loss, for weights as `torch.nn.Linear` keeps them, (fan_out, fan_in)."""
    depth = len(layers) // 2 - 1
    h = x
    for W, b in layers[:depth]:
        h = functional.relu(functional.linear(h, W, b))
    mu, logvar = functional.linear(h, *layers[depth]).chunk(2, dim=1)
    z = mu + torch.exp(0.5 * logvar) * eps
    h = z.flatten(0, 1)  # one product for all samples
    for W, b in layers[depth + 1 : -1]:
        h = functional.relu(functional.linear(h, W, b))
    logits = functional.linear(h, *layers[-1]).view(len(eps), *x.shape)
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="sum")
    kl = 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum()
    return (cross_entropy / len(eps) + kl) / len(x)


class TorchContender(Trainer):
    """Autograd with the fused Adam; ``compiled`` puts the loss, forward and backward, through `torch.compile`."""

    def __init__(self, problem: Problem, threads: int, *, compiled: bool) -> None:
        torch.set_num_threads(threads)
        mkl = "MKL" if torch.backends.mkl.is_available() else "no MKL"
        self.about = f"PyTorch {torch.__version__}, {mkl}, {torch.get_num_threads()} threads"
        self.size = problem.size
        # as nn.Linear keeps them
        self.start = [(torch.tensor(W.T).contiguous(), torch.tensor(b)) for W, b in join_heads(problem.weights)]
        self.layers = [(W.clone().requires_grad_(), b.clone().requires_grad_()) for W, b in self.start]
        self.flat = [array for layer in self.layers for array in layer]
        self.x, self.eps = torch.from_numpy(problem.x), torch.from_numpy(problem.eps)
        # sizes never change here, so none need be left open
        self.loss = torch.compile(negative_elbo, fullgraph=True, dynamic=False) if compiled else negative_elbo
        self.restart()

    def restart(self) -> None:
        """The initial weights, and a new optimiser."""
        with torch.no_grad():
            for layer, start in zip(self.layers, self.start, strict=True):
                for now, first in zip(layer, start, strict=True):
                    now.copy_(first)
        betas = ADAM["beta1"], ADAM["beta2"]
        self.optimiser = torch.optim.Adam(self.flat, lr=LEARNING_RATE, betas=betas, eps=ADAM["epsilon"], fused=True)

    def backward(self) -> Tensor:
        """The loss; the gradients are left in the leaves."""
        self.optimiser.zero_grad(set_to_none=True)
        loss = self.loss(self.layers, self.x, self.eps)
        loss.backward()
        return loss

    def step(self) -> None:
        """Forward, backward and Adam."""
        self.backward()
        self.optimiser.step()

    def loss_and_grad(self) -> tuple[float, dict[str, Array]]:
        """As `step` computes them."""
        loss = self.backward().item()
        return loss, self._named([(W.grad, b.grad) for W, b in self.layers])

    def parameters(self) -> dict[str, Array]:
        """The present ones."""
        return self._named([(W.detach(), b.detach()) for W, b in self.layers])

    def _named(self, layers: Layers) -> dict[str, Array]:
        """Copies, by vae_np's names and in its shapes."""
        return split_heads([(W.numpy().T.copy(), b.numpy().copy()) for W, b in layers], self.size)
