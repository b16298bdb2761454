"""Whether a program goes down what its loss returns, read from its source."""

from __future__ import annotations

import pytest

from vae_np.conformance import check_objective
from vae_np.conformance.objective.convention import what_is_minimised
from vae_np.conformance.programs import callable_of

LOSS = """
import numpy as np
def elbo(p, x, mu, logvar):
    rec = (x * np.log(p) + (1 - x) * np.log(1 - p)).sum(1)
    return (rec - 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar).sum(1)).mean()
"""


@pytest.mark.parametrize(
    ("training", "sign"),
    [
        ("loss = elbo(p, x, m, s)\n    loss.backward()", 1),
        ("(-elbo(p, x, m, s)).backward()", -1),
        ("loss = -1 * elbo(p, x, m, s)\n    loss.mean().backward()", -1),
        ("loss = -elbo(p, x, m, s) / len(x)\n    loss.backward()", -1),
        ("value, rec = self.elbo(p, x, m, s)\n    total = 0.1 * norm - value\n    total.backward()", -1),
        ("total = norm + elbo(p, x, m, s)[0]\n    total.backward()", 1),
        ("accelerator.backward(elbo(p, x, m, s))", 1),
        ("loss = elbo(p, x, m, s)\n    loss = other(x)\n    loss.backward()", None),
        ("print(elbo(p, x, m, s))", None),
    ],
)
def test_the_sign_between_the_loss_and_backward_is_read(training, sign):
    found = what_is_minimised(f"def train():\n    {training}\n", "elbo")
    assert (found and found[0]) == sign


@pytest.mark.parametrize(("sign", "severity"), [("", "H"), ("-", "dialect")])
def test_an_elbo_that_its_own_file_minimises_is_a_mistake_and_one_that_it_maximises_a_dialect(tmp_path, sign, severity):
    file = tmp_path / f"mine{len(sign)}.py"
    file.write_text(f"{LOSS}\ndef train(p, x, m, s):\n    loss = {sign}elbo(p, x, m, s)\n    loss.backward()\n")
    report = check_objective(callable_of(f"{file}:elbo"))
    assert [(finding.id, finding.severity) for finding in report.findings] == [("elbo-for-loss", severity)]
