"""Weights in several files, as Keras 3 writes them where `max_shard_size` is given, and what the model computes.

    KERAS_BACKEND=jax python generate.py
"""
import json

import keras
import numpy as np

keras.utils.set_random_seed(3)
x = keras.Input((6,), name="x")
h = keras.layers.Dense(5, name="hidden")(x)
h = keras.layers.BatchNormalization(name="norm")(h)
h = keras.layers.Dense(4, name="second")(h)
model = keras.Model(x, keras.layers.Dense(2, name="out")(h), name="sharded")
for variable in model.variables:
    variable.assign(np.random.uniform(0.1, 1, variable.shape))
with open("config.json", "w") as file:
    file.write(model.to_json())
model.save_weights("model.weights.json", max_shard_size=1.2e-7)
values = np.linspace(-1, 1, 12).reshape(2, 6).astype("float32")
golden = {"input": values.tolist(), "output": np.asarray(model(values)).reshape(-1).tolist()}
with open("../sharded.json", "w") as file:
    json.dump(golden, file)
