"""Keras's own facts of many argument variants of its layers, in the format of layer-coverage.json.

usage: KERAS_BACKEND=jax python layerVariants.py OUT.json [--module keras|tf_keras] [--only TEXT]

Each class has a grid of arguments: every argument is varied alone, and some combinations are drawn, always the same.
What this Keras refuses is skipped and counted. Inputs and weights are noise that the test makes again:
input i has the seed 1000 + i, weight i 2000 + i.
"""
import argparse
import importlib
import itertools
import json
import random
import zlib

import numpy as np

KEEP_UP_TO = 200  # output values stored in full up to this many
BATCH = 2


def noise(seed, shape):
    with np.errstate(over="ignore"):
        h = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(seed)
        h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        h = h ^ (h >> np.uint32(16))
    return (h.astype(np.float64) / 2**32 - 0.5).reshape(shape)


class Tensor:
    """An input: its shape without the batch, and the range of its noise."""

    def __init__(self, *shape, dtype="float32", low=-1.0, high=1.0, open=()):
        self.shape, self.dtype, self.low, self.high = shape, dtype, low, high
        self.declared = tuple(None if i in open else d for i, d in enumerate(shape))

    def values(self, seed):
        values = (noise(seed, (BATCH, *self.shape)) + 0.5) * (self.high - self.low) + self.low
        if self.dtype == "float32":
            return values.astype("float32")
        return np.floor(values).astype(self.dtype)


def mask_of(*shape):
    return Tensor(*shape, dtype="bool", low=0.0, high=2.0)


class Case:
    def __init__(self, name, make, inputs, roles=None, call=None):
        self.name, self.make, self.inputs, self.roles, self.call = name, make, inputs, roles, call or {}


def grid(name, make, inputs, extra=0, roles=None, call=None, base=None, **arguments):
    """The base, every argument alone, and `extra` combinations."""
    base = base or {}
    single = [{}] + [{k: v} for k, values in arguments.items() for v in values]
    keys = list(arguments)
    every = list(itertools.islice(itertools.product(*arguments.values()), 20000))
    drawn = random.Random(zlib.crc32(name.encode())).sample(every, min(extra, len(every))) if extra else []
    for chosen in single + [dict(zip(keys, values)) for values in drawn]:
        merged = {**base, **chosen}
        given = inputs(merged) if callable(inputs) else inputs
        yield Case(name, lambda m=merged: make(**m), given if isinstance(given, list) else [given], roles, call)


def cases(k):
    L = k.layers
    three = k.__name__ == "keras"
    first = "channels_first"

    def picture(size, channels=2, **more):
        return lambda m: Tensor(channels, *size, **more) if m.get("data_format") == first else Tensor(*size, channels, **more)

    def activations():
        yield from ["relu", "tanh", "gelu", "softplus", "elu", "selu", "exponential", "hard_sigmoid", "mish", "softsign", "swish"]
        if three:
            yield from ["silu", "hard_silu", "hard_tanh", "celu", "glu", "log_sigmoid", "soft_shrink", "hard_shrink", "tanh_shrink",
                        "squareplus", "sparse_plus", "sparsemax", "threshold", "leaky_relu", "relu6", "log_softmax"]
            yield L.LeakyReLU(0.2)
            yield L.ReLU(max_value=0.5, negative_slope=0.1, threshold=0.05)
            yield L.ELU(0.4)
            yield L.Softmax(axis=-1)

    # core
    yield from grid("Dense", L.Dense, Tensor(3, 4), base={"units": 4}, activation=list(activations()), use_bias=[False],
                    dtype=["mixed_float16", "mixed_bfloat16", "float16"])
    yield from grid("Dense", L.Dense, Tensor(2, 2, 2, 3), base={"units": 2}, units=[1], use_bias=[False])
    for equation, shape, output, biases in [
        ("abc,cd->abd", (3, 4), (None, 5), ["d", "bd", None]), ("abc,cde->abde", (3, 4), (None, 2, 3), ["e", "de", "d", "bde"]),
        ("abcd,cde->abe", (3, 2, 4), (3, 5), ["e"]), ("...x,xy->...y", (3, 2, 4), 5, ["y"]), ("ab...,bc->ac...", (4, 3), (5,), [None]),
        ("abc,abcd->abd", (3, 4), (3, 5), [None]), ("ab,bcd->acd", (4,), (2, 3), ["c", "cd"]),
    ]:
        for bias in biases:
            yield Case("EinsumDense", lambda e=equation, o=output, b=bias: L.EinsumDense(e, o, bias_axes=b, activation="tanh"), [Tensor(*shape)])
    ids = Tensor(3, dtype="int32", low=0, high=6)
    yield from grid("Embedding", L.Embedding, ids, base={"input_dim": 6, "output_dim": 3}, mask_zero=[True], dtype=["mixed_float16"])
    yield from grid("Masking", L.Masking, Tensor(3, 2, dtype="float32", low=0, high=1), mask_value=[0.0, 1.0])
    if three:
        yield from grid("ReversibleEmbedding", L.ReversibleEmbedding, ids, base={"input_dim": 6, "output_dim": 3}, tie_weights=[False], mask_zero=[True],
                        logit_soft_cap=[3.0])
        for tie, cap in itertools.product([True, False], [None, 2.0]):
            yield Case("ReversibleEmbedding", lambda t=tie, c=cap: L.ReversibleEmbedding(6, 3, tie_weights=t, logit_soft_cap=c), [Tensor(4, 3)],
                       call={"reverse": True})

    # activations as layers
    yield from grid("ReLU", L.ReLU, Tensor(2, 6, low=-2, high=2), extra=4, max_value=[0.7], negative_slope=[0.2], threshold=[0.3, -0.2])
    yield from grid("LeakyReLU", L.LeakyReLU, Tensor(5), **({"negative_slope": [0.1, 0.0]} if three else {"alpha": [0.1, 0.0]}))
    yield from grid("ELU", L.ELU, Tensor(5), alpha=[0.5, 2.0])
    yield from grid("PReLU", L.PReLU, Tensor(3, 4, 2), shared_axes=[[1], [2], [1, 2], [1, 2, 3]])
    yield from grid("Softmax", L.Softmax, Tensor(3, 4, 2), axis=[1, -2, 2, [1, 2], [-1, -2], [1, 3]])
    yield from grid("Softmax", L.Softmax, [Tensor(3, 4), mask_of(3, 4)], roles=["inputs", "mask"], axis=[1, [1, 2]])
    yield from grid("Activation", L.Activation, Tensor(4, 6, low=-4, high=4), base={"activation": "linear"}, activation=list(activations()))

    # convolutions
    for rank, size in ((1, (9,)), (2, (7, 8)), (3, (5, 4, 5))):
        lists = {
            "strides": [2, 3, tuple(range(1, rank + 1))], "dilation_rate": [2, tuple(range(rank, 0, -1))], "data_format": [first],
            "padding": ["same", *(["causal"] if rank == 1 else [])], "use_bias": [False], "activation": ["relu", "tanh"],
            "kernel_size": [1, 2, tuple(range(1, rank + 1))],
        }
        base = {"filters": 4, "kernel_size": 3}
        yield from grid(f"Conv{rank}D", getattr(L, f"Conv{rank}D"), picture(size, 4), extra=10, base=base, groups=[2, 4], **lists)
        yield from grid(f"Conv{rank}DTranspose", getattr(L, f"Conv{rank}DTranspose"), picture(size[:1] + (3,) * (rank - 1), 2), extra=8, base=base,
                        output_padding=[0, 1], **lists)
        if rank < 3:
            for kind in ("SeparableConv", "DepthwiseConv"):
                own = {"filters": 3, "kernel_size": 3} if kind == "SeparableConv" else {"kernel_size": 3}
                yield from grid(f"{kind}{rank}D", getattr(L, f"{kind}{rank}D"), picture(size), extra=8, base=own, depth_multiplier=[2, 3], **lists)
            if not three:
                yield from grid(f"LocallyConnected{rank}D", getattr(L, f"LocallyConnected{rank}D"), picture(size), extra=12,
                                base={"filters": 3, "kernel_size": 3}, implementation=[2, 3], padding=["same"], strides=[2], data_format=[first],
                                use_bias=[False], activation=["relu"])
        # pooling
        for kind in ("Max", "Average"):
            yield from grid(f"{kind}Pooling{rank}D", getattr(L, f"{kind}Pooling{rank}D"), picture(size), extra=6, pool_size=[3, tuple(range(1, rank + 1))],
                            strides=[1, 2, 3], padding=["same"], data_format=[first])
            yield from grid(f"Global{kind}Pooling{rank}D", getattr(L, f"Global{kind}Pooling{rank}D"), picture(size), extra=2, keepdims=[True],
                            data_format=[first])
            if three:
                yield from grid(f"Adaptive{kind}Pooling{rank}D", getattr(L, f"Adaptive{kind}Pooling{rank}D"), picture(size), base={"output_size": 2},
                                output_size=[1, 3, tuple(range(2, rank + 2))], data_format=[first])
        # shapes
        formats = {} if rank == 1 and not three else {"data_format": [first]}
        pairs = tuple((i, i + 1) for i in range(rank)) if rank > 1 else (1, 2)
        for kind, key in (("ZeroPadding", "padding"), ("Cropping", "cropping")):
            yield from grid(f"{kind}{rank}D", getattr(L, f"{kind}{rank}D"), picture((6, 7, 8)[:rank]), extra=4,
                            **{key: [1, pairs, tuple((1, 0) for _ in range(rank)) if rank > 1 else (0, 2)]}, **(formats if rank > 1 or three else {}))
        if rank != 2:
            yield from grid(f"UpSampling{rank}D", getattr(L, f"UpSampling{rank}D"), picture((3, 2, 3)[:rank]), size=[3, (2, 1, 3)[:rank] if rank > 1 else 4],
                            **(formats if rank > 1 else {}))
    # TensorFlow reads its cubic weights from a table, and so does the product; other backends compute them
    cubic = ["bicubic"] if k.backend.backend() == "tensorflow" else []
    modes = ["nearest", "bilinear", *cubic, "lanczos3", "lanczos5"] + ([] if three else ["gaussian", "mitchellcubic", "area"])
    yield from grid("UpSampling2D", L.UpSampling2D, picture((4, 5)), extra=8, size=[(3, 2), 3], data_format=[first], interpolation=modes)
    yield from grid("Reshape", L.Reshape, Tensor(4, 6), base={"target_shape": (24,)}, target_shape=[(-1, 3), (2, -1, 4), (8, 3), (1, 24)])
    yield from grid("Permute", L.Permute, Tensor(2, 3, 4), base={"dims": (1, 2, 3)}, dims=[(3, 1, 2), (2, 1, 3), (3, 2, 1)])
    yield from grid("RepeatVector", L.RepeatVector, Tensor(3), base={"n": 2}, n=[1, 4])
    yield from grid("Flatten", L.Flatten, Tensor(3, 2, 4), data_format=[first])
    yield Case("Flatten", lambda: L.Flatten(), [Tensor()])
    yield Case("Flatten", lambda: L.Flatten(), [Tensor(3)])
    yield Case("Flatten", lambda: L.Flatten(data_format=first), [Tensor(3, 4)])

    # merges
    wide = [[Tensor(3, 4), Tensor(3, 4)], [Tensor(3, 4), Tensor(1, 4), Tensor(3, 1)], [Tensor(3, 4), Tensor(4)], [Tensor(2, 3, 4), Tensor(3, 4)],
            [Tensor(4), Tensor(2, 3, 4)], [Tensor(3, 4, dtype="int32", low=-9, high=9)] * 2]
    for name in ("Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"):
        for inputs in wide:
            yield Case(name, lambda n=name: getattr(L, n)(), inputs)
    yield from grid("Concatenate", L.Concatenate, [Tensor(3, 4), Tensor(3, 4)], axis=[1, 2, -2])
    yield from grid("Concatenate", L.Concatenate, [Tensor(3, 2, 4), Tensor(3, 5, 4), Tensor(3, 1, 4)], base={"axis": 2}, axis=[-2])
    for a, b, axes in [((4,), (4,), 1), ((3, 4), (5, 4), 2), ((3, 4), (3, 5), 1), ((3, 4), (4, 5), (2, 1)), ((3, 4), (4,), (2, 1)), ((4,), (3, 4), (1, 2)),
                       ((3, 4), (5, 4), -1), ((2, 3, 4), (4, 5), (3, 1)), ((2, 3, 4), (2, 4, 5), (3, 2))]:
        for normalize in (False, True):
            yield Case("Dot", lambda x=axes, n=normalize: L.Dot(x, normalize=n), [Tensor(*a), Tensor(*b)])

    # normalizations
    block = Tensor(4, 3, 6)
    yield from grid("BatchNormalization", L.BatchNormalization, block, extra=6, axis=[1, 2, -2, 3], center=[False], scale=[False], epsilon=[0.1])
    yield from grid("BatchNormalization", L.BatchNormalization, Tensor(6), axis=[1], center=[False])
    yield from grid("BatchNormalization", L.BatchNormalization, Tensor(2, 3, 2, 4), axis=[1, -1])
    yield from grid("LayerNormalization", L.LayerNormalization, block, extra=6, axis=[1, -2, [2, 3], [1, 2, 3], [-1, -2], [3, 1]], center=[False], scale=[False],
                    epsilon=[0.1], **({"rms_scaling": [True]} if three and "rms_scaling" in L.LayerNormalization.__init__.__code__.co_varnames else {}))
    groups = {"groups": [1, 3, 6, -1], "axis": [1, 2, -2], "center": [False], "scale": [False], "epsilon": [0.1]}
    yield from grid("GroupNormalization", L.GroupNormalization, block, extra=6, base={"groups": 2}, **groups)
    yield from grid("GroupNormalization", L.GroupNormalization, Tensor(6), base={"groups": 2}, groups=[3, -1])
    yield from grid("UnitNormalization", L.UnitNormalization, block, axis=[1, [1, 2], [2, 3], -2])
    if three:
        yield from grid("RMSNormalization", L.RMSNormalization, block, axis=[1, -2, [2, 3]], epsilon=[0.1])
    yield from grid("Normalization", L.Normalization, Tensor(3, 4), base={"mean": 0.5, "variance": 2.0}, invert=[True])
    for axis, shape in ((-1, (4,)), (1, (3,)), ((1, 2), (3, 4)), (None, ())):
        for invert in (False, True):
            yield Case("Normalization", lambda a=axis, s=shape, i=invert: L.Normalization(
                axis=a, mean=noise(3, s).tolist(), variance=(1 + noise(4, s)).tolist(), invert=i), [Tensor(3, 4)])
    for axis in (-1, 1, (1, 2), None):
        yield Case("Normalization", lambda a=axis: L.Normalization(axis=a), [Tensor(3, 4)])
    for inner, shape in ((lambda: L.Dense(3), (4,)), (lambda: L.Conv2D(3, 2), (4, 4, 2)), (lambda: L.Conv1D(2, 3, use_bias=False), (5, 3)),
                         (lambda: L.Embedding(5, 2), None)):
        yield Case("SpectralNormalization", lambda i=inner: L.SpectralNormalization(i()), [Tensor(*shape) if shape else Tensor(3, dtype="int32", low=0, high=5)])

    # recurrent
    steps = Tensor(4, 3)
    common = {"return_sequences": [True], "return_state": [True], "go_backwards": [True], "unroll": [True], "use_bias": [False],
              "activation": ["relu", "hard_sigmoid"], "dtype": ["mixed_float16"], **({} if three else {"time_major": [True]})}
    gates = {"recurrent_activation": ["hard_sigmoid", "tanh"]}
    kinds = {"SimpleRNN": {}, "LSTM": {**gates, "unit_forget_bias": [False], "implementation": [1]}, "GRU": {**gates, "reset_after": [False], "implementation": [1]}}
    for name, own in kinds.items():
        layer = getattr(L, name)
        yield from grid(name, layer, steps, extra=8, base={"units": 2}, **common, **own)
        states = [Tensor(2), Tensor(2)] if name == "LSTM" else [Tensor(2)]
        masked = {"return_sequences": [True], "return_state": [True], "go_backwards": [True], "zero_output_for_mask": [True]}
        yield from grid(name, layer, [steps, mask_of(4)], roles=["sequences", "mask"], extra=4, base={"units": 2}, **masked)
        yield Case(f"{name}", lambda l=layer: l(2, return_sequences=True), [steps, *states], roles=["sequences", "initial_state"]) if len(states) == 1 else \
            Case(f"{name}", lambda l=layer: l(2, return_sequences=True), [steps, *states], roles=["sequences", ["initial_state", 2]])
        merge = {"merge_mode": ["sum", "mul", "ave", None]}
        for inner in ({}, {"return_sequences": True}, {"return_state": True}, {"return_sequences": True, "return_state": True}, {"go_backwards": True, "return_sequences": True}):
            yield from grid("Bidirectional", lambda l=layer, i=inner, **m: L.Bidirectional(l(2, **i), **m), steps, **merge)
        yield Case("Bidirectional", lambda l=layer: L.Bidirectional(l(2, return_sequences=True), backward_layer=l(2, return_sequences=True, go_backwards=True)), [steps])
        yield from grid("Bidirectional", lambda l=layer, **m: L.Bidirectional(l(2, return_sequences=True), **m), [steps, mask_of(4)], roles=["inputs", "mask"], **merge)
        yield from grid("Bidirectional", lambda l=layer, **m: L.Bidirectional(l(2), **m), [steps, mask_of(4)], roles=["inputs", "mask"], **merge)
        cell = getattr(L, f"{name}Cell")
        options = {"return_sequences": [True], "return_state": [True], "go_backwards": [True], "unroll": [True]}
        yield from grid("RNN", lambda c=cell, **m: L.RNN(c(2), **m), steps, extra=2, **options)
        yield from grid("RNN", lambda c=cell, **m: L.RNN([c(2), L.GRUCell(3), c(4)], **m), steps, extra=2, **options)
        yield Case("TimeDistributed", lambda l=layer: L.TimeDistributed(l(2)), [Tensor(2, 4, 3)])
    for rank, size in ((1, (5,)), (2, (4, 5)), (3, (3, 4, 3))):
        def video(m, size=size):
            return Tensor(3, 2, *size) if m.get("data_format") == first else Tensor(3, *size, 2)
        yield from grid(f"ConvLSTM{rank}D", getattr(L, f"ConvLSTM{rank}D"), video, extra=6, base={"filters": 2, "kernel_size": 3}, padding=["same"], strides=[2],
                        dilation_rate=[2], data_format=[first], return_sequences=[True], return_state=[True], go_backwards=[True], use_bias=[False],
                        activation=["relu"], recurrent_activation=["sigmoid"], kernel_size=[2])
    for make, shape in [
        (lambda: L.Dense(2), (3, 4)), (lambda: L.Conv2D(2, 2, strides=2, padding="same"), (3, 4, 5, 2)), (lambda: L.BatchNormalization(), (3, 4)),
        (lambda: L.Flatten(), (3, 4, 2)), (lambda: L.MaxPooling1D(2), (3, 4, 2)), (lambda: L.TimeDistributed(L.Dense(2)), (2, 3, 4)), (lambda: L.Dropout(0.5), (3, 4)),
        (lambda: L.LayerNormalization(), (3, 4)), (lambda: L.Activation("softmax"), (3, 4)), (lambda: L.GlobalAveragePooling2D(), (3, 4, 4, 2)),
        (lambda: L.Conv1DTranspose(2, 3, strides=2), (3, 4, 2)), (lambda: L.Reshape((2, 2)), (3, 4)), (lambda: L.SeparableConv2D(2, 2), (3, 4, 4, 2)),
        (lambda: L.ZeroPadding2D(1), (2, 3, 3, 1)), (lambda: L.PReLU(), (3, 4)), (lambda: L.EinsumDense("ab,bc->ac", 3), (3, 4)),
        (lambda: L.Bidirectional(L.LSTM(2)), (2, 3, 4)), (lambda: L.UpSampling2D(2), (2, 2, 3, 1)), (lambda: L.Rescaling(0.5, 1), (2, 3)),
    ]:
        yield Case("TimeDistributed", lambda m=make: L.TimeDistributed(m()), [Tensor(*shape)])

    # attention
    query, value, key = Tensor(3, 4), Tensor(5, 4), Tensor(5, 4)
    scores = {"return_attention_scores": True}
    heads = {"num_heads": 2, "key_dim": 3}
    for given in ({}, scores, {"use_causal_mask": True}, {**scores, "use_causal_mask": True}):
        yield from grid("MultiHeadAttention", L.MultiHeadAttention, [query, value], roles=["query", "value"], call=given, base=heads, value_dim=[2],
                        use_bias=[False], output_shape=[5, (2, 3)] if three else [5], num_heads=[1, 3])
        yield from grid("Attention", L.Attention, [query, value], call=given, use_scale=[True], score_mode=["concat"])
        yield from grid("AdditiveAttention", L.AdditiveAttention, [query, value], call=given, use_scale=[False])
    yield from grid("MultiHeadAttention", L.MultiHeadAttention, [query, value, key], roles=["query", "value", "key"], base=heads, value_dim=[2],
                    **({"flash_attention": [False]} if three else {}))
    yield from grid("MultiHeadAttention", L.MultiHeadAttention, [Tensor(2, 3, 4), Tensor(2, 5, 4)], roles=["query", "value"], base=heads,
                    attention_axes=[2, (2,), (1, 2)], output_shape=[3])
    for roles, masks in [(["query", "value", "attention_mask"], [mask_of(3, 5)]), (["query", "value", "query_mask"], [mask_of(3)]),
                         (["query", "value", "value_mask"], [mask_of(5)]), (["query", "value", "key_mask"], [mask_of(5)])]:
        yield from grid("MultiHeadAttention", L.MultiHeadAttention, [query, value, *masks], roles=roles, base=heads, call=scores)
        yield from grid("MultiHeadAttention", L.MultiHeadAttention, [query, value, *masks], roles=roles, base=heads, use_bias=[False])
    yield from grid("Attention", L.Attention, [query, value, key], use_scale=[True], score_mode=["concat"])
    if three:
        grouped = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}
        for given in ({}, scores, {"use_causal_mask": True}):
            yield from grid("GroupQueryAttention", L.GroupQueryAttention, [query, value], roles=["query", "value"], call=given, base=grouped, use_bias=[False],
                            num_key_value_heads=[1, 4], use_gate=[True])
        yield from grid("GroupQueryAttention", L.GroupQueryAttention, [query, value, mask_of(3, 5)], roles=["query", "value", "attention_mask"], base=grouped)
        yield from grid("GroupQueryAttention", L.GroupQueryAttention, [query, value, key], roles=["query", "value", "key"], base=grouped)

    # preprocessing
    pixels = {"low": 0, "high": 255}
    for size in ((6, 9), (3, 4), (12, 5)):
        yield from grid("Resizing", L.Resizing, picture((7, 8), 2, **pixels), extra=6, base={"height": size[0], "width": size[1]}, interpolation=modes,
                        crop_to_aspect_ratio=[True], **({"pad_to_aspect_ratio": [True], "antialias": [True], "fill_value": [7.0], "data_format": [first]} if three else {}))
        yield from grid("CenterCrop", L.CenterCrop, picture((7, 8), 2, **pixels), base={"height": size[0], "width": size[1]}, **({"data_format": [first]} if three else {}))
    yield from grid("Rescaling", L.Rescaling, Tensor(2, 3, **pixels), base={"scale": 0.1}, offset=[-1.0], scale=[[0.1, 0.2, 0.3]])
    yield Case("Rescaling", lambda: L.Rescaling(1 / 255, -0.5), [Tensor(2, 3, dtype="int32", low=0, high=255)])
    bins = {"bin_boundaries": [-0.5, 0.0, 0.25]}
    for shape in ((4,), (1,), (3, 2)):
        yield from grid("Discretization", L.Discretization, Tensor(*shape), base=bins, output_mode=["one_hot", "multi_hot", "count"])
        numbers = Tensor(*shape, dtype="int32", low=0, high=5)
        yield from grid("CategoryEncoding", L.CategoryEncoding, numbers, base={"num_tokens": 5}, output_mode=["one_hot", "multi_hot", "count"])
        yield from grid("Hashing", L.Hashing, numbers, base={"num_bins": 7}, salt=[[133, 137], 5], mask_value=[2], output_mode=["one_hot", "multi_hot", "count"])
        yield from grid("IntegerLookup", L.IntegerLookup, numbers, base={"vocabulary": [3, 1, 4]}, num_oov_indices=[2, 3], mask_token=[0], invert=[True],
                        output_mode=["one_hot", "multi_hot", "count"], max_tokens=[8], oov_token=[-7])
        yield from grid("IntegerLookup", L.IntegerLookup, numbers, base={"vocabulary": [3, 1, 4], "output_mode": "tf_idf", "idf_weights": [0.5, 0.25, 2.0]})
        yield from grid("IntegerLookup", L.IntegerLookup, numbers, base={"vocabulary": [3, 1], "output_mode": "multi_hot", "max_tokens": 9}, pad_to_max_tokens=[True])
    column = Tensor(1, dtype="int32", low=0, high=50)
    yield from grid("HashedCrossing", L.HashedCrossing, [column, column], base={"num_bins": 11}, output_mode=["one_hot"])
    yield from grid("HashedCrossing", L.HashedCrossing, [column, column, column], base={"num_bins": 11})
    for name in ("RandomFlip", "RandomRotation", "RandomZoom", "RandomContrast", "RandomBrightness", "RandomTranslation"):
        argument = {} if name == "RandomFlip" else {"factor": 0.1}
        argument = {"height_factor": 0.1, "width_factor": 0.1} if name == "RandomTranslation" else {"height_factor": 0.1} if name == "RandomZoom" else argument
        yield Case(name, lambda n=name, a=argument: getattr(L, n)(**a), [Tensor(3, 4, 3, **pixels)])
        yield Case(name, lambda n=name, a=argument: getattr(L, n)(**a), [Tensor(3, 4, 3, dtype="int32", **pixels)])
    yield Case("RandomCrop", lambda: L.RandomCrop(3, 4), [Tensor(6, 7, 2, **pixels)])
    for name in ("Dropout", "GaussianDropout", "GaussianNoise", "AlphaDropout", "SpatialDropout1D"):
        yield Case(name, lambda n=name: getattr(L, n)(0.4), [Tensor(4, 3)])
    if three:
        for name in ("AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Solarization"):
            yield from grid(name, getattr(L, name), picture((9, 7), 3, **pixels), data_format=[first])
            yield Case(name, lambda n=name: getattr(L, n)(value_range=(0, 1)), [Tensor(6, 6, 2, low=0, high=1)])
        yield from grid("ContrastLimitedAdaptiveHistogramEqualization", L.ContrastLimitedAdaptiveHistogramEqualization, Tensor(8, 12, 2, **pixels),
                        clip_limit=[0.0, 1.0], tile_grid_size=[(2, 3), (1, 1)])
        yield from grid("STFTSpectrogram", L.STFTSpectrogram, picture((48,), 2), extra=8, base={"frame_length": 12}, frame_step=[4], fft_length=[32],
                        mode=["magnitude", "psd", "real", "imag", "angle", "stft"], window=["hamming", None], padding=["same"], expand_dims=[True],
                        data_format=[first], periodic=[True], scaling=["spectrum", None])
        mel = {"fft_length": 32, "sequence_stride": 8, "num_mel_bins": 5, "sampling_rate": 800}
        yield from grid("MelSpectrogram", L.MelSpectrogram, Tensor(96), base=mel, sequence_length=[20], window=["hamming"], max_freq=[300.0], min_freq=[0.0],
                        power_to_db=[False], top_db=[3.0], mag_exp=[1.0], ref_power=[2.0])


def plain(value):
    if isinstance(value, dict):
        return {str(a): plain(v) for a, v in value.items() if a != "build_config"}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "get_config") and not isinstance(value, type):
        return {"class_name": type(value).__name__, "config": plain(value.get_config())}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def number(value):
    return value if np.isfinite(value) else "NaN" if np.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def flat(result):
    return [tensor for part in result for tensor in flat(part)] if isinstance(result, (list, tuple)) else [result]


def dtype_of(tensor):
    return getattr(tensor.dtype, "name", None) or str(tensor.dtype)


def invoke(layer, case, tensors):
    if not case.roles:
        return layer(tensors if len(tensors) > 1 else tensors[0], **case.call)
    named, rest = {}, list(tensors[1:])
    for role in case.roles[1:]:
        named[role if isinstance(role, str) else role[0]] = rest.pop(0) if isinstance(role, str) else [rest.pop(0) for _ in range(role[1])]
    return layer(tensors[0], **named, **case.call)


def measure(k, case):
    layer = case.make()
    inputs = [k.Input(t.declared, dtype=t.dtype) for t in case.inputs]
    outputs = flat(invoke(layer, case, inputs))
    facts = {
        "class": case.name,
        "config": plain(k.saving.serialize_keras_object(layer)["config"]) if k.__name__ == "keras" else plain(layer.get_config()),
        "inputs": [{"shape": [None, *t.declared], "dtype": t.dtype, "low": t.low, "high": t.high, "example": [BATCH, *t.shape]} for t in case.inputs],
        "outputShapes": [list(t.shape) for t in outputs],
        "params": layer.count_params(),
        "weights": [],
    }
    if case.roles or case.call:
        facts["call"] = {**case.call, **({"inputs": case.roles} if case.roles else {})}
    trainable = 0
    # random states are variables of Keras 3, but no weights
    weights = [w for w in layer.weights if "seed_generator" not in getattr(w, "path", w.name)]
    owned = {id(w) for w in layer.trainable_weights}
    for i, weight in enumerate(weights):
        path = getattr(weight, "path", weight.name).split(":")[0]
        name = path.split("/", 1)[1] if "/" in path else path
        size = int(np.prod(weight.shape, dtype=np.int64))
        trainable += size if id(weight) in owned else 0
        facts["weights"].append({"name": name, "shape": [int(d) for d in weight.shape], "dtype": dtype_of(weight)})
        if "int" not in dtype_of(weight):
            weight.assign(noise(2000 + i, tuple(weight.shape)).astype("float32") + (1.0 if "variance" in name else 0.0))
    facts["trainable"] = trainable
    facts["nonTrainable"] = facts["params"] - trainable
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()
    model = k.Model(inputs, outputs)
    values = [t.values(1000 + i) for i, t in enumerate(case.inputs)]
    results = flat(model(values if len(values) > 1 else values[0], training=False))
    arrays = [np.asarray(k.ops.convert_to_numpy(r) if k.__name__ == "keras" else r).astype(np.float64) for r in results]
    facts["outputs"] = [{"shape": list(a.shape), ("values" if a.size <= KEEP_UP_TO else "first"): [number(float(v)) for v in a.reshape(-1)[:KEEP_UP_TO]]} for a in arrays]
    return facts


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--module", default="keras")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    k = importlib.import_module(options.module)
    rows, skipped, counts = [], {}, {}
    for case in cases(k):
        if options.only not in case.name:
            continue
        try:
            facts = measure(k, case)
        except Exception as error:  # what this Keras or its backend cannot do is no case
            lines = str(error).strip().splitlines() or [type(error).__name__]
            skipped.setdefault(case.name, []).append(lines[0][:160])
            continue
        counts[case.name] = counts.get(case.name, 0) + 1
        rows.append({"id": f"{case.name}-v{counts[case.name]}", **facts})
    with open(options.out, "w") as file:
        json.dump({"keras": f"{options.module.replace('_', ' ')} {k.__version__}".replace("tf keras", "tf_keras"), "cases": rows, "skipped": skipped}, file)


if __name__ == "__main__":
    main()
