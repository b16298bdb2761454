"""python -m vae_np, and the console command vae-np."""

from __future__ import annotations

import sys

from vae_np.cli import main

if __name__ == "__main__":
    sys.exit(main())
