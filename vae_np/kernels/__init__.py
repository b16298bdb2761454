"""The compiled twins of the formulas: the only place that imports numba. This page is the map.

A training step of ``backend="numba"`` is one call into compiled code::

    VAE.train_step, Trainer.step
      step/engine.KernelEngine.train          which passes; the lock; what has no kernels (step/without_kernels)
        step/drawing.Drawing                  the minibatch and the noise, drawn into buffers of the model's
        step/workspace.Workspace              owns all buffers and the plan, made once for each (S, N, threads)
        step/prepare                          writes cotangents, a Gaussian's arrays and Adam's numbers into them
        step/addresses.Program                compiles the stages that the order needs, writes their addresses
        step/threads/team                     wakes the other threads
          step/sequence.run                   compiled: which stage follows which, a meeting after each
            step/threads/barrier              where the threads of a step meet
            step/stages/*                     compiled, called by address: one stage on this thread's tile
              step/plan/views                 the plan's addresses as arrays
              loops/*                         the loop over those arrays; products go to compiler/micro
                math/elementary               exp, log1p, tanh ... inlined into the loops

A **plan** is one row of whole numbers that compiled code reads instead of arguments: sizes, the order, addresses of
buffers and stages, then each layer's offsets and each thread's tiles. `step.plan.places` names the numbers and
`step.plan.make` works them out. An **order** is a sum of bits (ENCODE, DECODE, ... UPDATE) that says which passes to
take.

**Who owns which memory:** the model owns the parameters, the engine the gradients, the workspace everything else;
Adam's moments belong to the caller's `AdamState`. A stage allocates nothing. Each thread writes its own tile, and every
sum is made by one thread in one order, whatever their number (`loops.sums`: all long sums, in blocks).

**The same bits:** what is computed is what is written: nothing is reassociated or contracted, a fused multiply-add is
`intrinsics.fused`, a product's entry is a chain of them (`loops.dense_products`, `compiler.micro`), a sum has one order
(`compiler.lanes`, `loops.sums`), and no library is asked for a function (`math`). `vae_np.reproduction` proves it.

Read in this order: step/sequence, step/stages/forward, loops/latent, loops/likelihoods/bernoulli, step/plan/places,
step/engine, math/elementary, compiler/decorators. `step.costs` counts what a step asks of the machine.

**What to touch to add**

    a likelihood's kernel    loops/likelihoods/kinds (its kind), a file beside it with value and gradient, the tables in
                             loops/likelihoods/__init__ and step/stages/likelihood.with_arrays, step/kinds.kind_of
    an activation's kernel   loops/activation: its kind, `apply` and `slope`
    a stage                  a function in step/stages, a place in step/plan/places, its turn in step/sequence, its
                             name in step/addresses.NEEDS, its bytes in step/costs
    an elementary function   math/scheme, constants in math64 and math32, its name in elementary

Each kernel has a formula that a test holds it to, compiled and with the JIT off.
"""
