"""How long a test waits for what may never come. It measures nothing: a machine that is busy is no slower than this."""

HANGS = 600
"""Seconds after which a process that has not ended is taken to hang."""
