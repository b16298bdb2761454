"""Elementary functions in compiled code: `elementary` has the names, their errors and their speed."""
