"""Files whose lookup layers were adapted, so that their vocabularies stand in `assets/`, and what Keras computes with them.

    pip install tensorflow-cpu==2.20 keras==3.15.1 tf_keras==2.20.1
    python generate.py

These layers need TensorFlow, which the tests do not have: the files are kept in the repository.
"""
import json
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import numpy as np
import tensorflow as tf

TEXTS = ["The cat sat", "on the mat", "größe naïve", "a cat, a dog!", "b b sat"]
QUERIES = [["the Cat SAT"], ["größe unknown words"], [""], ["a mat on the dog sat cat b"]]
WORDS = ["cat", "dog", "two words", "dog", "émile", "-"]
WORD_QUERIES = [["dog"], ["émile"], ["never seen"], ["-"]]
NUMBERS = [5, 5, 7, -3, 2**31 - 1]
NUMBER_QUERIES = [[5], [-3], [42], [2**31 - 1]]


def plain(value):
    value = np.asarray(value)
    values = [v.decode() if isinstance(v, bytes) else v for v in value.reshape(-1).tolist()]
    return {"shape": list(value.shape), "values": values}


def adapted(layer, data):
    layer.adapt(data)
    return layer


def model(keras, name, branches):
    text = keras.Input((1,), dtype="string", name="text")
    word = keras.Input((1,), dtype="string", name="word")
    number = keras.Input((1,), dtype="int64", name="number")
    inputs = {"text": text, "word": word, "number": number}
    outputs = [layer(inputs[source]) for source, layer in branches]
    return keras.Model([text, word, number], outputs, name=name)


def branches(keras):
    L = keras.layers
    nested = keras.Sequential([keras.Input((1,), dtype="string"), adapted(L.StringLookup(name="deep"), WORDS)], name="nested")
    return [
        ("text", adapted(L.TextVectorization(output_sequence_length=6, name="tokens"), TEXTS)),
        ("text", adapted(L.TextVectorization(max_tokens=8, output_mode="multi_hot", name="bag"), TEXTS)),
        ("text", adapted(L.TextVectorization(output_mode="tf_idf", name="tfidf"), TEXTS)),
        ("text", adapted(L.TextVectorization(output_mode="count", split="character", name="letters"), TEXTS)),
        ("word", adapted(L.StringLookup(name="lookup", num_oov_indices=2, mask_token="-"), WORDS)),
        ("word", adapted(L.StringLookup(name="hot", output_mode="one_hot", max_tokens=9, pad_to_max_tokens=True), WORDS)),
        ("word", L.StringLookup(name="given", vocabulary=["cat", "dog"])),
        ("number", adapted(L.IntegerLookup(name="numbers"), NUMBERS)),
        ("number", adapted(L.IntegerLookup(name="masked", mask_token=5, num_oov_indices=3), NUMBERS)),
        ("word", nested),
    ]


def write(keras, name):
    built = model(keras, name, branches(keras))
    built.save(f"{name}.keras")
    feeds = [tf.constant(QUERIES), tf.constant(WORD_QUERIES), tf.constant(NUMBER_QUERIES, dtype="int64")]
    loaded = keras.models.load_model(f"{name}.keras")
    results = loaded(feeds)
    for before, after in zip(built(feeds), results):
        np.testing.assert_array_equal(before, after)
    return {
        "keras": keras.__version__,
        "inputs": {"text": QUERIES, "word": WORD_QUERIES, "number": NUMBER_QUERIES},
        "outputs": [plain(result) for result in results],
    }


if __name__ == "__main__":
    import keras
    import tf_keras

    golden = {"keras3": write(keras, "keras3")}
    try:
        golden["keras2"] = write(tf_keras, "keras2")
    except Exception as error:
        print("tf_keras:", repr(error)[:500], file=sys.stderr)
    with open("golden.json", "w") as file:
        json.dump(golden, file, ensure_ascii=False)
