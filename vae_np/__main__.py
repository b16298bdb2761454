"""python -m vae_np."""


def main() -> int:
    """The console command."""
    raise NotImplementedError
