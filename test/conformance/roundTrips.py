"""Loads models that were written by Model Slicer with real Keras, and compares what they compute.

MODEL_SLICER_KERAS=tf_keras takes Keras 2, and then only the files that are of Keras 2.
"""
import json
import os
import sys
import warnings

KERAS_2 = os.environ.get("MODEL_SLICER_KERAS") == "tf_keras"
os.environ.setdefault("KERAS_BACKEND", "jax")
warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402

if KERAS_2:
    import tf_keras as keras  # noqa: E402

    sys.modules["keras"] = keras  # for the classes below
else:
    import keras  # noqa: E402

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "python"))
try:
    import custom  # noqa: E402,F401  the fixtures' own classes
except Exception as error:  # without them, what needs them cannot be loaded, which is said below
    print(error, file=sys.stderr)


# TF.js's files do not say of which package a class is
OWN = {"FeatureLayer": custom.FeatureLayer} if "custom" in sys.modules else {}


def feed(model, given):
    names = [tensor.name for tensor in model.inputs]
    values = [given[name] for name in names] if set(names) == set(given) else list(given.values())
    types = [getattr(tensor.dtype, "as_numpy_dtype", tensor.dtype) for tensor in model.inputs]
    values = [np.asarray(value).astype(dtype) for value, dtype in zip(values, types)]
    return values if len(values) > 1 else values[0]


def array_of(item):
    return np.array(item["values"]).reshape(item["shape"])


def told(fact, output):
    """The values that a fact tells of an output, and the output's: all, or the first."""
    output = np.asarray(output)
    if list(output.shape) != fact["shape"]:
        return np.zeros(fact["shape"]), output
    values = np.array([float(value) for value in fact.get("values", fact.get("first", []))])
    return values, output.reshape(-1)[: len(values)]


def difference(expected, actual):
    expected = np.asarray(expected, dtype="float64")
    actual = np.asarray(actual).astype("float64")
    if expected.shape != actual.shape:
        return f"the shape {list(actual.shape)} instead of {list(expected.shape)}"
    same = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
    return float(np.max(np.where(same, 0, np.abs(expected - actual)), initial=0))


def of_keras_2(file):
    if not file.endswith(".h5"):
        return False
    import h5py

    with h5py.File(file) as opened:
        return str(opened.attrs.get("keras_version", "")).startswith("2")


def check(job):
    if KERAS_2 and not of_keras_2(job["file"]):
        return {"skipped": True}
    try:
        model = keras.saving.load_model(job["file"], compile=False, safe_mode=False, custom_objects=OWN)
    except Exception as error:
        return {"loads": str(error).strip().replace("\n", " ")[-1500:]}
    if "values" in job:
        arrays = np.load(job["values"])
        given = {item["name"]: arrays[item["address"]] for item in job["inputs"]}
    else:
        arrays = {str(i): fact for i, fact in enumerate(job["facts"])}
        given = {item["name"]: array_of(item) for item in job["inputs"]}
    outputs = model(feed(model, given), training=False)
    outputs = outputs if isinstance(outputs, (list, tuple)) else list(outputs.values()) if isinstance(outputs, dict) else [outputs]
    wrong = []
    worst = 0.0
    if len(outputs) != len(job["outputs"]):
        wrong.append(f"{len(outputs)} outputs")
    for address, output in zip(job["outputs"], outputs):
        expected = arrays[address]
        if isinstance(expected, dict):
            expected, output = told(expected, output)
        found = difference(expected, output)
        finite = np.abs(expected[np.isfinite(expected)].astype("float64"))
        limit = job["tolerance"] * max(1.0, float(finite.max(initial=0)))
        if isinstance(found, str) or not found <= limit:
            wrong.append(f"{address}: {found} (allowed {limit})")
        else:
            worst = max(worst, found)
    return {"wrong": wrong, "worst": worst}


def main(asked, answered):
    with open(asked) as file:
        jobs = json.load(file)
    answers = []
    for job in jobs:
        try:
            answers.append(check(job))
        except Exception as error:
            answers.append({"wrong": [f"{type(error).__name__}: {str(error)[:400]}"], "worst": 0.0})
        keras.backend.clear_session()
    with open(answered, "w") as file:
        json.dump({"keras": keras.__version__, "answers": answers}, file)


main(*sys.argv[1:])
