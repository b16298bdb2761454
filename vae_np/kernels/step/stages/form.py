"""What a stage is to the compiler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Stage"]

Stage = Callable[[Any, Any, Any, Any], None]
"""A function of (the plan's address, i, j, thread)."""
