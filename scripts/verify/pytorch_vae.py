"""A PyTorch VAE as tutorials have it: 784-400-20, everything summed over the batch, trained from the command line.

    vae-np verify scripts/verify/pytorch_vae.py:VAE --loss scripts/verify/pytorch_vae.py:loss_function

grades every stage, every gradient and ten steps of Adam, with not a line of it changed: right, in the dialect
``objective-batch-sum``. It trains on an .npy file of images in [0, 1]: python pytorch_vae.py images.npy
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import nn, optim
from torch.nn import functional as F


class VAE(nn.Module):
    """Two layers each way."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 400)
        self.fc21 = nn.Linear(400, 20)
        self.fc22 = nn.Linear(400, 20)
        self.fc3 = nn.Linear(20, 400)
        self.fc4 = nn.Linear(400, 784)

    def encode(self, x):
        """The mean and the log-variance of the code."""
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        """A sample."""
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        """Probabilities."""
        h3 = F.relu(self.fc3(z))
        return torch.sigmoid(self.fc4(h3))

    def forward(self, x):
        """The reconstruction, and what the loss needs beside it."""
        mu, logvar = self.encode(x.view(-1, 784))
        z = self.reparameterize(mu, logvar)
        return self.decode(z), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    """The negative ELBO, summed over everything."""
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


def main():
    """Train."""
    parser = argparse.ArgumentParser(description="VAE")
    parser.add_argument("images", help="an .npy file of shape (N, 784) or (N, 28, 28), in [0, 1]")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    images = torch.tensor(np.load(args.images), dtype=torch.float32)
    loader = torch.utils.data.DataLoader(images, batch_size=args.batch_size, shuffle=True)
    model = VAE()
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for data in loader:
            optimizer.zero_grad()
            recon, mu, logvar = model(data)
            loss = loss_function(recon, data, mu, logvar)
            loss.backward()
            total += loss.item()
            optimizer.step()
        print(f"epoch {epoch}: {total / len(images):.4f}")


if __name__ == "__main__":
    main()
