"""The figures behind the pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from vae_np.plots.canvas import picture


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures of the pictures that the test draws."""
    figures: list[Any] = []

    @contextmanager
    def recording(*args: Any, **options: Any) -> Iterator[Any]:
        with picture(*args, **options) as figure:
            figures.append(figure)
            yield figure

    modules = "coordinates curves images latent pairs quantiles score_bars studies tables walks"
    for module in modules.split():
        monkeypatch.setattr(f"vae_np.plots.{module}.picture", recording)
    return figures
