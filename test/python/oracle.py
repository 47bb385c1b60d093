"""What Keras says of a model: its example input, and every tensor in it, by address."""

import json
import re
from pathlib import Path

import keras
import numpy as np


def noise(seed, count):
    """Numbers in [-0.5, 0.5) by a hash, as the fixtures' generator makes them."""
    with np.errstate(over="ignore"):
        h = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h = h ^ (h >> np.uint32(16))
    return h.astype(np.float64) / 2**32 - 0.5


def example(golden_file):
    """Inputs by layer name."""
    golden = json.loads(Path(golden_file).read_text(encoding="utf-8"))
    inputs = {}
    for item in golden["example"]:
        if "file" in item:
            inputs[item["layer"]] = np.load(Path(golden_file).parent / item["file"])
            continue
        recipe, shape = item["noise"], item["shape"]
        values = noise(recipe["seed"], int(np.prod(shape))) + 0.5
        values = values * (recipe["high"] - recipe["low"]) + recipe["low"]
        if "int" in item["dtype"]:
            values = np.floor(values)
        inputs[item["layer"]] = values.reshape(shape).astype(item["dtype"])
    return inputs


def activations(model, inputs):
    """Every tensor of the model by address, each call done once, in Keras's own order.

    Goes by Keras's nodes and not by names: another way than that of the code under test.
    """
    graph = model._functional if isinstance(model, keras.Sequential) else model
    found = {}
    values = {}
    for tensor in graph.inputs:
        name = tensor._keras_history.operation.name
        values[id(tensor)] = found[name] = keras.ops.convert_to_tensor(inputs[name])
    walk(graph, values, "", found)
    return {address: keras.ops.convert_to_numpy(value) for address, value in found.items()}


def walk(graph, values, prefix, found):
    for depth in sorted(graph._nodes_by_depth, reverse=True):
        for node in graph._nodes_by_depth[depth]:
            operation = node.operation
            if node.is_input:
                found[prefix + operation.name] = values[id(node.outputs[0])]
                continue
            own = [n for n in operation._inbound_nodes if n in nodes_of(graph)]
            call = own.index(node)
            address = f"{prefix}{operation.name}" + (f"#{call + 1}" if call else "")
            args, kwargs = node.arguments.fill_in(values)
            if isinstance(operation, keras.Model):
                inner = operation._functional if isinstance(operation, keras.Sequential) else operation
                given = [values[id(tensor)] for tensor in node.input_tensors]
                inside = {id(tensor): value for tensor, value in zip(inner.inputs, given)}
                walk(inner, inside, f"{address}/", found)
                results = [inside[id(tensor)] for tensor in inner.outputs]
            else:
                if isinstance(operation, keras.Layer) and operation._call_has_training_arg:
                    kwargs["training"] = False
                results = keras.tree.flatten(operation(*args, **kwargs))
            for i, (tensor, value) in enumerate(zip(node.outputs, results)):
                values[id(tensor)] = value
                found[address + (f":{i}" if i else "")] = value


def nodes_of(graph):
    return {node for nodes in graph._nodes_by_depth.values() for node in nodes}


def check_against_golden(golden_file, found, tolerance):
    """The same as when the fixture was made; the number of tensors compared."""
    golden = json.loads(Path(golden_file).read_text(encoding="utf-8"))
    compared = 0
    for address, facts in golden["activations"].items():
        if address not in found or facts["first"] is None or "l2" not in facts:
            continue
        first = np.asarray(found[address], dtype="float64").ravel()[: len(facts["first"])]
        expected = np.array([float(v) for v in facts["first"]])
        limit = tolerance * max(1.0, float(np.abs(expected).max(initial=0)))
        difference = float(np.abs(first - expected).max(initial=0))
        if difference > limit:
            raise AssertionError(f"{address} differs from the golden by {difference}")
        compared += 1
    return compared


def tolerance_of(model):
    text = json.dumps(model.to_json() if hasattr(model, "to_json") else "")
    if "bfloat16" in text:
        return 5e-2
    return 1e-2 if re.search(r"float16", text) else 1e-4
