"""JPEGs of four inks in the ways that programs write them, and their values as Keras's `load_img` gives them (by Pillow).

    KERAS_BACKEND=jax python cmyk.py
"""
import base64
import hashlib
import io
import json

import keras
import numpy as np
from PIL import Image

WIDTH, HEIGHT = 45, 27


def picture():
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    rng = np.random.default_rng(5)
    waves = [127 + 120 * np.sin(x / a + y / b) for a, b in [(3, 9), (7, 4), (5, 5), (11, 3)]]
    return np.clip(np.stack(waves, -1) + rng.normal(0, 12, (HEIGHT, WIDTH, 4)), 0, 255).astype("uint8")


def jpeg(**options):
    file = io.BytesIO()
    Image.fromarray(picture(), "CMYK").save(file, "JPEG", **options)
    return file.getvalue()


def with_transform(data, transform):
    at = data.index(b"Adobe")
    return data[: at + 11] + bytes([transform]) + data[at + 12 :]


def without_adobe(data):
    at = data.index(b"Adobe") - 4
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]


cases = {
    "baseline": jpeg(quality=80),
    "its own tables": jpeg(quality=60, optimize=True),
    "progressive": jpeg(quality=75, progressive=True),
    "colours at a quarter": jpeg(quality=75, subsampling="4:2:0"),
    "colours at a half": jpeg(quality=75, subsampling="4:2:2"),
    "progressive, colours at a quarter": jpeg(quality=75, subsampling="4:2:0", progressive=True),
    "restarts": jpeg(quality=75, restart_marker_blocks=3),
    "restarts in progressive scans": jpeg(quality=75, restart_marker_blocks=5, progressive=True),
    "YCCK": with_transform(jpeg(quality=90), 2),
    "YCCK at a quarter": with_transform(jpeg(quality=90, subsampling="4:2:0"), 2),
    "YCCK, progressive": with_transform(jpeg(quality=90, progressive=True), 2),
    "without Adobe's marker": without_adobe(jpeg(quality=85)),
}
result = []
for name, data in cases.items():
    for mode in ("rgb", "grayscale", "rgba"):
        try:
            values = keras.utils.img_to_array(keras.utils.load_img(io.BytesIO(data), color_mode=mode))
        except Exception as error:
            print(name, mode, error)
            continue
        row = {"name": name, "mode": mode, "shape": list(values.shape)}
        result.append({**row, "sha256": hashlib.sha256(values.astype("<f4").tobytes()).hexdigest()})
files = {name: base64.b64encode(data).decode() for name, data in cases.items()}
with open("cmyk.json", "w") as file:
    json.dump({"files": files, "cases": result}, file, indent=1)
    file.write("\n")
