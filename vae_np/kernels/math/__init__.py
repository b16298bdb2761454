"""Elementary functions in compiled code: `elementary` has the names, their errors and their speed, `scheme` the
functions, `math64` and `math32` the constants of each precision.
"""
