"""Whole programs, without a line of them changed: `verify_model` grades somebody's model by its own weights.

making         the model from its class, its arguments guessed or given
mapping        its layers as ours, by order and shape
program        what a program is to the grading
reading        which of the mappings is meant, by the values that were seen
heads          what follows the heads of mu and logvar
steps          ten steps of its optimiser
torch_modules  a PyTorch module as a program; torch_watch: its forward pass; torch_optimisers: their settings
building       a `Case` of its weights, with what must come out
model          all of it: `verify_model`; grading: the report
"""
