"""Tables with columns of several kinds, as data frames have them.

kinds     which likelihood a column wants, by its dtype and its values, and why
refusals  what no column may hold
column    one column: as numbers for the model, and back
table     `Table`: all of them, the likelihood of the whole, frames in and out

pandas is not imported but where a frame is made, for those who gave one.
"""

from vae_np.model.tables.table import Table, is_frame

__all__ = ["Table", "is_frame"]
