"""One check for each recipe: the code does what the recipe says, and leaves the model as it was."""

import inspect
import os
import re
import subprocess
import tempfile
import zipfile
from pathlib import Path

import keras
import numpy as np

import custom
import oracle


class Wrong(AssertionError):
    pass


def expect(condition, text):
    if not condition:
        raise Wrong(text)


class Case:
    """One cell: its functions, the loaded parent, example inputs and every tensor's value."""

    def __init__(self, cell, module, values):
        self.cell = cell
        self.module = module
        self.values = values
        self.parent = self.load()
        self.tolerance = oracle.tolerance_of(self.parent)
        self.inputs = [values[item["address"]] for item in cell["inputs"]]

    def load(self):
        load = self.function("load_")
        trusted = {"trusted": True} if "trusted" in load.__code__.co_varnames else {}
        return load(self.cell["keras"], **trusted)

    def function(self, prefix):
        own = [
            value
            for name, value in vars(self.module).items()
            if name.startswith(prefix) and callable(value) and getattr(value, "__module__", None) == self.module.__name__
        ]
        expect(len(own) == 1, f"{len(own)} functions {prefix}*")
        return own[0]

    def has(self, prefix):
        return any(name.startswith(prefix) for name in vars(self.module))

    def equal(self, result, address):
        expected = self.values[address]
        result = np.asarray(result, dtype="float64") if result.dtype != object else result
        expect(result.shape == expected.shape, f"{address}: shape {result.shape}, not {expected.shape}")
        limit = self.tolerance * max(1.0, float(np.abs(np.asarray(expected, dtype="float64")).max(initial=0)))
        difference = float(np.abs(result - np.asarray(expected, dtype="float64")).max(initial=0))
        expect(difference <= limit, f"{address}: differs by {difference}")

    def equal_outputs(self, results):
        results = results if isinstance(results, (list, tuple)) else [results]
        outputs = self.cell["outputs"]
        expect(len(results) == len(outputs), f"{len(results)} results for {outputs}")
        for result, address in zip(results, outputs):
            self.equal(result, address)


def predict(model, inputs):
    """Bit for bit the same for the same weights. Stateful layers start anew."""
    reset(model)
    result = model(inputs if len(inputs) > 1 else inputs[0], training=False)
    return [keras.ops.convert_to_numpy(one) for one in keras.tree.flatten(result)]


def reset(model):
    for layer in model._flatten_layers(include_self=False):
        if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
            layer.reset_state()


def own_inputs(case):
    """All inputs of the parent, as it takes them."""
    arrays = [case.values[tensor._keras_history.operation.name] for tensor in case.parent.inputs]
    struct = getattr(case.parent, "_inputs_struct", None)
    return keras.tree.pack_sequence_as(struct, arrays) if isinstance(struct, dict) else arrays


def parent_predicts(case):
    given = own_inputs(case)
    reset(case.parent)
    result = case.parent(given if isinstance(given, dict) or len(given) > 1 else given[0], training=False)
    return [keras.ops.convert_to_numpy(one) for one in keras.tree.flatten(result)]


class Snapshot:
    """The parent before and after: flags, `layer.output`, predictions."""

    def __init__(self, case):
        self.case = case
        self.flags = flags(case.parent)
        self.tensors = tensors(case.parent)
        self.predictions = parent_predicts(case)

    def check(self, *, predictions=True):
        expect(flags(self.case.parent) == self.flags, "trainable flags of the parent changed")
        expect(tensors(self.case.parent) == self.tensors, "layer.output of the parent changed")
        if predictions:
            expect(same(parent_predicts(self.case), self.predictions), "the parent predicts something else")


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y, equal_nan=True) for x, y in zip(a, b))


def flags(model):
    return [(layer.name, layer.trainable) for layer in model._flatten_layers()] + [v.trainable for v in model.variables]


def tensors(model):
    found = {}
    for layer in model.layers:
        try:
            found[layer.name] = [id(tensor) for tensor in keras.tree.flatten(layer.output)]
        except (AttributeError, ValueError) as error:
            found[layer.name] = type(error).__name__
    return found


def weights_of(model):
    return [v for v in model.weights if "float" in str(v.dtype)]


def shares(model, parent, run):
    """Changing the parent's weights changes what the other computes; True, False, or None without weights."""
    mine = {id(v) for v in model.variables}
    common = [v for v in weights_of(parent) if id(v) in mine] or weights_of(parent)
    if not common:
        return None
    before = run()
    kept = [keras.ops.convert_to_numpy(v) for v in common]
    for variable in common:
        variable.assign(variable * 1.5 + 0.25)
    after = run()
    for variable, value in zip(common, kept):
        variable.assign(value)
    expect(same(run(), before), "putting the weights back does not give the same again")
    return not same(before, after)


def check_shared(case, model):
    found = shares(model, case.parent, lambda: predict(model, case.inputs))
    reached = [v for v in weights_of(model)]
    expect(found is None or found is True or not reached, "the weights are not shared")


# --- extraction ---


def extracts(case):
    snapshot = Snapshot(case)
    extractor = case.function("make_")(case.parent)
    result = case.function("extract_")(extractor, *case.inputs)
    if hasattr(result, "_asdict"):
        result = list(result._asdict().values())
    case.equal_outputs(result)
    result = case.function("extract_")(extractor, *case.inputs)
    case.equal_outputs(list(result._asdict().values()) if hasattr(result, "_asdict") else result)
    check_shared(case, extractor)
    snapshot.check()


def sequential(case):
    snapshot = Snapshot(case)
    part = case.function("make_")(case.parent)
    expect(type(part) is keras.Sequential, "it is no Sequential")
    case.equal_outputs(case.function("compute_")(part, *case.inputs))
    check_shared(case, part)
    snapshot.check()


def iterates(case):
    snapshot = Snapshot(case)
    steps = list(case.function("walk_to_")(case.parent, *case.inputs))
    for name, value in steps:
        case.equal(value, name)
    expect(steps[-1][0] == case.cell["outputs"][0], "it ends at another layer")
    snapshot.check()


def taps(case):
    snapshot = Snapshot(case)
    tapped = case.function("add_")(case.parent)
    arrays = case.parent_inputs
    results = case.function("predict_with_")(tapped, *arrays)
    own = len(case.parent.outputs)
    for result, expected in zip(results[:own], snapshot.predictions):
        expect(np.allclose(result, expected, atol=case.tolerance), "its own outputs differ")
    case.equal_outputs(results[own:])
    expect(len(set(tapped.output_names)) == len(tapped.output_names) or own > 1, "output names clash")
    snapshot.check()


def one_line(case):
    snapshot = Snapshot(case)
    name = next(name for name in vars(case.module) if name.endswith("_of"))
    case.equal_outputs(getattr(case.module, name)(case.parent, *case.inputs))
    snapshot.check()


def around_norm(case):
    snapshot = Snapshot(case)
    extractor = case.function("make_")(case.parent)
    result = case.function("compare_")(extractor, *case.inputs)
    case.equal(result.before, case.cell["around"]["before"])
    case.equal(result.after, case.cell["around"]["after"])
    expect(not np.allclose(result.before, result.after), "the norm does nothing: the check proves nothing")
    snapshot.check()


def attribute(case):
    snapshot = Snapshot(case)
    read = case.function("read_")
    result = read(case.parent, *case.parent_inputs)
    case.equal(result, f"{case.cell['outputs'][0]}@feature_output")
    try:
        read(case.parent, *case.parent_inputs, attribute="nothing")
    except ValueError as error:
        expect("nothing" in str(error), "the message does not name the attribute")
    else:
        raise Wrong("an attribute that is not there gives no error")
    snapshot.check()


def segment(case):
    snapshot = Snapshot(case)
    part = case.function("make_")(case.parent)
    case.equal_outputs(case.function("compute_")(part, *case.inputs))
    check_shared(case, part)
    snapshot.check()


def independent(case):
    snapshot = Snapshot(case)
    copy = case.function("copy_")(case.parent)
    case.equal_outputs(case.function("compute_")(copy, *case.inputs))
    found = shares(copy, case.parent, lambda: predict(copy, case.inputs))
    expect(not found, "the weights are shared")
    for variable in weights_of(copy):
        variable.assign(variable * 1.5 + 0.25)
    copy.trainable = not copy.trainable
    snapshot.check()


def loads_slice(cell, module, values, tolerance):
    """Runs the command that the code speaks of where the model file is, then the code as it stands."""
    command = re.search(r"model-slicer (slice .*)", cell["text"]).group(1)
    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:
        for file in Path(cell["folder"]).iterdir():
            Path(folder, file.name).symlink_to(file.resolve())
        run = subprocess.run(
            ["sh", "-c", f'"$NODE" "$MODEL_SLICER" {command}'], cwd=folder, capture_output=True, text=True, check=False
        )
        expect(run.returncode == 0, f"{command}: {run.stderr}")
        load, compute = (
            next(value for name, value in vars(module).items() if name.startswith(prefix)) for prefix in ("load_", "compute_")
        )
        os.chdir(folder)
        try:
            options = inspect.signature(load).parameters
            given = {"classes": custom.CLASSES, "trusted": True}
            loaded = load(**{name: value for name, value in given.items() if name in options})
        finally:
            os.chdir(here)
    results = compute(loaded, *[values[item["address"]] for item in cell["inputs"]])
    results = results if isinstance(results, list) else [results]
    expect(len(results) == len(cell["outputs"]), f"{len(results)} results")
    for result, address in zip(results, cell["outputs"]):
        if address in values:
            expected = np.asarray(values[address], dtype="float64")
            limit = tolerance * max(1.0, float(np.abs(expected).max(initial=0)))
            difference = float(np.abs(np.asarray(result, dtype="float64") - expected).max(initial=0))
            expect(difference <= limit, f"{address}: differs by {difference}")


# --- training ---


def enough(arrays, batch=8):
    return [np.concatenate([array] * -(-batch // len(array)))[:batch] for array in arrays]


def records(case):
    made = []
    make_name = next(name for name in vars(case.module) if name.startswith("make_"))
    make = getattr(case.module, make_name)
    setattr(case.module, make_name, lambda model: made.append(1) or make(model))
    recorder = next(value for name, value in vars(case.module).items() if name.endswith("Recorder"))
    samples = case.inputs if len(case.inputs) > 1 else case.inputs[0]
    given = own_inputs(case)
    x = {k: enough([v])[0] for k, v in given.items()} if isinstance(given, dict) else enough(given)
    x = x[0] if isinstance(x, list) and len(x) == 1 else x
    untrained = keras.tree.flatten(make(case.parent).predict(samples, verbose=0))
    outputs = [np.zeros([8, *array.shape[1:]], dtype="float32") for array in parent_predicts(case)]
    y = outputs if len(outputs) > 1 else outputs[0]
    with tempfile.TemporaryDirectory() as folder:
        case.parent.compile(optimizer=keras.optimizers.SGD(0.05), loss=["mse"] * len(outputs))
        each_epoch = recorder(samples, folder=f"{folder}/epochs")
        each_second = recorder(samples, folder=f"{folder}/batches", every=2)
        case.parent.fit(x, y, epochs=2, batch_size=2, verbose=0, shuffle=False, callbacks=[each_epoch, each_second])
        epochs = sorted(path.name for path in Path(folder, "epochs").iterdir())
        batches = sorted(path.name for path in Path(folder, "batches").iterdir())
        expect(epochs == ["epoch-001.npz", "epoch-002.npz"], f"{epochs}")
        expect(batches == [f"batch-{n:06}.npz" for n in (2, 4, 6, 8)], f"{batches}")
        expect(len(made) == 2, f"the sub-model was built {len(made)} times for two recorders")
        last = dict(np.load(Path(folder, "epochs", epochs[-1])))
        fourth = dict(np.load(Path(folder, "batches", batches[-1])))
        middle = dict(np.load(Path(folder, "batches", batches[1])))
        first = dict(np.load(Path(folder, "epochs", epochs[0])))
    now = keras.tree.flatten(make(case.parent).predict(samples, verbose=0))
    names = sorted(last)
    expect(len(now) == len(names), "not one array for each output")
    expect(all(np.allclose(last[name], value, atol=1e-5) for name, value in zip(names, now)), "not the last weights' features")
    expect(all(np.array_equal(last[name], fourth[name]) for name in names), "epoch 2 and batch 8 differ")
    expect(all(np.array_equal(first[name], middle[name]) for name in names), "epoch 1 and batch 4 differ")
    if any(not np.array_equal(a, b) for a, b in zip(untrained, now)):
        recorded = [first[name] for name in names]
        expect(any(not np.array_equal(a, b) for a, b in zip(untrained, recorded)), "training did not show")


def builds(case, kind):
    snapshot = Snapshot(case)
    base = case.function("make_")(case.parent) if case.has("make_") else case.parent
    if kind == "subclass":
        model = next(value for name, value in vars(case.module).items() if name.endswith("Classifier"))(base, 3)
    else:
        model = case.function("build_")(base, 3)
    case_inputs = enough(case.inputs, max(len(case.inputs[0]), 1))
    predict(model, case_inputs)
    inner = {id(v) for v in base.weights}
    tracked = [v for v in model.weights if id(v) in inner]
    trained = [v for v in model.trainable_weights if id(v) in inner]
    head = [v for v in model.trainable_weights if id(v) not in inner]
    expect(len(head) == 2, f"{len(head)} weights of the head")
    trainable = len(base.trainable_weights)
    wanted = {
        "lambda": (0, 0),
        "frozen": (len(base.weights), 0),
    }.get(kind, (len(base.weights), trainable))
    expect((len(tracked), len(trained)) == wanted, f"tracked, trained: {len(tracked)}, {len(trained)}, not {wanted}")
    if kind != "lambda":
        check_shared_layer(case, model, base)
    fits(case, model, base, kind, snapshot)
    saves(case, model, kind, len(tracked) + 2)


def check_shared_layer(case, model, base):
    if weights_of(base):
        found = shares(model, base, lambda: predict(model, case.inputs))
        expect(found, "the weights are not shared")


def fits(case, model, base, kind, snapshot):
    fixed = case.cell["inputs"][0]["shape"][0]
    size = fixed or 8
    x = enough(case.inputs, size)
    y = np.arange(size) % 3
    before = [keras.ops.convert_to_numpy(v) for v in base.weights]
    heads = [keras.ops.convert_to_numpy(v) for v in model.trainable_weights]
    # a decay would move whatever is thought to be trained
    optimizer = keras.optimizers.AdamW(0.05, weight_decay=0.1)
    model.compile(optimizer=optimizer, loss="sparse_categorical_crossentropy")
    reset(base)
    model.fit(x if len(x) > 1 else x[0], y, epochs=1, batch_size=size, verbose=0)
    moved = [not np.array_equal(a, keras.ops.convert_to_numpy(v)) for a, v in zip(before, base.weights)]
    expect(any(not np.array_equal(a, keras.ops.convert_to_numpy(v)) for a, v in zip(heads, model.trainable_weights)), "the head was not trained")
    if kind in ("frozen", "lambda"):
        expect(not any(moved), "training moved weights of the base")
        snapshot.check()
        return
    movable = any(v.trainable for v in base.weights)
    expect(any(moved) or not movable, "training did not move the base")
    snapshot.check(predictions=False)


def saves(case, model, kind, count):
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder, "model.keras"))
        model.save(file)
        stored = stored_weights(file)
        expect(stored >= count, f"{stored} weights in the file, not {count}")
        if kind == "lambda":
            expect(stored == 2, f"{stored} weights in the file")
            return
        trusted = any(isinstance(layer, keras.layers.Lambda) for layer in model._flatten_layers())
        again = keras.models.load_model(file, safe_mode=not trusted)
        counts = lambda m: (len(m.weights), len(m.trainable_weights), m.count_params())
        expect(counts(again) == counts(model), f"{counts(again)} after loading, {counts(model)} before")
        a, b = predict(model, case.inputs), predict(again, case.inputs)
        expect(all(np.allclose(x, y, atol=1e-6) for x, y in zip(a, b)), "it predicts something else after loading")


def stored_weights(file):
    import h5py

    with zipfile.ZipFile(file) as archive, tempfile.TemporaryDirectory() as folder:
        archive.extract("model.weights.h5", folder)
        count = 0
        with h5py.File(Path(folder, "model.weights.h5")) as weights:

            def visit(name, item):
                nonlocal count
                if isinstance(item, h5py.Dataset) and not name.startswith("optimizer") and "seed_generator" not in name:
                    count += 1

            weights.visititems(visit)
        return count


CHECKS = {
    "functional-by-name": extracts,
    "functional-by-index": extracts,
    "multi-output": extracts,
    "nested": extracts,
    "sequential-prefix": sequential,
    "sequential-range": sequential,
    "iterate-layers": iterates,
    "identity-tap": taps,
    "training-callback": records,
    "one-liner": one_line,
    "before-after-batchnorm": around_norm,
    "layer-attribute": attribute,
    "middle-segment": segment,
    "independent-copy": independent,
    "layer-functional": lambda case: builds(case, "functional"),
    "layer-subclass": lambda case: builds(case, "subclass"),
    "layer-sequential": lambda case: builds(case, "sequential"),
    "layer-frozen": lambda case: builds(case, "frozen"),
    "layer-lambda": lambda case: builds(case, "lambda"),
}
