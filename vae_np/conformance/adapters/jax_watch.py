"""A function of JAX, traced and run primitive by primitive, so that every product with a weight is seen.

`jax.make_jaxpr` writes down what the function does, whatever modules it is made of and whether it is jitted or
vmapped; running that list sees what goes into each product and what comes out, also of tracers, so that `jax.grad` of
it is the program's own derivative. jax itself is never imported here: the program has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from vae_np.conformance.adapters.mapping import Layer

__all__ = ["Seen", "watched"]

INNER = ("pjit", "jit", "closed_call", "core_call", "remat", "remat2", "checkpoint")
"""Primitives that are a list of others, to be looked into."""
SHAPES = ("reshape", "squeeze", "expand_dims", "broadcast_in_dim", "convert_element_type", "copy", "copy_p")
"""What leaves a bias a bias, and a layer's value one."""


class _Role(NamedTuple):
    """What a variable is, as far as it is a tensor of the model or made by one."""

    weight: str | None = None
    turned: bool = False
    """Of a weight: whether it was transposed on the way."""
    vector: str | None = None
    made: int | None = None
    """The number of the product that it is the value of."""


class Seen:
    """Products, in their order: the layer, what it was given, (N, fan_in), and what it made, (N, fan_out)."""

    def __init__(self, jax: Any) -> None:
        self.jnp = jax.numpy
        self.calls: list[tuple[Layer, Any, Any]] = []

    def product(self, roles: Sequence[_Role], values: Sequence[Any], result: Any, numbers: Any) -> _Role:
        """A dot_general of which one operand is a weight, and no other one."""
        (contracted, batched) = numbers
        at = next((i for i, role in enumerate(roles) if role.weight is not None), None)
        if at is None or any(len(axes) for axes in batched) or any(len(axes) != 1 for axes in contracted):
            return _Role()
        role, other = roles[at], values[1 - at]
        assert role.weight is not None
        rows, columns = (int(n) for n in values[at].shape)
        turned = (contracted[at][0] == 1) != role.turned  # the fan-in is its second axis
        shape = (columns, rows) if role.turned else (rows, columns)  # as the program has it
        given = self.jnp.moveaxis(other, contracted[1 - at][0], -1)
        made = self.jnp.moveaxis(result, 0, -1) if at == 0 else result
        given, made = (a.reshape(-1, a.shape[-1]) for a in (given, made))
        self.calls.append((Layer(role.weight, shape, None, turned), given, made))
        return _Role(made=len(self.calls) - 1)

    def sum(self, roles: Sequence[_Role], tensors: Mapping[str, Any]) -> _Role:
        """Of a product's value and a bias, which is the layer's then."""
        number = next((role.made for role in roles if role.made is not None), None)
        vector = next((role.vector for role in roles if role.vector is not None), None)
        if number is None or vector is None:
            return _Role()
        layer, given, made = self.calls[number]
        if layer.bias is not None or made.shape[-1] != tensors[vector].size:
            return _Role()
        self.calls[number] = (layer._replace(bias=vector), given, made + tensors[vector].reshape(-1))
        return _Role(made=number)

    def value_of(self, weight: str) -> Any:
        """What this weight made."""
        return next(made for layer, _, made in self.calls if layer.weight == weight)

    def given_to(self, weight: str) -> Any:
        """What it was multiplied with."""
        return next(given for layer, given, _ in self.calls if layer.weight == weight)


def watched(jax: Any, f: Callable[[dict[str, Any], Any], dict[str, Any]], tensors: Mapping[str, Any],
            x: Any) -> tuple[dict[str, Any], Seen]:  # fmt: skip
    """f(tensors, x), a dict of arrays, and what was seen of it."""
    closed, shapes = jax.make_jaxpr(f, return_shape=True)(dict(tensors), x)
    leaves, tree = jax.tree_util.tree_flatten(dict(tensors))
    names = jax.tree_util.tree_unflatten(tree, range(len(leaves)))
    roles = [_Role()] * len(leaves)
    for name, i in names.items():
        shape = leaves[i].shape
        if len(shape) == 1 or (len(shape) == 2 and shape[0] == 1):
            roles[i] = _Role(vector=name)
        elif len(shape) == 2:
            roles[i] = _Role(weight=name)
    seen = Seen(jax)
    found, _ = _run(closed.jaxpr, closed.consts, [*leaves, x], [*roles, _Role()], seen, tensors)
    return jax.tree_util.tree_unflatten(jax.tree_util.tree_structure(shapes), found), seen


def _run(jaxpr: Any, consts: Sequence[Any], args: Sequence[Any], given: Sequence[_Role], seen: Seen,
         tensors: Mapping[str, Any]) -> tuple[list[Any], list[_Role]]:  # fmt: skip
    """The values and the roles of the results."""
    values: dict[Any, Any] = dict(zip([*jaxpr.constvars, *jaxpr.invars], [*consts, *args], strict=True))
    roles: dict[Any, _Role] = dict(zip(jaxpr.invars, given, strict=True))

    def value(var: Any) -> Any:
        return var.val if hasattr(var, "val") else values[var]

    def role(var: Any) -> _Role:
        return _Role() if hasattr(var, "val") else roles.get(var, _Role())

    for eqn in jaxpr.eqns:
        inputs, kinds = [value(var) for var in eqn.invars], [role(var) for var in eqn.invars]
        inner = eqn.params.get("jaxpr", eqn.params.get("call_jaxpr")) if eqn.primitive.name in INNER else None
        if inner is not None:
            open_ = getattr(inner, "jaxpr", inner)
            results, made = _run(open_, getattr(inner, "consts", ()), inputs, kinds, seen, tensors)
        else:
            params = eqn.primitive.get_bind_params(eqn.params)
            functions, params = params if isinstance(params, tuple) else ((), params)  # before JAX 0.10
            result = eqn.primitive.bind(*functions, *inputs, **params)
            results = list(result) if eqn.primitive.multiple_results else [result]
            made = [_role_of(eqn, kinds, inputs, results[0], seen, tensors)] * len(results) if results else []
        values.update(zip(eqn.outvars, results, strict=True))
        roles.update(zip(eqn.outvars, made, strict=True))
    return [value(var) for var in jaxpr.outvars], [role(var) for var in jaxpr.outvars]


def _role_of(eqn: Any, kinds: list[_Role], inputs: list[Any], result: Any, seen: Seen,
             tensors: Mapping[str, Any]) -> _Role:  # fmt: skip
    name = eqn.primitive.name
    if name == "dot_general":
        return seen.product(kinds, inputs, result, eqn.params["dimension_numbers"])
    if name in ("add", "add_any"):
        return seen.sum(kinds, tensors)
    if name == "transpose" and kinds[0].weight is not None:
        return kinds[0]._replace(turned=kinds[0].turned != (tuple(eqn.params["permutation"]) == (1, 0)))
    if name in (*SHAPES, "transpose"):
        kept = kinds[0].weight is None or tuple(inputs[0].shape) == tuple(result.shape)
        return kinds[0] if kept else _Role()
    return _Role()
