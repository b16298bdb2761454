"""What every room may use and none is about: checks of arguments, errors, files, memory, the machine, seeded noise."""
