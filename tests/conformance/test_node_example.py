"""The example that is no Python, scripts/verify/node/vae.js: right as it stands, and found out where it is spoilt."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from patience import HANGS

import vae_np
from vae_np.conformance import cases, check
from vae_np.conformance.command import Program
from vae_np.conformance.ours import TABLES

SCRIPT = Path(vae_np.__file__).parents[1] / "scripts" / "verify" / "node" / "vae.js"
LONG = [pytest.mark.slow]
KINDS = ("model", "kl", "reparameterise", "likelihood")
NODE = shutil.which("node")
pytestmark = [
    pytest.mark.skipif(NODE is None, reason="node is not installed"),
    pytest.mark.skipif(not SCRIPT.exists(), reason="not in a checkout"),
]


def verified(script):
    """The report, and why cases were skipped."""
    with Program([NODE, str(script)], HANGS) as program:
        return check(program), program.skipped


def test_all_that_it_answers_is_right_and_it_skips_only_what_it_says():
    report, skipped = verified(SCRIPT)
    assert report.ok, report
    words = ("continuous", "iwae", "free-bits", *TABLES)
    told = {case.id for case in cases() if case.kind not in KINDS or any(word in case.id for word in words)}
    assert set(skipped) == told
    missing = {(r.case, r.stage) for r in report.results if r.status == "missing" and r.case not in skipped}
    assert all(stage.startswith("step ") for _, stage in missing)


@pytest.mark.parametrize(
    ("line", "mistake", "stages"),
    [
        ("m + Math.exp(0.5 * s) * e", "m + Math.exp(s) * e", {"z"}),
        pytest.param("0.5 * (m * m + (Math.expm1(s) - s))", "m * m + (Math.expm1(s) - s)", {"kl"}, marks=LONG),
        pytest.param("/ S - beta * divergence", "- beta * divergence", {"bound"}, marks=LONG),
        pytest.param("0.5 * Math.exp(0.5 * v) * path", "Math.exp(0.5 * v) * path", {"d_logvar"}, marks=LONG),
    ],
)
def test_a_mistake_is_told_at_its_stage(line, mistake, stages, tmp_path):
    text = SCRIPT.read_text("utf-8")
    assert text.count(line) == 1
    (tmp_path / "vae.js").write_text(text.replace(line, mistake))
    report, _ = verified(tmp_path / "vae.js")
    assert {result.stage for result in report.first_wrong} == stages
    named = {finding.id: finding.says for finding in report.findings}
    assert (NAMED.get(line, "unknown") in named) == (len(named) == 1 or line not in NAMED)
    if line == "m + Math.exp(0.5 * s) * e":  # the backward pass, by hand, is still that of the right one
        assert named["std-is-variance"].endswith("; the gradients are not those of this forward pass")


NAMED = {
    "m + Math.exp(0.5 * s) * e": "std-is-variance",
    "0.5 * (m * m + (Math.expm1(s) - s))": "kl-missing-half",
    "/ S - beta * divergence": "unknown",
    "0.5 * Math.exp(0.5 * v) * path": "backward-constant",
}
"""Those of the lines that have a name in the catalogue."""
