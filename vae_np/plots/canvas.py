"""A figure in the house style and its way into a file: the one place that imports matplotlib."""

from __future__ import annotations

import logging
import os
import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vae_np.support.files import write_atomic

if TYPE_CHECKING:
    from types import ModuleType

    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "GREY",
    "INK",
    "ORANGE",
    "STYLE",
    "PathLike",
    "cropped",
    "number",
    "picture",
    "require_matplotlib",
    "shortened",
    "whole_ticks",
]

PathLike = str | os.PathLike[str]

DPI = 130
FORMATS = ("png", "svg", "pdf")
INK, GREY, BLUE, ORANGE = "#222222", "#9a9a9a", "#0072b2", "#d55e00"

STYLE: dict[str, Any] = {
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "figure.titlesize": 11,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.useoffset": False,
    "axes.grid": False,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "text.color": INK,
    "text.parse_math": False,  # a label such as "$5" stays what it is
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def require_matplotlib() -> ModuleType:
    """matplotlib, or an ImportError that says how to install it.

    Files need none of its windows, and the import fails where it does not know the one that MPLBACKEND names, as a
    notebook's shell has it without the notebook's modules. So it is imported without that name, which it is told after.
    """
    name = None if "matplotlib" in sys.modules else os.environ.pop("MPLBACKEND", None)
    try:
        mpl = _matplotlib()
    except ImportError as error:
        raise ImportError(f'the pictures need matplotlib: pip install "vae-np[cli]" ({error})') from error
    finally:
        if name is not None:
            os.environ["MPLBACKEND"] = name
    if name:
        with suppress(ValueError):
            mpl.rcParams["backend"] = name
    return mpl


def _matplotlib() -> ModuleType:
    """The package, with the parts that pictures need; what it logs of a folder that it cannot write is one warning."""
    logger = logging.getLogger("matplotlib")
    said: list[str] = []

    def passes(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        if not ("MPLCONFIGDIR" in text or "mkdir" in text):
            return True
        said.append(" ".join(text.split()))
        return False

    logger.addFilter(passes)
    try:
        import matplotlib
        import matplotlib.backends.backend_agg
        import matplotlib.figure
        import matplotlib.image
        import matplotlib.style
    finally:
        logger.removeFilter(passes)
    if said:
        warnings.warn(
            "matplotlib cannot write its folder, so that every start looks for fonts anew: set MPLCONFIGDIR to one that"
            f" can be written ({said[0]})",
            stacklevel=2,
        )
    return matplotlib


@contextmanager
def picture(path: PathLike, width: float, height: float, *, images: bool = False) -> Iterator[Figure]:
    """A figure of ``width`` by ``height`` inches, written to ``path`` when the block ends well.

    With ``images`` the layout keeps axes of a fixed aspect beside their colour bars, and the blank
    around the ink is cut off: axes of a fixed aspect seldom fill their figure.

    Raises
    ------
    ValueError
        If ``path`` does not end in .png, .svg or .pdf.
    ImportError
        If matplotlib is not installed.
    """
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise ValueError(f"pictures end in .png, .svg or .pdf; the path is {os.fspath(path)!r}")
    mpl = require_matplotlib()
    buffer = BytesIO()
    # "default" first: neither a matplotlibrc nor the caller's rcParams change the picture
    with mpl.style.context(["default", STYLE, {"svg.hashsalt": "vae-np"}]):
        figure = mpl.figure.Figure(figsize=(width, height), layout="constrained")
        if images:
            # room between the titles, which the compressed layout puts close together
            figure.set_layout_engine("compressed", h_pad=0.12)
        canvas = mpl.backends.backend_agg.FigureCanvasAgg(figure)
        yield figure
        _wrap_title(figure)
        if kind != "png":  # of drawings, which have no blank to cut off and no date, so that they repeat
            dateless = {"Date": None} if kind == "svg" else {"CreationDate": None}
            figure.savefig(buffer, format=kind, metadata=dateless, bbox_inches="tight" if images else None)
            write_atomic(path, buffer.getvalue())
            return
        # not savefig, which lays the figure out in a draw of its own first
        canvas.draw()
        pixels = np.asarray(canvas.buffer_rgba())
        if images:
            pixels = cropped(pixels)
        mpl.image.imsave(buffer, pixels, format="png", dpi=DPI, metadata={"Software": None})
    write_atomic(path, buffer.getvalue())


def _wrap_title(figure: Figure) -> None:
    """Put a title that is wider than its picture into lines: it would be cut off."""
    title = figure.get_suptitle()
    if not title:
        return
    wide = figure.suptitle(title, x=0.01, ha="left").get_window_extent().width / (0.97 * figure.bbox.width)
    if wide > 1:
        most = int(max(map(len, title.split("\n"))) / wide)
        lines = (textwrap.wrap(line, most, break_on_hyphens=False) for line in title.split("\n"))
        figure.suptitle("\n".join(chain.from_iterable(lines)), x=0.01, ha="left")


def cropped(pixels: NDArray[np.uint8], margin: int = 12) -> NDArray[np.uint8]:
    """The part of a white picture (height, width, 4) that has ink, and a margin where there was one."""
    ink = np.any(pixels[:, :, :3] != 255, axis=2)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if not len(rows):
        return pixels
    top, left = max(0, rows[0] - margin), max(0, columns[0] - margin)
    return np.ascontiguousarray(pixels[top : rows[-1] + 1 + margin, left : columns[-1] + 1 + margin])


def whole_ticks(axis: Any) -> None:
    """Ticks of a matplotlib axis at whole numbers only."""
    axis.get_major_locator().set_params(integer=True)


def number(value: float) -> str:
    """A value to read: about four digits and a true minus sign."""
    size = abs(value)
    if size >= 1e6 or 0 < size < 0.005:
        text = f"{value:.2e}"
    else:
        text = f"{value:,.{2 if size < 100 else 1}f}"
    return text.replace("-", "−")


def shortened(name: str, most: int = 24) -> str:
    """The name if it has at most ``most`` characters, else its beginning and its end: names often differ there."""
    if len(name) <= most:
        return name
    end = (most - 1) // 3
    return f"{name[: most - 1 - end]}…{name[len(name) - end :]}"
