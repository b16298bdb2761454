"""Gradients that a file's training never sets to zero: told where it does not, and silent wherever it may."""

import pytest

from vae_np.conformance.objective.accumulating import never_zeroed
from vae_np.conformance.objective.training_loop import out_of_order

TRAINING = """
import torch
from torch import nn, optim
{imported}

class VAE(nn.Module):
    pass

{defined}
model = VAE().to("cpu")
optimizer = {made}

def train(epoch, loader):
    for x in loader:
        {first}
        loss = loss_function(model(x), x)
        loss.backward()
        optimizer.step()
        {last}

for epoch in range(10):
    train(epoch, loader)
"""
USUAL = {
    "imported": "", "defined": "", "made": "optim.Adam(model.parameters(), lr=1e-3)", "first": "model.train()",
    "last": "print(loss.item())",
}  # fmt: skip


def _said(**parts: str) -> str:
    return never_zeroed(TRAINING.format(**USUAL | parts))


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"made": "torch.optim.AdamW(model.parameters())"},
        {"first": "# optimizer.zero_grad()"},
        {"last": "schedule = optim.lr_scheduler.StepLR(optimizer, 3)"},
        {"last": "nn.utils.clip_grad_norm_(model.parameters(), 1.0)"},
        {"defined": "def note(model):\n    print(model)", "last": "note(model)"},
    ],
)
def test_a_training_without_zero_grad_is_told_with_its_line(parts):
    said = _said(**parts)
    assert said.startswith("optimizer.step() in line ")
    assert "no zero_grad()" in said
    line = TRAINING.format(**USUAL | parts).splitlines()[int(said.split("line ")[1].split()[0]) - 1]
    assert line.strip() == "optimizer.step()"


@pytest.mark.parametrize(
    "parts",
    [
        {"first": "optimizer.zero_grad()"},
        {"first": "model.zero_grad(set_to_none=True)"},
        {"last": "for p in model.parameters():\n            p.grad = None"},
        {"last": "getattr(optimizer, 'zero_grad')()"},
        {"imported": "from tools import clear", "last": "clear(optimizer)"},
        {"imported": "import tools", "last": "tools.clear(net=model)"},
        {"imported": "from tools import Ranger", "made": "Ranger(model.parameters())"},
    ],
)
def test_nothing_is_told_where_something_may_set_them_to_zero(parts):
    assert _said(**parts) == ""


def test_one_step_that_is_not_repeated_is_no_training():
    source = "from torch import optim\nopt = optim.SGD(m.parameters())\nloss(m).backward()\nopt.step()\n"
    assert never_zeroed(source) == ""
    assert never_zeroed(source.replace("loss(m)", "while True:\n  loss(m)").replace("opt.step", "  opt.step")) != ""


def test_a_function_that_is_called_in_a_loop_is_repeated():
    step = "from torch import optim\nopt = optim.SGD(m.parameters())\ndef step(x):\n  f(x).backward()\n  opt.step()\n"
    assert never_zeroed(step) == ""
    assert "line 5" in never_zeroed(step + "for x in data:\n  step(x)\n")


LOOP = """
import torch
from torch import nn, optim
{made}
def train(loader):
    {before}
    for x in loader:
        {lines}
"""
ZERO, BACK, STEP = "opt.zero_grad()", "loss(x).backward()", "opt.step()"
CLIP = "nn.utils.clip_grad_norm_(model.parameters(), 1.0)"


def _order(*lines: str, before: str = "pass", made: str = "opt = optim.Adam(model.parameters())") -> dict[str, str]:
    return out_of_order(LOOP.format(made=made, before=before, lines="\n        ".join(lines)))


MADE = "def make(p):\n    return optim.Adam(p)\n\nopt = make(model.parameters())"


@pytest.mark.parametrize(
    ("lines", "how", "found"),
    [
        ((ZERO, BACK, STEP), {}, set()),
        ((BACK, STEP, ZERO), {}, set()),
        ((STEP, ZERO, BACK), {}, set()),
        ((ZERO, STEP, BACK), {}, {"grad-zeroed"}),
        ((BACK, ZERO, STEP), {}, {"grad-zeroed"}),
        ((BACK, ZERO, STEP), {"made": MADE}, {"grad-zeroed"}),
        ((ZERO, BACK, CLIP, STEP), {}, set()),
        ((ZERO, CLIP, BACK, STEP), {}, {"clip-noop"}),
        ((BACK, STEP), {"before": ZERO}, {"grad-accumulates"}),
        ((ZERO, BACK), {}, {"step-missing"}),
        (("opt = optim.Adam(model.parameters())", ZERO, BACK, STEP), {"made": ""}, {"optimizer-rebuilt"}),
    ],
)
def test_the_order_of_a_loop_is_told_by_the_mistake(lines, how, found):
    assert set(_order(*lines, **how)) == found


@pytest.mark.parametrize(
    "lines",
    [
        ("if n % 4 == 0:", f"    {ZERO}", BACK, f"if n % 4 == 3: {STEP}"),
        (BACK, "if n % 4 == 3:", f"    {STEP}", f"    {ZERO}"),
        (BACK, "if n % 4 == 0:", f"    {ZERO}", STEP),
        (ZERO, "if clips:", f"    {CLIP}", BACK, STEP),
        (ZERO, BACK, BACK, STEP),
        (ZERO, BACK, "for p in model.parameters():", "    p.data -= 0.1 * p.grad"),
        (ZERO, BACK, "tools.update(model)"),
        (BACK, "reset(opt)", STEP),
    ],
)
def test_accumulation_two_losses_and_steps_by_hand_are_left_alone(lines):
    assert not {"grad-zeroed", "step-missing", "clip-noop"} & set(_order(*lines))


def test_two_optimisers_are_left_alone():
    made = "opt = optim.Adam(a)\nother = optim.Adam(b)"
    assert _order(BACK, ZERO, STEP, made=made) == {}


def test_a_clip_right_after_the_step_is_before_the_next_gradient():
    assert set(_order(ZERO, BACK, STEP, CLIP)) == {"clip-noop"}
