"""The mathematics: pure NumPy, one module a stage, each forward function directly above its backward function.

Read in this order::

    numerics            special functions that stay exact: softplus, sigmoid, phi(s) = e^s - 1 - s, log-mean-exp
    activations         tanh, relu, ... and their derivatives
    layers              the dense layer, x W + b
    gaussian            the reparameterised sampler, log-densities, and the KL (Kingma & Welling 2014, appendix B)
    posteriors/         q(z|x), a file each
    priors/             p(z), a file each
    likelihoods/        p(x|z), a file each (Kingma & Welling 2014, appendix C)
    gamma               what the likelihoods of counts need of log Gamma, without cancellation
    network             encoder, decoder, and the architecture that names their arrays
    elbo                THE page: forward and backward of the whole model
    objectives/         the bound (Kingma & Welling 2014, eq. 10), other bounds, estimators: cotangents, a file each
    optim/ schedules/   Adam; the learning rate's and beta's way over the steps
    parameters          one flat vector and its named views
    engine              what runs the page; the other engine is compiled (`vae_np.kernels`)

Nothing here holds state or draws a random number, and all of it takes complex arguments where a gradient is concerned.
"""
