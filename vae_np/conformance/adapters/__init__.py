"""Whole programs, without a line of them changed: `verify_model` grades somebody's model by its own weights.

making         the model from its class, its arguments guessed or given
mapping        its layers as ours, by order and shape
program        what a program is to the grading
reading        which of the mappings is meant, by the values that were seen
heads          what follows the heads of mu and logvar
outputs_of     what follows the decoder's last layer
steps          ten steps of its optimiser
choosing       a model as a program, by its framework
torch_modules  a PyTorch module as a program; torch_watch: its forward pass; torch_optimisers: their settings;
               torch_hidden: what a module does not know of
jax_models     a model of JAX as a function of its parameters: Flax, Equinox, functions
jax_losses     a loss that calls its model, as one of what the model returns
jax_programs   such a function as a program; jax_watch: traced, so that products are seen; optax_rules: its optimisers
keras_models   a model of Keras as one, on JAX or PyTorch (keras_on_torch); keras_optimizers; keras_losses: its own loss
returned       what a forward pass returned, and the loss of it: alike in every framework
building       a `Case` of its weights, with what must come out
model          all of it: `verify_model`; grading: the report
"""
