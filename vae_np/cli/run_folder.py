"""A run's folder: which one it is, what it holds, and who may write to it."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from vae_np.cli.assemble import depends_on_epochs, doors
from vae_np.cli.output import jsonable
from vae_np.cli.runs import KEPT, read_config
from vae_np.cli.starting import options_from
from vae_np.cli.tables import CHOOSING
from vae_np.cli.train_options import BY_HASH, DEFAULTS, FREE_ON_RESUME, check_types

PICTURES = (
    "kl_per_dimension.png",
    "reconstructions.png",
    "samples.png",
    "latent_space.png",
    "learning_curves.png",
    "manifold.png",
    "traversals.png",
    "components.png",
)
CHECKPOINT, CONFIG, HISTORY, RESULT = "checkpoint.npz", "config.json", "history.csv", "result.json"


class Plan(NamedTuple):
    """What is to be done where: the folder (None: a fresh one), all options, whether a checkpoint is to be resumed."""

    folder: Path | None
    options: dict[str, Any]
    resumed: bool


def plan(given: dict[str, Any]) -> Plan:
    """Read the command's options and what the folder holds; nothing is written."""
    explicit = {name: value for name, value in given.items() if name in DEFAULTS}
    fresh = "start_from" in explicit and "resume" not in given
    options = options_from(explicit["start_from"], explicit) if fresh else {**DEFAULTS, **explicit}
    folder = Path(given["out"]) if "out" in given else None
    if folder is not None and folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is a file; --out names a folder")
    if "resume" not in given:
        if folder is not None:
            check_unchanged(folder, False)
        return Plan(folder, options, False)
    if folder is None:
        raise ValueError("--resume needs --out, the folder of the run to continue")
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: there is no such folder to resume; without --resume a new run begins there")
    resumed = (folder / CHECKPOINT).exists()
    if not resumed and (left := next((name for name in (HISTORY, RESULT) if (folder / name).exists()), None)):
        raise ValueError(f"{folder}: has a {left} and no {CHECKPOINT} to go on from; a new run needs another --out")
    saved = read_config(folder)
    if saved is None:
        if resumed:
            raise ValueError(f"{folder}: has a {CHECKPOINT} and no {CONFIG}; it can be loaded, and not resumed")
        return Plan(folder, options, False)
    saved = {name: value for name, value in saved.items() if name not in KEPT}
    return Plan(folder, _merged(saved, explicit, folder / CONFIG, BY_HASH if resumed else ()), resumed)


def check_unchanged(folder: Path, resumed: bool) -> None:
    """That no checkpoint is there which is not resumed; asked again under the lock, for another may have written it."""
    if not resumed and (folder / CHECKPOINT).exists():
        raise ValueError(f"{folder} holds a run already; continue it with --resume or choose another --out")


def _merged(
    saved: dict[str, Any], explicit: dict[str, Any], config: Path, free: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The run's options, with those given now; ``ValueError`` where the two contradict each other.

    Those that are ``free`` may differ as those do that always may.
    """
    check_types(saved, config)
    before = {**DEFAULTS, **saved}
    if explicit.get("likelihood") in CHOOSING:  # what it chose then holds
        explicit = {name: value for name, value in explicit.items() if name != "likelihood"}
    # a floor that the data chose is no word of the user's: without it another likelihood is told by its own name
    unsaid = {} if "floor" in explicit else {"floor": None}
    try:
        theirs = doors(before | unsaid)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{config}: {error}") from None
    ours = doors({**before, **explicit, **unsaid})
    for name, value in explicit.items():
        flag = f"--{name.replace('_', '-')}"
        same = theirs[name] == ours[name] if name in ours else before[name] == value
        if name not in (*FREE_ON_RESUME, *free) and not same:
            raise ValueError(
                f"{config}: the run has {flag} {_word(before[name])}, not {_word(value)}"
                f" (a new run may begin with its weights: --start-from {config.parent})"
            )
        if name == "epochs" and before[name] != value and (schedule := depends_on_epochs(before)):
            raise ValueError(f"{config}: --epochs must stay {before[name]}: {schedule} depends on it")
    if free and explicit.get("data", before["data"]) != before["data"]:
        before |= {name: DEFAULTS[name] for name in free}  # how a file is read goes with the file
    return {**before, **explicit}


def _word(value: Any) -> str:
    """A value as one would give it on the command line."""
    return ",".join(map(str, value)) or "none" if isinstance(value, list) else str(value)


def make(folder: Path | None, data: str) -> Path:
    """Make the folder, or the first of runs/NAME-1, -2, ... that is free."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return folder
    name = Path(data).name.split(".")[0] or "data"
    for i in range(1, 10**6):
        fresh = Path("runs") / f"{name}-{i}"
        with contextlib.suppress(FileExistsError):
            fresh.mkdir(parents=True)
            return fresh
    raise ValueError("runs is full")


def lock(folder: Path, otherwise: str = "another process is training there") -> None:
    """Keep other processes' work out of the folder for as long as this one lives, where the system can do that."""
    try:
        import fcntl
    except ImportError:
        return
    handle = os.open(folder, os.O_RDONLY)  # stays open: the system closes it, and so unlocks, however we end
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ValueError(f"{folder}: {otherwise}") from None
    except OSError:
        os.close(handle)
        return
    _LOCKS.append(handle)


def is_locked(folder: Path) -> bool:
    """Whether another process is at work there, as far as the system can tell."""
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    finally:
        os.close(handle)
    return False


def unlock() -> None:
    """Let others in."""
    while _LOCKS:
        os.close(_LOCKS.pop())


_LOCKS: list[int] = []


def clean(folder: Path) -> None:
    """Remove what a killed run has left half written; only under the lock."""
    from vae_np.training.checkpoint import remove_temporaries

    for name in (CHECKPOINT, CONFIG, HISTORY, RESULT, *PICTURES):
        remove_temporaries(folder / name)


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """config.json: all that makes the run again."""
    _write_json(folder / CONFIG, config)


def write_result(folder: Path, result: dict[str, Any]) -> None:
    """result.json: what the command prints at the end."""
    _write_json(folder / RESULT, jsonable(result))


def _write_json(file: Path, values: Any) -> None:
    from vae_np.support.files import write_atomic

    write_atomic(file, (json.dumps(values, indent=2, allow_nan=False) + "\n").encode())
