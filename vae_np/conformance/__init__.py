"""Conformance vectors: VAEs and their parts, with every stage's value in 50 digits, and a check against them.

cases       the vectors: `cases`, a `Case` each, read from data/
comparison  one stage of a candidate beside its expected value: tolerances, errors in ULP
checking    `check`: a candidate on all cases, in the order of the path; the report
ours        this package as a candidate, by both backends
data/       the vectors, made by scripts/vectors with code that shares nothing with vae_np, and FORMAT.md, their page
"""

from vae_np.conformance.cases import Case as Case
from vae_np.conformance.cases import cases as cases
from vae_np.conformance.checking import Report as Report
from vae_np.conformance.checking import check as check

__all__ = ["Case", "Report", "cases", "check"]
