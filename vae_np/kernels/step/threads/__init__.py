"""The threads of a step: the `team` that waits for work, and the `barrier` at which they meet."""
