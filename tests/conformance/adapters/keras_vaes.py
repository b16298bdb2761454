"""VAEs of Keras 3 as people write them, and their losses; imported where keras is installed, with a backend."""

from __future__ import annotations

import keras
from keras import layers, ops

D, H, K = 7, 11, 5


class Sampling(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(1)

    def call(self, inputs):
        z_mean, z_log_var = inputs
        return z_mean + ops.exp(0.5 * z_log_var) * keras.random.normal(ops.shape(z_mean), seed=self.seed_generator)


class OfVariance(Sampling):
    def call(self, inputs):
        z_mean, z_log_var = inputs
        return z_mean + ops.exp(z_log_var) * keras.random.normal(ops.shape(z_mean), seed=self.seed_generator)


class Detached(Sampling):
    def call(self, inputs):
        return ops.stop_gradient(super().call(inputs))


def build_encoder(sampling=Sampling):
    """Functional; z is its third output."""
    x = keras.Input((D,))
    h = layers.Dropout(0.5)(layers.Dense(H, activation="relu")(x))
    z_mean, z_log_var = layers.Dense(K, name="z_mean")(h), layers.Dense(K, name="z_log_var")(h)
    return keras.Model(x, [z_mean, z_log_var, sampling()([z_mean, z_log_var])], name="encoder")


def build_decoder(activation="relu", last="sigmoid"):
    z = keras.Input((K,))
    return keras.Model(z, layers.Dense(D, last)(layers.Dense(H, activation)(z)), name="decoder")


class VAE(keras.Model):
    """An encoder and a decoder that are given, without a call of its own."""

    def __init__(self, encoder, decoder, **kwargs):
        super().__init__(**kwargs)
        self.encoder, self.decoder = encoder, decoder


class Trains(VAE):
    """Its loss is inside its train_step, which is another one with each backend."""

    def __init__(self, encoder, decoder, weight=1.0, **kwargs):
        super().__init__(encoder, decoder, **kwargs)
        self.weight, self.total = weight, keras.metrics.Mean(name="total_loss")

    def loss_of(self, x):
        z_mean, z_log_var, z = self.encoder(x)
        bce = ops.sum(entropy(x, self.decoder(z)), axis=1)
        return ops.mean(bce + self.weight * kl_of(z_mean, z_log_var))

    def train_step(self, *given):
        if keras.backend.backend() != "jax":
            loss = self.loss_of(given[0])
            loss.backward()
            self.optimizer.apply([v.value.grad for v in self.trainable_weights], self.trainable_weights)
            self.total.update_state(loss.detach())
            return {"total_loss": loss}
        import jax

        (trainable, others, state, metrics), x = given

        def stateless(trainable):
            values = zip([*self.trainable_variables, *self.non_trainable_variables], [*trainable, *others], strict=True)
            with keras.StatelessScope(state_mapping=list(values)):
                return self.loss_of(x)

        loss, slopes = jax.value_and_grad(stateless)(trainable)
        trainable, state = self.optimizer.stateless_apply(state, slopes, trainable)
        return {"total_loss": loss}, (trainable, others, state, metrics)


class AddsItsLoss(keras.Model):
    """Layers that are not built yet; the loss is added in its call, which returns the reconstruction alone."""

    weight = 1.0

    def __init__(self, original_dim, intermediate_dim, latent_dim, **kwargs):
        super().__init__(**kwargs)
        self.hidden = layers.Dense(intermediate_dim, activation="tanh")
        self.z_mean, self.z_log_var, self.sampling = layers.Dense(latent_dim), layers.Dense(latent_dim), Sampling()
        self.decoder = keras.Sequential([layers.Dense(intermediate_dim, activation="tanh"), layers.Dense(original_dim)])

    def call(self, x):
        h = self.hidden(x)
        z_mean, z_log_var = self.z_mean(h), self.z_log_var(h)
        logits = self.decoder(self.sampling((z_mean, z_log_var)))
        self.add_loss(of_logits(logits, x, z_mean, z_log_var, self.weight))
        return logits


class AddsHalf(AddsItsLoss):
    weight = 0.5


class Pictures(keras.Model):
    """Convolutions, and a loss in compute_loss, with Keras's own cross-entropy."""

    def __init__(self, weight=1.0, **kwargs):
        super().__init__(**kwargs)
        self.weight = weight
        x, z = keras.Input((8, 8, 1)), keras.Input((2,))
        h = layers.Flatten()(layers.Conv2D(2, 3, activation="relu", strides=2, padding="same")(x))
        z_mean, z_log_var = layers.Dense(2)(h), layers.Dense(2)(h)
        self.encoder = keras.Model(x, [z_mean, z_log_var, Sampling()([z_mean, z_log_var])])
        h = layers.Reshape((4, 4, 2))(layers.Dense(32, activation="relu")(z))
        self.decoder = keras.Model(z, layers.Conv2DTranspose(1, 3, 2, padding="same", activation="sigmoid")(h))

    def call(self, x):
        z_mean, z_log_var, z = self.encoder(x)
        return {"reconstruction": self.decoder(z), "z_mean": z_mean, "z_log_var": z_log_var}

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        bce = keras.losses.binary_crossentropy(x, y_pred["reconstruction"])
        kl = kl_of(y_pred["z_mean"], y_pred["z_log_var"])
        return ops.mean(ops.sum(bce, axis=(1, 2))) + self.weight * ops.mean(kl)


# ---- losses and optimisers


def kl_of(z_mean, z_log_var):
    return -0.5 * ops.sum(1 + z_log_var - ops.square(z_mean) - ops.exp(z_log_var), axis=1)


def entropy(data, reconstruction):
    return -data * ops.log(reconstruction) - (1 - data) * ops.log(1 - reconstruction)


def loss(data, reconstruction, z_mean, z_log_var):
    return ops.mean(ops.sum(entropy(data, reconstruction), axis=1) + kl_of(z_mean, z_log_var))


def summed(data, reconstruction, z_mean, z_log_var):
    return ops.sum(entropy(data, reconstruction)) + ops.sum(kl_of(z_mean, z_log_var))


def halved(data, reconstruction, z_mean, z_log_var):
    return ops.mean(ops.sum(entropy(data, reconstruction), axis=1) + 0.5 * kl_of(z_mean, z_log_var))


def averaged(data, reconstruction, z_mean, z_log_var):
    return ops.mean(entropy(data, reconstruction)) + ops.mean(kl_of(z_mean, z_log_var))


def squares(data, reconstruction, z_mean, z_log_var):
    return ops.mean(0.5 * ops.sum(ops.square(data - reconstruction), axis=1) + kl_of(z_mean, z_log_var))


def of_logits(logits, x, z_mean, z_log_var, weight=1.0):
    return ops.mean(ops.sum(ops.softplus(logits) - x * logits, axis=1) + weight * kl_of(z_mean, z_log_var))


class Inside(keras.optimizers.Adam):
    """Its epsilon stands inside the root."""

    def update_step(self, gradient, variable, learning_rate):
        m, v = (of[self._get_variable_index(variable)] for of in (self._momentums, self._velocities))
        self.assign(m, self.beta_1 * m + (1 - self.beta_1) * gradient)
        self.assign(v, self.beta_2 * v + (1 - self.beta_2) * gradient * gradient)
        t = ops.cast(self.iterations + 1, variable.dtype)
        m_hat = m / (1 - ops.power(ops.cast(self.beta_1, variable.dtype), t))
        v_hat = v / (1 - ops.power(ops.cast(self.beta_2, variable.dtype), t))
        rate = ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, rate * m_hat / ops.sqrt(v_hat + self.epsilon))
