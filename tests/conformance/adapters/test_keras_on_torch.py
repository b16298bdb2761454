"""A model of Keras on PyTorch, where neither is installed: what it must have of each."""

from __future__ import annotations

import ast
from pathlib import Path

from vae_np.conformance import adapters
from vae_np.conformance.adapters import choosing, keras_losses


def attributes(file, name):
    """What a class's __init__ gives itself."""
    tree = ast.parse(Path(adapters.__path__[0], file).read_text())
    (found,) = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == name)
    (start,) = (node for node in found.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return {
        node.attr
        for node in ast.walk(start)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.value.id == "self"
    }


def test_it_has_all_that_a_module_of_pytorch_begins_with():
    """It begins in its own way; once its call was forgotten, and no such model was graded."""
    needed = attributes("torch_modules.py", "TorchProgram")
    assert "call" in needed
    assert needed <= attributes("keras_on_torch.py", "KerasOnTorch")


def test_a_module_that_is_a_model_of_keras_is_asked_for_the_loss_of_keras(monkeypatch):
    monkeypatch.setattr(choosing.keras_models, "is_keras", lambda model: True)
    monkeypatch.setattr(choosing, "is_module", lambda model: True)
    monkeypatch.setattr(keras_losses, "own_loss", lambda model: "of Keras")
    assert choosing.own_loss(object()) == "of Keras"
