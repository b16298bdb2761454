"""vae-np verify: a program's file, unchanged, in a process of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import one_line

PROGRAM = """
import numpy as np
print("training soon")

def loss_function(recon_x, x, mu, logvar):
    bce = -(x * np.log(recon_x) + (1 - x) * np.log(1 - recon_x))
    return bce.sum() - 0.5 * (1 + logvar - mu**2 - np.exp(logvar)).sum()

def halved(recon_x, x, mu, logvar):
    return loss_function(recon_x, x, mu, logvar) + 0.25 * (1 + logvar - mu**2 - np.exp(logvar)).sum()

def crash(recon_x, x, mu, logvar):
    import os
    os._exit(3)

def hang(recon_x, x, mu, logvar):
    while True:
        pass

class VAE:
    def __init__(self, sizes):
        raise RuntimeError("nobody knows the sizes")

    def reparameterize(self, mu, logvar):
        return mu + np.exp(0.5 * logvar) * np.random.randn(*mu.shape)

    @staticmethod
    def wrong(mu, logvar):
        return mu + np.exp(logvar) * np.random.randn(*mu.shape)

SIZES = (3, 4)
if __name__ == "__main__":
    raise SystemExit("trained")
"""


@pytest.fixture
def program(here):
    Path("my_vae.py").write_text(PROGRAM)


@pytest.mark.usefixtures("program")
class TestVerify:
    def test_a_right_loss_and_sampler_pass_whatever_is_printed_or_stands_under_main(self, vae_np):
        done = vae_np("verify", "--loss", "my_vae.py:loss_function", "--sampler", "my_vae.py:VAE.reparameterize")
        assert done.code == 0, done
        assert done.out.endswith("Right, in this dialect: objective-batch-sum.\n")
        assert "training soon" not in done.out

    def test_bytes_that_are_no_text_on_its_standard_output_do_not_reach_the_answer(self, vae_np):
        noise = 'import os, sys\nos.write(1, b"\\xff\\xfe{")\nsys.stdout.buffer.write(b"\\xe9\\n")\n'
        Path("loud.py").write_text(noise + PROGRAM)
        done = vae_np("verify", "--loss", "loud.py:loss_function")
        assert (done.code, done.err) == (0, ""), done
        one_line(vae_np("verify", "--loss", "loud.py:crash"), "its process ended with 3")

    def test_a_mistake_is_exit_1(self, vae_np):
        done = vae_np("verify", "--loss", "my_vae.py:halved")
        assert done.code == 1
        assert done.out.endswith("Mistaken: kl-double-half.\n")
        done = vae_np("verify", "--sampler", "my_vae.py:VAE.wrong", "--json")
        assert done.code == 1
        assert [finding["id"] for finding in done.json["findings"]] == ["std-is-variance"]
        assert done.json["ok"] is False

    def test_strict_makes_a_dialect_fail_but_for_those_that_are_allowed(self, vae_np):
        words = ["verify", "--loss", "my_vae.py:loss_function", "--strict"]
        done = vae_np(*words)
        assert done.code == 1
        assert done.out.endswith("--strict: objective-batch-sum\n")
        assert vae_np(*words, "--allow", "objective-batch-sum").code == 0

    def test_output_beta_and_arguments_are_as_given(self, vae_np):
        assert vae_np("verify", "--loss", "my_vae.py:loss_function", "--output", "logits").code == 1
        assert "beta-ignored" in vae_np("verify", "--loss", "my_vae.py:loss_function", "--beta", "0.5").out
        done = vae_np("verify", "--loss", "my_vae.py:loss_function", "--arguments", "x,output,mu,logvar")
        assert "bce-args-swapped" in done.out

    @pytest.mark.parametrize(
        ("words", "fact"),
        [
            ("", "nothing to verify: give --loss FILE.py:NAME"),
            ("--loss my_vae.py", "my_vae.py: FILE.py:NAME is needed"),
            ("--loss my_vae.txt:loss", "my_vae.txt: a Python file is needed"),
            ("--loss other.py:loss", "other.py: no such file"),
            ("--loss my_vae.py:los", "has no los; it has loss_function, halved, crash, hang, VAE"),
            ("--loss my_vae.py:SIZES", "SIZES is no function but a tuple; give one, as in def SIZES"),
            ("--loss broken.py:loss", "broken.py: no Python, in line 1"),
            ("--loss exits.py:loss", "exits.py: its import ends the program (exit 2)"),
            ("--loss fails.py:loss", "fails.py: its import fails: ModuleNotFoundError"),
            ("--loss my_vae.py:crash", "my_vae.py:crash: its process ended with 3"),
            ("--loss my_vae.py:hang --timeout 3", "my_vae.py:hang: no answer within 3 seconds"),
            ("--loss my_vae.py:VAE", "are not told by their names: sizes"),
            ("--loss my_vae.py:loss_function --timeout 0", "--timeout must be positive"),
        ],
    )
    def test_what_cannot_be_run_is_told_in_one_line(self, words, fact, vae_np):
        Path("broken.py").write_text("def (:")
        Path("exits.py").write_text("import argparse\nargparse.ArgumentParser().error('data?')")
        Path("fails.py").write_text("import no_such_package")
        one_line(vae_np("verify", *words.split()), fact)
