"""Somebody's model from its class: its arguments by guessed names of common sizes, or as they are given."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

__all__ = ["arguments_of", "make", "parse_init"]

D, HIDDEN, K = 7, (11, 13, 17, 19), 5
"""Distinct primes, so that no two sizes fit by chance."""
NAMES = {
    "features": "input_dim in_dim in_features x_dim input_size n_features num_features features data_dim data_size"
    " image_size image_dim img_dim img_size n_in n_input n_inputs input_shape dim_x d d_in in_size input_features"
    " input_dims feature_dim din dout n_pixels output_dim out_dim original_dim nin inputs",
    "latent": "latent latent_dim latent_dims latent_size z_dim zdim z z_size n_latent n_latents num_latent code_dim"
    " code_size k dim_z nz latent_features latents bottleneck embedding_dim encoding_dim z_dims d_latent latent_units",
    "hidden": "hidden hidden_dim hidden_size h_dim hdim h n_hidden num_hidden hidden_units hidden_features"
    " intermediate_dim dim_h nh hid_dim h_size enc_hidden dec_hidden hidden_channels encoder_dim decoder_dim units"
    " middle_dim width dmid",
    "several": "hidden_dims hidden_sizes hidden_layers h_dims layer_sizes widths encoder_dims encoder_layers",
}  # fmt: skip
"""What programs call the sizes."""
_BY_NAME = {name: size for size, names in NAMES.items() for name in names.split()}


def parse_init(text: str) -> dict[str, Any]:
    """``input_dim=784,latent_dim=20`` as arguments; values are Python's literals.

    Raises
    ------
    ValueError
        If it is not of this form.
    """
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            raise ValueError
        if call.args or any(keyword.arg is None for keyword in call.keywords):
            raise ValueError
        return {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError):
        raise ValueError(f'--init takes NAME=VALUE,..., "input_dim=784,latent_dim=20" say; got {text!r}') from None


def arguments_of(what: Callable[..., Any], given: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The ways in which its arguments may be meant, the most natural first: as given, else sizes by their names.

    Raises
    ------
    ValueError
        If one that it needs is neither given nor a size by its name, or one that is given is none of its arguments.
    """
    try:
        parameters = inspect.signature(what).parameters
    except (TypeError, ValueError):
        return [dict(given)]
    any_name = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters.values())
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    named = {key: p for key, p in parameters.items() if p.kind in kinds}
    if unknown := [key for key in given if key not in named and not any_name]:
        raise ValueError(f"{name} has no argument {unknown[0]}; it has {', '.join(named) or 'none'}")
    needed = [key for key, p in named.items() if p.default is inspect.Parameter.empty and key not in given]
    guesses = list(_guesses(needed))
    if untold := [key for key in needed if not any(key in guess for guess in guesses)]:
        words = ",".join(f"{key}=..." for key in untold)
        raise ValueError(
            f'{name} needs {", ".join(untold)}, which is no size that is known by its name: --init "{words}"'
        )
    return [{**guess, **given} for guess in guesses]


def _guesses(names: list[str]) -> Iterator[dict[str, Any]]:
    """Sizes for all of these that are known; a plural first as a list, then as a number."""
    widths, several = itertools.cycle(HIDDEN), list[str]()
    found: dict[str, Any] = {}
    for name in names:
        size = _BY_NAME.get(name.lower()) or _BY_NAME.get(name.lower().rstrip("0123456789_"))
        if size == "several":
            found[name] = list(HIDDEN[:2])
            several.append(name)
        elif size is not None:
            found[name] = {"features": D, "latent": K}.get(size) or next(widths)
    yield found
    if several:
        yield found | dict.fromkeys(several, HIDDEN[0])


def make(what: Any, given: Mapping[str, Any], name: str, is_model: Callable[[Any], bool]) -> tuple[Any, str]:
    """The model and how it was made: an instance as it is, a class or a function called.

    Raises
    ------
    ValueError
        If it cannot be made, or is none.
    """
    if is_model(what) and not isinstance(what, type):
        if given:
            raise ValueError(f"{name} is a model already: --init has nothing to give")
        return what, name
    if not callable(what):
        raise ValueError(
            f"{name} is {_a(what)}: a model is a class of modules, an object of one, or a function that returns one"
        )
    problem: Exception | None = None
    for arguments in arguments_of(what, given, name):
        how = f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
        try:
            model = what(**arguments)
        except Exception as error:
            problem = problem or ValueError(f"{how} fails: {type(error).__name__}: {error}")
            continue
        if not is_model(model):
            raise ValueError(
                f"{how} is {_a(model)}: a model is a module of PyTorch, torch.nn.Module, of Flax, Equinox or Keras"
            )
        return model, how
    raise problem or ValueError(f"{name} could not be made")


def _a(what: Any) -> str:
    name = type(what).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
