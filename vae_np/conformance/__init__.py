"""Conformance vectors: VAEs and their parts, with every stage's value in 50 digits, and a check against them.

cases       the vectors: `cases`, a `Case` each, read from data/
comparison  one stage of a candidate beside its expected value: tolerances, errors in ULP
checking    `check`: a candidate on all cases, in the order of the path; the report
mistakes/   the catalogue of known mistakes as code, and which of them explains what is wrong
ours        this package as a candidate, by both backends
command     a program in any language as a candidate: a `process` that `answers` in lines; server: a Python function so
outputs     a folder of answers as a candidate
reports     what was found, for machines: JUnit's XML, Markdown
objective/  a loss and a sampler of any program, without its networks: `check_objective`
adapters/   a whole program, by its own weights: `adapters.model.verify_model`
programs    a function in somebody's file; child: the process in which it runs
data/       the vectors, made by scripts/vectors with code that shares nothing with vae_np, and FORMAT.md, their page
"""

from vae_np.conformance.cases import Case as Case
from vae_np.conformance.cases import cases as cases
from vae_np.conformance.checking import Report as Report
from vae_np.conformance.checking import check as check
from vae_np.conformance.objective import ObjectiveReport as ObjectiveReport
from vae_np.conformance.objective import check_objective as check_objective

__all__ = ["Case", "ObjectiveReport", "Report", "cases", "check", "check_objective"]
