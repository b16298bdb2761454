"""Models of JAX as functions of their parameters: Flax's linen and nnx, modules that are trees (Equinox), functions.

No framework is imported here: the program has done so.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from vae_np.conformance.adapters.making import arguments_of
from vae_np.conformance.objective.frameworks import globals_of

__all__ = ["JaxModel", "arguments", "images", "is_function_of_a_tree", "is_jax", "is_pair", "of_function",
           "of_object", "of_pair", "with_keys"]  # fmt: skip

KEYS = ("key", "rng", "rngs", "prng", "seed")
NOISE = ("eps", "epsilon", "noise")
FLAGS = {"train": True, "training": True, "is_training": True, "deterministic": False, "inference": False}
"""Called as in training, so that it samples."""
TREES = ("params", "parameters", "theta", "weights", "variables", "p", "model", "state")
MAKERS = ("init_params", "init", "initialize", "initialise", "init_vae", "init_model", "init_parameters",
          "init_weights", "init_fn", "initialize_params", "initialise_params", "create_params", "make_params",
          "get_params", "init_network_params", "init_all_params")  # fmt: skip
"""What a function that makes the parameters is called."""
STREAMS = ("params", "default", "dropout", "noise", "sample", "sampling", "reparam", "reparameterize", "latent", "z",
           "eps", "normal", "gaussian", "rng")  # fmt: skip
"""What Flax's streams of keys are called; another one is that of the parameters."""


class JaxModel(NamedTuple):
    """A model as a function of its parameters."""

    kind: str
    """Its framework, for the report."""
    within: Callable[..., Any]
    """The function whose module draws the noise."""
    call: Callable[..., Any]
    """Of the parameters, x, a key and the noise."""
    tree: Any = None
    """The parameters; None if they are made by `init`."""
    init: Callable[..., Any] | None = None
    """Of x and a key: the call, with everything but parameters bound, and the parameters. For linen."""


def _module(name: str) -> Any:
    return sys.modules.get(name)


def is_jax(thing: Any) -> bool:
    """Whether it is a model of JAX, or a class of them: a module of Flax, or a tree that can be called."""
    jax, flax = _module("jax"), _module("flax")
    kinds = [] if flax is None else [flax.linen.Module, *([flax.nnx.Module] if hasattr(flax, "nnx") else [])]
    if isinstance(thing, type):
        equinox = _module("equinox")
        return issubclass(thing, (*kinds, *([] if equinox is None else [equinox.Module])))
    if isinstance(thing, tuple(kinds)):
        return True
    return jax is not None and callable(thing) and not jax.tree_util.all_leaves([thing])


def arguments(f: Callable[..., Any], data: Any, key: Any, noise: Callable[[], Any], given: Mapping[str, Any],
              skip: int = 0) -> dict[str, Any]:  # fmt: skip
    """The arguments of a forward pass by their names: x, a key, the noise, whether it is in training.

    Raises
    ------
    ValueError
        If one that it needs is none of these.
    """
    parameters = list(inspect.signature(f).parameters.values())[skip:]
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY, p.POSITIONAL_ONLY)]
    found: dict[str, Any] = {}
    rest = []
    for p in named:
        words = p.name.lower().split("_")
        if p.name in given:
            found[p.name] = given[p.name]
        elif p.name in FLAGS:
            found |= {p.name: FLAGS[p.name]} if p.default is p.empty else {}
        elif any(word in KEYS for word in words):
            found[p.name] = key
        elif any(word in NOISE for word in words):
            found |= {p.name: noise()} if p.default in (p.empty, None) else {}
        else:
            rest.append(p)
    if rest:
        found[rest[0].name] = data
    if untold := [p.name for p in rest[1:] if p.default is p.empty]:
        raise ValueError(f"its forward needs {', '.join(untold)}, which is no data, key or noise by its name")
    return {p.name: found[p.name] for p in named if p.name in found}


def _call(f: Callable[..., Any], *first: Any, skip: int = 0, x: Any, key: Any, noise: Callable[[], Any]) -> Any:
    """f with its arguments by name; those that are given come before them."""
    return f(*first, **arguments(f, x, key, noise, {}, skip + len(first)))


def of_object(model: Any) -> JaxModel:
    """A module of Flax, or a tree that can be called."""
    flax = _module("flax")
    if flax is not None and isinstance(model, flax.linen.Module):
        return _of_linen(model)
    if flax is not None and hasattr(flax, "nnx") and isinstance(model, flax.nnx.Module):
        return _of_nnx(model, flax.nnx)
    kind = "Equinox" if _module("equinox") is not None else "JAX"
    f = type(model).__call__
    return JaxModel(kind, f, functools.partial(_call_of_tree, f), model)


def _call_of_tree(f: Callable[..., Any], tree: Any, x: Any, key: Any, noise: Callable[[], Any]) -> Any:
    return _call(f, tree, x=x, key=key, noise=noise)


def _of_linen(module: Any) -> JaxModel:
    """Its parameters are made of x; other collections, of batch norm say, stay as they are made."""
    f = type(module).__call__

    def init(x: Any, key: Any, noise: Callable[[], Any]) -> tuple[Callable[..., Any], Any]:
        streams = dict.fromkeys(STREAMS, key)
        variables = dict(module.init(streams, **arguments(f, x, key, noise, {}, 1)))
        tree = variables.pop("params", {})

        def call(tree: Any, x: Any, key: Any, noise: Callable[[], Any]) -> Any:
            streams = dict.fromkeys(STREAMS, key)
            mutable = list(variables) or False
            with_x = arguments(f, x, key, noise, {}, 1)
            found = module.apply({"params": tree, **variables}, rngs=streams, mutable=mutable, **with_x)
            return found[0] if mutable else found

        return call, tree

    return JaxModel("Flax", f, f, None, init)


def _of_nnx(model: Any, nnx: Any) -> JaxModel:
    """Split into its parameters and the rest: counts of keys, which are made anew in every call."""
    f = type(model).__call__
    graph, tree, rest = nnx.split(model, nnx.Param, ...)
    jax = _module("jax")

    def call(tree: Any, x: Any, key: Any, noise: Callable[[], Any]) -> Any:
        here = nnx.merge(graph, tree, jax.tree_util.tree_map(lambda a: a, rest))
        given = {"rngs": nnx.Rngs(0)} if "rngs" in inspect.signature(f).parameters else {}
        return f(here, **arguments(f, x, key, noise, given, 1))

    return JaxModel("Flax", f, call, tree)


# ---- functions


def with_keys(what: Callable[..., Any]) -> Callable[..., Any]:
    """With the keys that it needs: a class of nnx takes ``rngs``, one of Equinox ``key``."""
    try:
        signature = inspect.signature(what)
        hidden = all(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in signature.parameters.values())
        if isinstance(what, type) and hidden:  # by nnx's metaclass
            signature = inspect.signature(functools.partial(what.__init__, None))  # type: ignore[misc]
    except (TypeError, ValueError):
        return what
    parameters = signature.parameters.values()
    jax, flax = _module("jax"), _module("flax")
    known = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    found: dict[str, Any] = {}
    for name in [p.name for p in parameters if p.default is p.empty]:
        if name == "rngs" and flax is not None and hasattr(flax, "nnx"):
            found[name] = flax.nnx.Rngs(0)
        elif any(word in KEYS for word in name.lower().split("_")):
            found[name] = jax.random.PRNGKey(0)
    if not found:
        return what

    def with_them(**given: Any) -> Any:
        return what(**found, **given)

    with_them.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[p.replace(kind=p.KEYWORD_ONLY) for p in parameters if p.name in known and p.name not in found]
    )
    return with_them


def is_function_of_a_tree(what: Any) -> bool:
    """forward(params, x, ...), which is called with what another function of its module made."""
    if _module("jax") is None or isinstance(what, type) or is_jax(what) or not callable(what):
        return False
    try:
        names = list(inspect.signature(what).parameters)
    except (TypeError, ValueError):
        return False
    return len(names) > 1 and names[0].lower() in TREES


def is_pair(thing: Any) -> bool:
    """Whether it is parameters, or a function that makes them, and a function of them."""
    return _module("jax") is not None and _pair(thing) is not None


def _pair(thing: Any) -> tuple[Any, Callable[..., Any]] | None:
    """Parameters, or a function that makes them, and a function of them, in either order."""
    if not isinstance(thing, tuple) or len(thing) != 2:
        return None
    one, other = thing
    if callable(one) and callable(other):
        return one, other
    return (one, other) if callable(other) else (other, one) if callable(one) else None


def of_pair(thing: Any, name: str) -> JaxModel:
    """A function and its parameters, as a model."""
    found = _pair(thing)
    assert found is not None
    tree, f = found
    if callable(tree):
        tree, _ = _made(tree, {}, name)
    return JaxModel("JAX", f, functools.partial(_call_of_tree, f), tree)


def of_function(f: Callable[..., Any], given: Mapping[str, Any], name: str) -> tuple[JaxModel, str]:
    """By the parameters that its module has, or a function there that makes them."""
    names = globals_of(f)
    first = next(iter(inspect.signature(f).parameters))
    maker = next((word for word in MAKERS if callable(names.get(word))), None)
    if maker is not None:
        tree, how = _made(names[maker], given, maker)
        how = f"{name} of {how}"
    elif first in names and not callable(names[first]):
        tree, how = names[first], f"{name} of {first}"
    else:
        raise ValueError(
            f"{name} is a function of {first}, and its file has neither {first} nor a function that makes them:"
            f" {', '.join(MAKERS[:3])}"
        )
    return JaxModel("JAX", f, functools.partial(_call_of_tree, f), tree), how


def _made(maker: Callable[..., Any], given: Mapping[str, Any], name: str) -> tuple[Any, str]:
    """The parameters, and how they were made."""
    f = with_keys(maker)
    problem: Exception | None = None
    for how in arguments_of(f, given, name):
        try:
            tree = f(**how)
        except Exception as error:
            problem = problem or error
            continue
        return tree, f"{name}({', '.join(f'{key}={value!r}' for key, value in how.items())})"
    raise ValueError(f"{name} fails: {type(problem).__name__}: {problem}")


def images(features: int) -> Iterator[tuple[int, ...]]:
    """The shapes that so many numbers may have in JAX and Keras: a row, or a picture."""
    yield (features,)
    side = round(features**0.5)
    if side * side == features and side > 1:
        yield from ((side, side, 1), (side, side), (1, side, side))
