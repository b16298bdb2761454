"""The plan of a step: one row of whole numbers that compiled code reads.

make      works it out for a batch size and a number of threads
places    names the numbers' places in the row
views     the arrays that the addresses in it stand for
"""
