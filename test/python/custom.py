"""The classes of the fixtures that are not Keras's."""

import keras


@keras.saving.register_keras_serializable(package="fixtures")
class FeatureLayer(keras.layers.Layer):
    """Two dense layers; the activation between them stays readable as `feature_output`."""

    def __init__(self, features, units, **kwargs):
        super().__init__(**kwargs)
        self.feature_count, self.units = features, units
        self.features = keras.layers.Dense(features, activation="tanh", name="features")
        self.scores = keras.layers.Dense(units, activation="softmax", name="scores")
        self.feature_output = None

    def build(self, input_shape):
        self.features.build(input_shape)
        self.scores.build((*input_shape[:-1], self.feature_count))
        self.built = True

    def call(self, x):
        self.feature_output = self.features(x)
        return self.scores(self.feature_output)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "features": self.feature_count, "units": self.units}


# by the names that files have, with and without the package
CLASSES = {"FeatureLayer": FeatureLayer, "fixtures>FeatureLayer": FeatureLayer}


def attributes(model):
    """`layer@feature_output` after the model was called."""
    return {
        f"{layer.name}@feature_output": keras.ops.convert_to_numpy(layer.feature_output)
        for layer in model.layers
        if isinstance(layer, FeatureLayer)
    }
