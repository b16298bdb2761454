"""Data: the embedded digits, loaders, binarisation and splits.

Everything that is loaded becomes a `Dataset`: rows of finite float32 or float64 numbers, in C order.
"""

from vae_np.data.binarisation import binarise
from vae_np.data.dataset import Dataset
from vae_np.data.digits import load_digits
from vae_np.data.lines import Lines
from vae_np.data.loading import load
from vae_np.data.mnist import load_mnist
from vae_np.data.splitting import split
from vae_np.support.checks import check_values

__all__ = [
    "Dataset",
    "Lines",
    "binarise",
    "check_values",
    "load",
    "load_digits",
    "load_mnist",
    "split",
]
