"""Runs generated code under real Keras 3, all cells in one program.

usage: python run_cells.py CELLS.json REPORT.json
"""

import json
import os
import sys
import time
import traceback
import types
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
warnings.simplefilter("ignore")

import keras  # noqa: E402

import checks  # noqa: E402
import custom  # noqa: E402, F401
import oracle  # noqa: E402


def main(cells_file, report_file):
    with open(cells_file, encoding="utf-8") as file:
        cells = json.load(file)
    only_eager(True)
    rows = []
    compared = 0
    values, of, tolerance = {}, None, 0
    for number, cell in enumerate(cells):
        if cell["why"] is not None:
            continue
        started = time.time()
        row = {"cell": number, "wrong": None}
        rows.append(row)
        try:
            if of != cell["model"]:
                keras.utils.clear_session()
                if keras.backend.backend() == "jax":
                    # what was compiled for the models before takes gigabytes
                    sys.modules["jax"].clear_caches()
                values, of = {}, cell["model"]
                values, more, tolerance = activations_of(cell)
                compared += more
            run(cell, number, values, tolerance)
        except Exception as error:
            row["wrong"] = f"{type(error).__name__}: {error}"[:600]
            if not isinstance(error, checks.Wrong):
                row["trace"] = traceback.format_exc()[-3000:]
        row["seconds"] = round(time.time() - started, 2)
    with open(report_file, "w", encoding="utf-8") as file:
        json.dump({"rows": rows, "golden": compared, "keras": keras.__version__, "backend": keras.backend.backend()}, file)


def activations_of(cell):
    keras.config.enable_unsafe_deserialization()
    model = keras.models.load_model(cell["keras"], compile=False)
    inputs = oracle.example(cell["golden"])
    found = oracle.activations(model, inputs)
    tolerance = oracle.tolerance_of(model)
    compared = oracle.check_against_golden(cell["golden"], found, tolerance)
    checks.expect(compared > 0, "no tensor of the golden was found")
    found.update(custom.attributes(model))
    checks.reset(model)
    return found, compared, tolerance


def run(cell, number, values, tolerance):
    module = types.ModuleType(f"cell_{number}")
    # classes look themselves up in their module
    sys.modules[module.__name__] = module
    exec(compile(cell["text"], f"<{cell['model']} {cell['recipe']} {cell['cut']}>", "exec"), module.__dict__)
    if cell["recipe"] == "load-slice":
        checks.loads_slice(cell, module, values, tolerance)
        return
    case = checks.Case(cell, module, values)
    case.parent_inputs = [values[name] for name in cell["parentInputs"]]
    # what callbacks see of weights depends on compiled training
    only_eager(cell["recipe"] not in ("training-callback", "layer-frozen"))
    try:
        checks.CHECKS[cell["recipe"]](case)
    finally:
        only_eager(True)
        del sys.modules[module.__name__]


def only_eager(eager):
    """Thousands of small models: compiling each would take an hour."""
    from keras.src.trainers.trainer import Trainer

    if not hasattr(Trainer, "_plain_run_eagerly"):
        Trainer._plain_run_eagerly = Trainer.run_eagerly
    plain = Trainer._plain_run_eagerly
    Trainer.run_eagerly = property(lambda self: True, plain.fset) if eager else plain


main(*sys.argv[1:])
