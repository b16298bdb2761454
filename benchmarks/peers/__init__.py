"""The contenders of `versus.py`, the processes that they run in, and the referee.

The problem that all are given, and what each must be able to do, is in `contender`; `problem` makes it. The contenders
are `with_vae_np`, `with_torch`, `with_jax` and `products`. `worker` is the process around one of them and `child` the
parent's end of it. `referee` lets them agree, as `agreement` judges it, and times them in rounds; `report` and `chart`
show what came out.
"""
