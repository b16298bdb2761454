"""Every kernel and its limit, for `kernels.py`.

`counts` says what a kernel must move and compute; `limits` measures how fast this machine moves and computes; `cases`,
`products` and `loops` make the calls, each with its formula in plain NumPy; `table` puts them together.
"""
