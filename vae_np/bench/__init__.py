"""How long a training step takes on this machine: `measure`, which ``vae-np bench`` prints."""
