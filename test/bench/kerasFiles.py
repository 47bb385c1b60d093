"""Large model files by real Keras, and what loading them costs there.

usage: kerasFiles.py write FOLDER LAYERS UNITS | load FILE | index FILE
"""

import json
import os
import resource
import sys
import time
import zipfile


def write(folder, layers, units):
    import keras
    import numpy as np

    random = np.random.default_rng(7)
    inputs = keras.Input((units,), name="x")
    x = inputs
    for i in range(layers):
        x = keras.layers.Dense(units, activation="relu", name=f"dense_{i}")(x)
    model = keras.Model(inputs, x, name="large")
    for layer in model.layers[1:]:
        kernel = random.standard_normal((units, units), dtype="float32") / units**0.5
        layer.set_weights([kernel, np.zeros(units, "float32")])
    model.save(os.path.join(folder, "large.h5"))
    plain = os.path.join(folder, "large.keras")
    model.save(plain)
    with zipfile.ZipFile(plain) as source:
        packed = os.path.join(folder, "large-packed.keras")
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target:
            for name in source.namelist():
                target.writestr(name, source.read(name))


def load(file):
    import keras

    started = time.perf_counter()
    keras.models.load_model(file, compile=False)
    report(started)


def index(file):
    """Names and shapes of all weights, as opening shows them."""
    import h5py

    started = time.perf_counter()
    with h5py.File(file, "r") as opened:
        json.loads(opened.attrs["model_config"])
        group = opened["model_weights"]
        for layer in group.attrs["layer_names"]:
            for weight in group[layer].attrs["weight_names"]:
                _ = group[layer][weight].shape, group[layer][weight].dtype
    report(started)


def report(started):
    ms = (time.perf_counter() - started) * 1000
    print(json.dumps({"ms": ms, "peakMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    what, target, *numbers = sys.argv[1:]
    {"write": write, "load": load, "index": index}[what](target, *map(int, numbers))
