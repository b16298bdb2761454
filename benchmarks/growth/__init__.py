"""How a step grows, for `scaling.py`.

`points` are the sizes, one variable at a time, and a training step at one of them; `memory` runs a step in a process of
its own and measures it; `law` fits the exponents; `report` and `chart` show what came out.
"""
