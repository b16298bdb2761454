"""Regenerate the polynomial coefficients of `vae_np.kernels.math.math64` and `math32`, and of `vae_np.support.normals`.

Each polynomial interpolates its function at the Chebyshev nodes of the interval, in 60-digit
arithmetic, which is within a small factor of the minimax polynomial; the coefficients are then
rounded to the precision of use. The last column is the largest relative error of the *rounded*
polynomial, measured at 2000 points in 60 digits.

    python scripts/coefficients.py
"""

from collections.abc import Callable

import numpy as np
from mpmath import mp, mpf

mp.dps = 60
Function = Callable[[mpf], mpf]

MILLS_CENTRE, MILLS_SHIFT = 4, mpf("1.25")
MILLS_END = {np.float64: mpf("39.5"), np.float32: mpf("15")}


def interpolate(f: Function, low: mpf, high: mpf, degree: int) -> list[mpf]:
    """Monomial coefficients, lowest first, of the interpolant at degree + 1 Chebyshev nodes."""
    n = degree + 1
    nodes = [mp.cos(mp.pi * (2 * i + 1) / (2 * n)) for i in range(n)]
    nodes = [(low + high) / 2 + (high - low) / 2 * t for t in nodes]
    vandermonde = mp.matrix(n, n)
    for i, x in enumerate(nodes):
        for j in range(n):
            vandermonde[i, j] = x**j
    return list(mp.lu_solve(vandermonde, mp.matrix([f(x) for x in nodes])))


def relative_error(c: list[np.floating], f: Function, low: mpf, high: mpf) -> float:
    """Largest |p/f - 1| at 2000 points strictly inside the interval."""
    xs = [low + (high - low) * (mpf(i) + mpf("0.5")) / 2000 for i in range(2000)]
    exact = [mpf(float(v)) for v in c][::-1]
    return float(max(abs(mp.polyval(exact, x) / f(x) - 1) for x in xs))


def exp_tail(r: mpf) -> mpf:
    """(e^r - 1 - r) / r^2."""
    return mp.fsum(r**k / mp.factorial(k + 2) for k in range(60))


def atanh_tail(z: mpf) -> mpf:
    """(2 atanh(s)/s - 2) / s^2 with s = sqrt(z)."""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z


def tanh_tail(z: mpf) -> mpf:
    """(tanh(x)/x - 1) / x^2 with x = sqrt(z)."""
    x = mp.sqrt(z)
    return (mp.tanh(x) / x - 1) / z


def mills(v: mpf) -> mpf:
    """(t + 1.25) Phi(-t) exp(t^2/2) with v = (t - 4)/(t + 4); its derivative at t = 0 is near 0."""
    t = MILLS_CENTRE * (1 + v) / (1 - v)
    return (t + MILLS_SHIFT) * mp.erfc(t / mp.sqrt(2)) / 2 * mp.exp(t * t / 2)


def log_sinhc(z: mpf) -> mpf:
    """log(sinh(a/2) / (a/2)) / a^2 with a = sqrt(z)."""
    a = mp.sqrt(z)
    return mp.log(mp.sinh(a / 2) / (a / 2)) / z


def coth_tail(z: mpf) -> mpf:
    """(coth(a/2)/2 - 1/a) / a with a = sqrt(z)."""
    a = mp.sqrt(z)
    return (mp.coth(a / 2) / 2 - 1 / a) / a


def quarter_tail(z: mpf) -> mpf:
    """(sin(pi t/2)/t - pi/2) / t^2 with t = sqrt(z)."""
    half = mp.pi / 2
    return mp.fsum((-1) ** k * half ** (2 * k + 1) * z ** (k - 1) / mp.factorial(2 * k + 1) for k in range(1, 40))


def table(dtype: type) -> list[tuple[str, Function, mpf, mpf, int]]:
    """Name, function, interval and degree of every polynomial of one precision."""
    wide = dtype is np.float64
    half_ln2 = mp.log(2) / 2 * mpf("1.0001")
    reduced = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mpf("1.0001")
    k, end = MILLS_CENTRE, MILLS_END[dtype]
    phi_end = mpf("1.25")
    return [
        ("EXP", exp_tail, -half_ln2, half_ln2, 9 if wide else 4),
        ("LOG", atanh_tail, mpf(0), reduced, 6 if wide else 3),
        ("LOG_UNIT", atanh_tail, mpf(0), mpf(1) / 9, 9 if wide else 4),
        ("TANH", tanh_tail, mpf(0), mpf("0.36"), 10 if wide else 4),
        ("MILLS", mills, mpf(-1), (end - k) / (end + k), 24 if wide else 10),
        ("PHI", exp_tail, -phi_end, phi_end, 15 if wide else 8),
        ("LOG_SINHC", log_sinhc, mpf(0), mpf(9), 12 if wide else 5),
        ("COTH", coth_tail, mpf(0), mpf(4), 10 if wide else 4),
        *([("QUARTER", quarter_tail, mpf(0), mpf(1), 9)] if wide else []),
    ]


def main() -> None:
    for dtype in (np.float64, np.float32):
        print(f"# {dtype.__name__}")
        for name, f, low, high, degree in table(dtype):
            c = [dtype(str(v)) for v in interpolate(f, low, high, degree)]
            error = relative_error(c, f, low, high)
            print(f"{name} = (  # relative error {error:.1e}")
            print("\n".join(f"    {float(str(v))!r}," for v in c))
            print(")")


if __name__ == "__main__":
    main()
