"""Whose layer is which of ours: a program's dense layers, by order and shape, as encoder, heads and decoder.

    D -> H ... -> H -> (K, K) or 2 K -> H ... -> H -> D or 2 D

`plans` are all ways to read the layers so, the most natural first: in the order given, mu before logvar, a head of 2 K
cut in halves. Which one is meant is for the values to say (`reading`); here nothing but names and shapes is known.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vae_np.conformance.objective.naming import Finding

__all__ = ["Layer", "NotDense", "Piece", "Plan", "layers_of", "plans"]

Array = NDArray[Any]
MOST = 512
"""Plans, of which a chain of layers of one size has factorially many."""


class NotDense(ValueError):
    """A model whose networks are no chains of dense layers, or none that this package has.

    Attributes
    ----------
    findings : tuple of Finding
        What is wrong all the same.
    """

    def __init__(self, says: str, *findings: Finding) -> None:
        super().__init__(says)
        self.findings = findings


class Layer(NamedTuple):
    """A weight of a program and its bias, by their names there."""

    weight: str
    shape: tuple[int, int]
    """As the program has it."""
    bias: str | None = None
    turned: bool | None = None
    """Whether it is (fan_out, fan_in), as PyTorch's; None if that is not known."""


class Piece(NamedTuple):
    """Columns of a program's tensor, which are a tensor of ours or some of its columns."""

    tensor: str
    turned: bool = False
    start: int = 0
    stop: int | None = None
    step: int = 1
    factor: float = 1.0
    """Ours is so many times theirs: 2 where a head has the logarithm of the deviation."""

    @property
    def columns(self) -> slice:
        """Those of the last axis."""
        return slice(self.start, self.stop, self.step)

    def of(self, array: Array) -> Array:
        """The columns of the program's array, in our layout."""
        return (array.T if self.turned else array)[..., self.columns]


class Plan(NamedTuple):
    """A way to read a program's layers."""

    features: int
    hidden: tuple[int, ...]
    latent: int
    decoder_hidden: tuple[int, ...]
    per_feature: int
    """Numbers that the decoder puts out for each feature: 1, or 2."""
    pieces: Mapping[str, tuple[Piece, ...]]
    """Of each of our names, ``encoder.0.W`` say; none for a bias that is not there."""
    encoder: tuple[str, ...]
    """The weights of the hidden layers."""
    heads: tuple[Piece, Piece]
    """Of mu and of logvar."""
    decoder: tuple[str, ...]
    """The weights of the decoder's layers, its last one included."""

    @property
    def widths(self) -> str:
        """784-400-20-400-784."""
        return "-".join(map(str, [self.features, *self.hidden, self.latent, *self.decoder_hidden, self.features]))

    def weights(self, tensors: Mapping[str, Array]) -> dict[str, Array]:
        """Our tensors of theirs; a bias that is not there is 0."""
        found: dict[str, Array] = {}
        for name, pieces in self.pieces.items():
            parts = [piece.factor * piece.of(tensors[piece.tensor]).astype(np.float64) for piece in pieces]
            if name.endswith(".W"):
                found[name] = np.concatenate(parts, axis=-1)
            else:
                zeros = np.zeros(found[name.removesuffix("b") + "W"].shape[1])
                found[name] = np.concatenate(parts, axis=-1).reshape(-1) if parts else zeros
        return found

    def written(self, ours: Mapping[str, Array], tensors: Mapping[str, Array]) -> dict[str, Array]:
        """Copies of their tensors that have some of ours in them; a bias that is not there is left out."""
        found: dict[str, Array] = {}
        for name, value in ours.items():
            (piece,) = self.pieces[name] or (None,)
            if piece is not None:
                whole = found.setdefault(piece.tensor, tensors[piece.tensor].copy())
                piece.of(whole)[...] = value / piece.factor
        return found

    def exchanged(self) -> Plan:
        """The same with the heads the other way round."""
        other = {"encoder.mu": "encoder.logvar", "encoder.logvar": "encoder.mu"}
        pieces = {name: self.pieces[other.get(name[:-2], name[:-2]) + name[-2:]] for name in self.pieces}
        return self._replace(pieces=pieces, heads=self.heads[::-1])

    def gradients(self, theirs: Mapping[str, Array]) -> dict[str, Array]:
        """Our derivatives of theirs, which have the tensors' shapes; only of tensors that are there."""
        found = {}
        for name, pieces in self.pieces.items():
            if pieces and all(piece.tensor in theirs for piece in pieces):
                parts = [piece.of(theirs[piece.tensor]) / piece.factor for piece in pieces]
                whole = np.concatenate(parts, axis=-1)
                found[name] = whole if name.endswith("W") else whole.reshape(-1)
        return found

    def with_deviations(self) -> Plan:
        """The same where the second head has the logarithm of the deviation."""
        doubled = {
            name: tuple(piece._replace(factor=2.0) for piece in pieces) if name.startswith("encoder.logvar") else pieces
            for name, pieces in self.pieces.items()
        }
        return self._replace(pieces=doubled, heads=(self.heads[0], self.heads[1]._replace(factor=2.0)))

    def lines(self) -> list[str]:
        """What is what, a line for each layer: our name, theirs, and how it is read."""
        found = []
        for name, pieces in self.pieces.items():
            if name.endswith(".W"):
                found.append(f"{name.removesuffix('.W')} is " + " and ".join(map(_says, pieces)))
        return found


def _says(piece: Piece) -> str:
    words = piece.tensor + (", transposed" if piece.turned else "")
    if piece.step == 2:
        words += f", every other column from {piece.start}"
    elif piece.stop is not None:
        words += f", columns {piece.start} to {piece.stop - 1}"
    return words + (f", times {piece.factor:g}" if piece.factor != 1 else "")


class _Way(NamedTuple):
    """A layer with its orientation chosen."""

    layer: Layer
    turned: bool

    @property
    def fan_in(self) -> int:
        return self.layer.shape[self.turned]

    @property
    def fan_out(self) -> int:
        return self.layer.shape[not self.turned]

    def pieces(self, start: int = 0, stop: int | None = None, step: int = 1) -> dict[str, tuple[Piece, ...]]:
        """Of W and of b."""
        bias = () if self.layer.bias is None else (Piece(self.layer.bias, False, start, stop, step),)
        return {"W": (Piece(self.layer.weight, self.turned, start, stop, step),), "b": bias}


Heads = tuple[dict[str, tuple[Piece, ...]], dict[str, tuple[Piece, ...]], int]
"""The pieces of mu and of logvar, and K."""


def layers_of(shapes: Mapping[str, tuple[int, ...]], turned: Mapping[str, bool] | None = None) -> list[Layer]:
    """The layers of tensors that are known by name and shape alone: each matrix, with a vector for its bias.

    The bias is that whose name is the weight's with b for w (``b1`` of ``W1``, ``fc.bias`` of ``fc.weight``,
    ``bias`` of ``kernel``), else the first after it that fits.
    """
    known = turned or {}
    vectors = [name for name, shape in shapes.items() if len(shape) == 1 or (len(shape) == 2 and shape[0] == 1)]
    matrices = [name for name, shape in shapes.items() if len(shape) == 2 and name not in vectors]
    order, found = list(shapes), []
    for name in matrices:
        rows, columns = shapes[name]
        fits = [v for v in vectors if shapes[v][-1] in _fan_outs((rows, columns), known.get(name))]
        named = [v for v in fits if v in _biases(name)]
        after = [v for v in fits if order.index(v) > order.index(name)]
        bias = next(iter([*named, *after]), None)
        if bias is not None:
            vectors.remove(bias)
        layout = known.get(name)
        if layout is None and bias is not None and rows != columns:
            layout = shapes[bias][-1] == rows
        found.append(Layer(name, (rows, columns), bias, layout))
    return found


def _fan_outs(shape: tuple[int, int], turned: bool | None) -> tuple[int, ...]:
    return shape if turned is None else (shape[0],) if turned else (shape[1],)


def _biases(weight: str) -> set[str]:
    """What the bias of this weight is called."""
    found = {weight.replace("weight", "bias"), weight.replace("kernel", "bias")}
    head, dot, last = weight.rpartition(".")
    for w in "wW":
        for b in "bB":
            found |= {head + dot + last.replace(w, b, 1), head + dot + b.join(last.rsplit(w, 1))}
    return found - {weight}


def plans(layers: Sequence[Layer]) -> Iterator[Plan]:
    """All ways to read the layers, each used once, as encoder, heads and decoder; the most natural first."""
    yield from itertools.islice(_from_the_data(list(layers)), MOST)


def _ways(layers: Sequence[Layer], fan_in: int | None = None) -> Iterator[tuple[_Way, list[Layer]]]:
    """A layer that takes so many numbers, and those that are left; a square matrix of unknown layout both ways."""
    for i, layer in enumerate(layers):
        for turned in (False, True) if layer.turned is None else (layer.turned,):
            way = _Way(layer, turned)
            if fan_in in (None, way.fan_in):
                yield way, [*layers[:i], *layers[i + 1 :]]


def _from_the_data(layers: list[Layer]) -> Iterator[Plan]:
    for way, rest in _ways(layers):
        yield from _encoder([way], rest, way.fan_in)
    for features in dict.fromkeys(size for layer in layers for size in layer.shape):  # an encoder without hidden layers
        yield from _heads([], layers, features, features)


def _encoder(hidden: list[_Way], rest: list[Layer], features: int) -> Iterator[Plan]:
    """With the heads here, or with one more hidden layer."""
    yield from _heads(hidden, rest, hidden[-1].fan_out, features)
    for way, left in _ways(rest, hidden[-1].fan_out):
        yield from _encoder([*hidden, way], left, features)


def _heads(hidden: list[_Way], rest: list[Layer], width: int, features: int) -> Iterator[Plan]:
    for mu, left in _ways(rest, width):
        for logvar, after in _ways(left, width):
            if mu.fan_out == logvar.fan_out:
                for decoder in _decoder([], after, mu.fan_out, features):
                    yield _plan(hidden, (mu.pieces(), logvar.pieces(), mu.fan_out), decoder, features)
    for both, left in _ways(rest, width):
        if both.fan_out % 2 == 0:
            k = both.fan_out // 2
            for decoder in _decoder([], left, k, features):
                for one, other in (((0, k), (k, 2 * k)), ((0, None, 2), (1, None, 2))):
                    for first, second in ((one, other), (other, one)):
                        yield _plan(hidden, (both.pieces(*first), both.pieces(*second), k), decoder, features)


def _decoder(so_far: list[_Way], rest: list[Layer], width: int, features: int) -> Iterator[list[_Way]]:
    """All layers that are left, in a chain that ends in D or 2 D."""
    if not rest:
        if so_far and width in (features, 2 * features):
            yield so_far
        return
    for way, left in _ways(rest, width):
        yield from _decoder([*so_far, way], left, way.fan_out, features)


def _plan(hidden: list[_Way], heads: Heads, decoder: list[_Way], features: int) -> Plan:
    mu, logvar, latent = heads
    named = {f"encoder.{i}": way.pieces() for i, way in enumerate(hidden)}
    named |= {"encoder.mu": mu, "encoder.logvar": logvar}
    named |= {f"decoder.{i}": way.pieces() for i, way in enumerate(decoder[:-1])}
    named |= {"decoder.out": decoder[-1].pieces()}
    return Plan(
        features,
        tuple(way.fan_out for way in hidden),
        latent,
        tuple(way.fan_out for way in decoder[:-1]),
        decoder[-1].fan_out // features,
        {f"{name}.{part}": pieces[part] for name, pieces in named.items() for part in ("W", "b")},
        tuple(way.layer.weight for way in hidden),
        (mu["W"][0], logvar["W"][0]),
        tuple(way.layer.weight for way in decoder),
    )
