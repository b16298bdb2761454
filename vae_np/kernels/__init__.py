"""The compiled hot loops: the only place that imports numba.

Each kernel has a formula that a test holds it to; the engine puts them together.
"""
