"""The loops: one file a stage of the model, each held to its formula by a test. They know arrays, not plans."""
