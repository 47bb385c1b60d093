/** The user's sentence for every error code; `messages.ts` says how a variant is chosen. */
import type { ErrorCode } from './errors';
import type { Variant } from './messageText';

export const ERRORS: Record<ErrorCode, readonly Variant[]> = {
  // --- the bytes ---
  'empty-file': [
    { message: '{file} is empty: copy or download it again.' },
    { message: 'The file is empty: copy or download it again.' },
  ],
  'not-json': [
    {
      reason: 'not-a-number',
      message:
        '{file} holds {word} in line {line}, column {column}, which JSON does not know: replace it by null or a number.',
    },
    { reason: 'cut', message: '{file} ends in the middle (line {line}, column {column}): copy or download it again.' },
    {
      reason: 'syntax',
      message: '{file} is not valid JSON at line {line}, column {column}: correct it, or export the model again.',
    },
    { reason: 'utf-16', message: '{file} is written in UTF-16: save it as UTF-8.' },
    { reason: 'binary', message: '{file} is not text, so it is no JSON: choose the model.json that belongs to it.' },
    { message: '{file} is not JSON: choose the model.json of a TensorFlow.js model.' },
  ],
  'not-hdf5': [
    { reason: 'inside', message: '{file} is a damaged HDF5 file: copy or download it again.' },
    { message: '{file} is not an HDF5 file: choose the model file itself, or export it again.' },
  ],
  'not-zip': [
    { message: '{member} in {file} is not what the archive says of it: copy or download the file again.' },
    { message: '{file} is not a zip archive, as a .keras file must be: export the model again.' },
  ],
  'truncated-hdf5': [
    {
      message:
        '{file} ends too early to be a whole HDF5 file ({actual} of {expected} bytes): copy or download it again.',
    },
    { message: '{file} ends too early to be a whole HDF5 file: copy or download it again.' },
  ],
  'truncated-zip': [
    { message: '{file} ends in the middle of {member}: copy or download it again.' },
    { message: '{file} ends too early to be a whole archive: copy or download it again.' },
  ],
  'truncated-weights': [
    {
      message:
        'The weights file {shard} is too short: {file} asks for {expected} bytes and it has {actual}, so that {weight} is cut off: copy or download it again.',
    },
    {
      message:
        'The weights file {shard} is too short: {expected} bytes are due and {actual} are there: copy or download it again.',
    },
    { message: 'The weights of {file} end too early: copy or download them again.' },
  ],
  // --- no model in it ---
  'not-a-model': [
    { reason: 'layers', message: '{file} is no model: its "layers" are not a list of layers; export the model again.' },
    {
      reason: 'class-name',
      message: '{file} is no model: one of its layers has no "class_name"; export the model again.',
    },
    {
      reason: 'ports',
      message: '{file} is no model: "{key}" of the model {model} names no tensors; export the model again.',
    },
    {
      reason: 'node',
      message: '{file} is no graph-model: node number {at} has no name or operation; export the model again.',
    },
    { reason: 'folder', message: 'The folder {file} holds no model JSON: choose the model file itself.' },
    { reason: 'several', message: 'The folder {file} holds several models ({names}): choose one of them.' },
    { reason: 'hdf5', message: '{file} is an HDF5 file of something else: it holds no Keras model.' },
    { message: '{file} holds no Keras or TensorFlow.js model: choose a model.json that has a "modelTopology".' },
  ],
  'weights-only': [
    {
      reason: 'manifest',
      message: '{file} is only a weights manifest, without a model: choose the model.json that has the topology.',
    },
    {
      reason: 'topology',
      message: '{file} has weights but no model topology: export the whole model, not only its weights.',
    },
    {
      reason: 'hdf5',
      message:
        '{file} holds weights only, without a "model_config": export the whole model, or put its config.json beside it.',
    },
    { message: '{file} holds weights only, without a model: export the whole model.' },
  ],
  'missing-config': [
    { message: '{file} has no {member}, so it holds no model: export the whole model, not only its weights.' },
    { message: '{file} has no model configuration: export the whole model, not only its weights.' },
  ],
  // --- topology, manifest and bytes do not belong together ---
  'missing-file': [
    {
      message:
        'The weights file {shard} that {file} names is not there: put it beside {file}, or open the structure only.',
    },
    { message: '{file} is not there or cannot be read: check its name and its rights.' },
  ],
  'missing-weight': [
    {
      reason: 'run',
      message:
        '{file} cannot be run, because these weights are missing: {weights}; export the model again, with all its weights.',
    },
    {
      reason: 'manifest',
      message:
        '{file} comes without weights, so {weight} and the other weights ({count} in all) are unknown: the structure can be seen, not run.',
    },
    {
      reason: 'unbuilt',
      message:
        'The model {model} in {file} was saved before it had a shape, so it has no weights: call it once in Keras, and save it again.',
    },
    {
      reason: 'group',
      message:
        '{file} has no group {weight}, in which its weights should be: export the model again, with its weights.',
    },
    {
      reason: 'member',
      message: '{file} has no {weight}, in which its weights should be: export the model again, with its weights.',
    },
    {
      reason: 'vocabulary',
      message:
        '{file} holds no vocabulary for the layer {layer} ({class}), which cannot run without: save the model as .keras after adapt(), or give the layer its vocabulary when it is made.',
    },
    { message: '{file} has no weight {weight} for the layer {layer}: export the model again, with all its weights.' },
    { message: 'The weight {weight} is missing: export the model again, with all its weights.' },
    { message: 'A weight is missing: export the model again, with all its weights.' },
  ],
  'shape-mismatch': [
    {
      reason: 'weight',
      message:
        'The layer {layer} needs {weight} in shape {expected}, but {file} holds it as {actual}: topology and weights are not of the same model.',
    },
    {
      message:
        'The layer {layer} in {file} cannot take a tensor of shape {actual}; it needs {expected}: check the layers before it.',
    },
    { message: 'The layer {layer} cannot take a tensor of shape {actual}: it needs {expected}.' },
    { message: 'A tensor of shape {actual} does not fit: {expected} is needed.' },
    { message: 'The layer {layer} cannot take what it is given: check the shapes before it.' },
    { message: 'Shapes do not fit together.' },
  ],
  'bad-weight-entry': [
    { reason: 'duplicate', message: '{file} lists the weight {weight} twice: export the model again.' },
    {
      reason: 'dtype',
      message:
        '{file} lists the weight {weight} with the type {dtype}, which TensorFlow.js does not have: export the model again.',
    },
    {
      reason: 'hdf5-type',
      message: '{file} holds the weight {weight} as {dtype}, which are no numbers of a model: export the model again.',
    },
    {
      reason: 'shape',
      message: '{file} lists the weight {weight} with the impossible shape {shape}: export the model again.',
    },
    {
      reason: 'quantization',
      message:
        '{file} lists the weight {weight} as quantized without saying how ("scale", "min", "dtype"): export the model again.',
    },
    {
      reason: 'paths',
      message:
        '{file} has a weights manifest whose "paths" or "weights" are not lists as they must be: export the model again.',
    },
    { message: '{file} has a weights manifest that cannot be read: export the model again.' },
  ],
  // --- the topology contradicts itself ---
  'broken-graph': [
    { reason: 'self-loop', message: 'In {file}, the layer {layer} reads its own output: export the model again.' },
    {
      reason: 'cycle',
      message: 'In {file}, the layers {layers} wait for each other in a circle: export the model again.',
    },
    {
      reason: 'unknown-layer',
      message:
        'In {file}, the layer {layer} reads from {source}, which the model {model} does not have: export the model again.',
    },
    {
      reason: 'unknown-call',
      message:
        'In {file}, the layer {layer} reads call {call} of {source}, which is called {calls} times: export the model again.',
    },
    {
      reason: 'unknown-call',
      message:
        'In {file}, the model {model} hands out call {call} of {source}, which is called {calls} times: export the model again.',
    },
    {
      reason: 'unknown-output',
      message: 'In {file}, output {output} of {source} is read, which cannot exist: export the model again.',
    },
    {
      reason: 'unknown-port',
      message:
        'In {file}, the model {model} has the input or output {source}, but no layer of that name: export the model again.',
    },
    { message: 'The layers of {file} do not connect: export the model again.' },
  ],
  'duplicate-layer': [
    { message: '{file} has two layers called {layer} in the model {model}: rename one and export the model again.' },
  ],
  'bad-config': [
    {
      reason: 'vocabulary',
      message:
        'The vocabulary of the layer {layer} ({class}) in {file}, {member}, cannot be used: {why}; save the model again.',
    },
    {
      message:
        'The layer {layer} ({class}) in {file} has an impossible {key}: {value}; correct it and export the model again.',
    },
    { message: 'The layer {layer} has an impossible {key}: {value}.' },
    { message: 'A layer has an impossible {key}: {value}.' },
    { message: 'A layer of {file} has a configuration that cannot be.' },
  ],
  // --- refused ---
  'unsafe-path': [
    {
      reason: 'archive',
      message:
        '{file} has an entry {member} that points out of the archive: it was left alone, as nothing is unpacked.',
    },
    {
      message:
        '{file} names the weights file {shard}, which is not in its own folder, so it was not read: put the weights beside {file} and correct the path.',
    },
    {
      message:
        'The weights are not in the folder of the model, so they were not read: put them beside it and correct the path.',
    },
  ],
  'unsafe-link': [
    {
      message: '{file} has {weight} in another file ({target}), which was not followed: export the model as one file.',
    },
    { message: '{file} links to {target} outside of itself, which was not followed: export the model as one file.' },
    { message: 'The file links to something outside of itself, which was not followed: export the model as one file.' },
  ],
  'link-loop': [
    { message: '{file} has a link {weight} that leads in a circle: export the model again.' },
    { message: '{file} has links that lead in a circle: export the model again.' },
  ],
  'too-deep': [
    {
      message:
        '{file} is nested more than {limit} levels deep and was not read: no model needs that, so export it again.',
    },
    { message: 'The layer {layer} is nested too deep: no model needs that.' },
    { message: 'Something is nested more than {limit} levels deep: no model needs that.' },
    { message: 'Something is nested too deep: no model needs that.' },
  ],
  'too-large': [
    { reason: 'calls', message: 'The nested models call each other more than {limit} times: no model needs that.' },
    {
      reason: 'declared',
      message: '{file} declares {bytes} bytes for {weight} but does not hold them: export the model again.',
    },
    {
      reason: 'member',
      message: '{member} of {file} would unpack to {bytes} bytes, which no model needs: export the model again.',
    },
    { message: '{file} has {bytes} bytes, more than the {limit} that are read: choose a smaller file.' },
    { message: 'The member {member} of {file} would need {bytes} bytes: choose a smaller file.' },
    { message: 'The input {input} of shape {shape} would need more than {limit} values: choose smaller dimensions.' },
    { message: '{address} has {values} values, more than the {limit} that are shown.' },
    { message: '{file} is too large.' },
    { message: 'This is too large.' },
  ],
  unsupported: [
    {
      reason: 'compose-graph',
      message: '{file} is a graph-model, which cannot be a layer of a layers-model: choose a layers-model.',
    },
    {
      reason: 'hdf5',
      message:
        '{file} is an HDF5 file where a TensorFlow.js model should be: give it a name that ends in .h5, and open that.',
    },
    {
      reason: 'keras-zip',
      message:
        '{file} is a Keras archive where a TensorFlow.js model should be: give it a name that ends in .keras, and open that.',
    },
    {
      reason: 'hdf5-sizes',
      message: '{file} is an HDF5 file with addresses that are not of 8 bytes: export the model with Keras again.',
    },
    {
      reason: 'hdf5-filter',
      message: '{file} holds {weight} compressed by {filter}, which cannot be undone here: save it with gzip or plain.',
    },
    { reason: 'zip-encrypted', message: '{member} in {file} is encrypted: pack the archive again without a password.' },
    {
      reason: 'zip-method',
      message: '{member} in {file} is packed by method {method}, which is not known: pack it again, or export again.',
    },
    {
      reason: 'keras-weights',
      message: '{file} keeps its weights as {member}, which cannot be read: save it with model.weights.h5 in it.',
    },
    {
      reason: 'keras-npz',
      message:
        '{file} has its weights in {member}, as Python objects, which are never read here, nor by Keras any more: save it with model.weights.h5, by the Keras that wrote it.',
    },
    {
      reason: 'backend',
      message:
        'The backend {backend} cannot be used: the native library in {folder} is made for {system}, and this is {here}.',
    },
    {
      reason: 'backend',
      message:
        'The backend {backend} cannot be used: the package in {folder} is version {version}, and version 4 is needed.',
    },
    {
      reason: 'backend',
      message:
        'The backend {backend} cannot be used: the package in {folder} has no native library ({missing}), because its download was blocked or did not end.',
    },
    {
      reason: 'backend',
      message:
        'The backend {backend} cannot be used: the native library in {folder} ended the process that tried it ({signal}), so it is damaged or made for another processor.',
    },
    {
      reason: 'backend',
      message: 'The backend {backend} cannot be used: the package in {folder} does not load ({error}).',
    },
    {
      reason: 'backend',
      message: 'The backend {backend} cannot be used: @tensorflow/tfjs-node was not found in {folders}.',
    },
    { reason: 'backend', message: 'The backend {backend} cannot be used: {why}.' },
    {
      reason: 'dtype',
      message:
        'The weight {weight} of {file} has the type {dtype}, whose values cannot be read: convert it to float32.',
    },
    {
      reason: 'cut-handle',
      message:
        '{address} ({class}) is no tensor of values but a handle, which means nothing outside of its own run: cut where values run.',
    },
    {
      reason: 'cut-rank',
      message: 'How many axes {address} has is not known, which TF.js must know of an input: cut before or after it.',
    },
    {
      reason: 'cut-shape',
      message:
        'The model declares the shape {declared} for {address} but computes {actual}, so that nothing could be supplied there: cut before or after it.',
    },
    {
      reason: 'cut-attribute',
      message:
        '{address} is an attribute of the class {class}, which {layer} does not hand on, so that no slice can: it can be looked at, or cut once the class gives it as an output.',
    },
    { reason: 'cut-subclassed', message: '{file} has no layer graph to cut: save it as a functional model.' },
    { message: '{file} needs something that is not supported.' },
    { message: 'This is not supported.' },
  ],
  // --- listed when a file opens all the same ---
  'unknown-class': [
    {
      reason: 'registered',
      message:
        'The layer {layer} is of your own class {class}, so that the shapes after it are known only when it runs.',
    },
    {
      reason: 'operation',
      message: '{layer} is the operation {class}, which is not known, so that shapes after it may be unknown.',
    },
    {
      message:
        'The layer {layer} is of the class {class}, which is not known, so the shapes after it are unknown: load it as a custom layer to run the model.',
    },
    { message: 'The class {class} is not known.' },
    { message: 'A class is not known.' },
  ],
  'extra-bytes': [
    {
      message:
        'The weights file {shard} has {bytes} bytes more than the manifest of {file} asks for; they are left alone.',
    },
    { message: 'The weights file has more bytes than its manifest asks for; they are left alone.' },
  ],
  'byte-order-mark': [
    { message: '{file} begins with a byte order mark, which was skipped: TensorFlow.js itself cannot read it so.' },
  ],
  'format-mismatch': [
    { message: '{file} calls itself a {says}, but its topology is a {format}: it is read as that.' },
    { message: 'The file calls itself another kind of model than its topology is: it is read as what it is.' },
  ],
  'extra-weight': [
    {
      reason: 'optimizer',
      message:
        '{file} also holds {count} variables of the optimizer ({weight} …), which running the model does not need.',
    },
    { message: '{file} also holds {count} weights that no layer uses ({weight} …).' },
    { message: 'The file also holds weights that no layer uses.' },
  ],
  'holds-code': [
    {
      message:
        'The layer {layer} in {file} is a Python function, which is never run here: what it computes is unknown.',
    },
    { message: '{file} holds Python code, which is never run here.' },
  ],
  'custom-layers': [
    {
      reason: 'nothing',
      message:
        '{file} registers no class with the TensorFlow.js that its function is given, so that it changes nothing: call tf.serialization.registerClass in it.',
    },
    {
      reason: 'shadows',
      message:
        '{file} registers {classes}, as Keras calls layers of its own: such layers are computed by it, not as Keras does. Give its classes other names if this is not meant.',
    },
    {
      reason: 'untrusted',
      message: 'Modules with custom layers are not loaded as long as this workspace is not trusted.',
    },
    { message: 'Something about the custom layers in {file} is not as it should be.' },
  ],
  'duplicate-entry': [
    { message: '{file} holds two entries {member}: the last one counts.' },
    { message: 'The archive holds two entries of one name: the last one counts.' },
  ],
  // --- use ---
  'unknown-address': [
    {
      reason: 'index',
      message:
        'There is no layer {address}: Keras counts the layers of {model} from 0 to {kerasLast} ({kerasName}), TensorFlow.js from 0 to {tfjsLast} ({tfjsName}).',
    },
    { reason: 'call', message: 'There is no {address}: the layer {layer} is called {calls} times, counted from #1.' },
    { reason: 'output', message: 'There is no {address}: the outputs of {layer} are counted from :0 to :{last}.' },
    { reason: 'inner', message: 'There is no {address}: {why}.' },
    { reason: 'inner', message: 'There is no {address}: nothing called {inner} can be read inside the layer {layer}.' },
    {
      reason: 'attribute',
      message: 'There is no {address}: what {layer} sets on itself in this call is {existing}.',
    },
    { reason: 'no-attributes', message: 'There is no {address}: {layer} sets no tensor on itself in this call.' },
    { reason: 'wrapped', message: 'There is no {address}: of {layer}, {why}. What can be had is {instead}.' },
    { reason: 'pattern', message: 'No layer fits {address}: list the names with "inspect".' },
    { reason: 'nearest', message: 'There is no layer {address} in the model {model}: did you mean {nearest}?' },
    { message: 'There is no layer {address}: list the names with "inspect".' },
    { message: 'There is no such layer: list the names with "inspect".' },
  ],
  'unknown-tensor': [
    { message: 'There is no tensor {address}: list the names with "inspect".' },
    { message: 'There is no such tensor: list the names with "inspect".' },
  ],
  'cut-open': [
    {
      reason: 'split',
      message:
        'A split at {address} leaves {missing} to be handed over too: split at {nearest}, where one tensor is enough.',
    },
    { reason: 'split', message: 'A split at {address} leaves {missing} to be handed over too.' },
    { message: 'The cut of {file} is not closed: {missing} must become inputs too (--close adds them).' },
    { message: 'The cut is not closed: {missing} must become inputs too (--close adds them).' },
    { message: 'The cut is not closed: more tensors must become inputs.' },
  ],
  'mask-crosses': [
    { message: 'The mask that {source} makes crosses this cut at {address}: start before {source}.' },
    { message: 'A mask crosses this cut: start before the layer that makes it.' },
  ],
  'control-flow': [
    {
      message:
        'This cut needs {address} ({class}), a part of a TensorFlow 1 loop or branch, which runs only as a whole: start behind it, at {after}.',
    },
    {
      message:
        '{address} ({class}) is a part of a TensorFlow 1 loop or branch, which runs only as a whole: cut before or behind it.',
    },
    { message: 'This cut goes through a loop or branch, which runs only as a whole.' },
  ],
  'not-runnable': [
    { reason: 'custom-layers', message: 'The custom layers in {file} cannot be loaded: {why}.' },
    {
      reason: 'typescript',
      message:
        '{file} is TypeScript, which cannot be run here (Node {node}): compile it with "npx tsc --module commonjs --target es2022", and give the JavaScript file.',
    },
    {
      reason: 'unknown-class',
      message:
        '{file} cannot be run: nothing here computes {layers} ({classes}); give a JavaScript module that registers the class (setting modelSlicer.customLayers, --custom-layers; "model-slicer stub" writes one).',
    },
    {
      reason: 'lambda',
      message:
        '{file} cannot be run: {layers} are Python functions in Lambda layers, which are never run here. Give a JavaScript module that registers {replacements} in their place (setting modelSlicer.customLayers, --custom-layers; "model-slicer stub" writes one).',
    },
    {
      reason: 'subclassed',
      message:
        'The model {model} in {file} is a Python class ({class}), and how it calls its layers is not in the file: they can be seen, not run or cut. Save it as a functional model.',
    },
    { reason: 'custom-weights', message: 'The custom layer {layers} ({classes}) cannot take its weights: {reasons}.' },
    { reason: 'call', message: 'Running stopped at {layers} ({classes}): {reasons}.' },
    { message: '{file} cannot be run, because of {layers} ({classes}): {reasons}.' },
    { message: 'The model cannot be run, because of {layers} ({classes}): {reasons}.' },
    { message: 'The model cannot be run: {why}.' },
    { message: 'The model cannot be run.' },
  ],
  'not-exportable': [
    { reason: 'format', message: 'A slice of {file} cannot be saved as {format}: {why}.' },
    { message: 'The slice cannot be saved, because of the layer {address}: {why}.' },
    { message: 'The slice cannot be saved so that what reads it computes it right.' },
  ],
  'bad-input': [
    {
      reason: 'wrong-shape',
      message: '{file} has the shape {actual}, but the input {input} needs {expected}: reshape the data.',
    },
    {
      reason: 'wrong-shape',
      message: 'The shape {actual} does not fit the input {input}, which needs {expected}: reshape the data.',
    },
    {
      reason: 'not-integer',
      message: '{file} holds {value} at position {index}, but the input {input} takes whole numbers: round the data.',
    },
    { reason: 'not-number', message: '{file} holds text, but the input {input} takes numbers.' },
    { reason: 'not-string', message: '{file} holds numbers, but the input {input} takes text.' },
    {
      reason: 'not-a-picture-input',
      message: 'The input {input} of shape {expected} takes no picture: give it an array instead of {file}.',
    },
    { reason: 'bad-dimension', message: 'Axis {axis} of the input {input} ({expected}) cannot be {value}.' },
    {
      reason: 'dimension-fixed',
      message: 'Axis {axis} of the input {input} is {size} in the model and cannot be {value}.',
    },
    { reason: 'shape-unknown', message: 'The shape of the input {input} is not known: give it an array.' },
    { reason: 'unknown-input', message: 'The model has no input {input}: its inputs are {inputs}.' },
    { reason: 'unknown-input', message: 'The model has no input {input}: its inputs are {names}.' },
    { reason: 'unknown-kind', message: '{file} cannot be the value of the input {input}: {detail}.' },
    { reason: 'missing', message: 'The input {input} has no value: give it one.' },
    { reason: 'rejected', message: 'The model does not take this input: {why}.' },
    { reason: 'strings', message: '{address} holds text, which has no picture.' },
    { reason: 'channel', message: '{address} has {expected} channels, counted from 0: there is no {actual}.' },
    { reason: 'missing-file', message: '{file} is not there: check its name.' },
    { reason: 'unreadable-file', message: '{file} cannot be read ({detail}): check its rights.' },
    { reason: 'not-a-file', message: '{file} is not a file: choose a file.' },
    { reason: 'not-npy', message: '{file} is not an .npy array: save it with numpy.save.' },
    { reason: 'npy-header', message: '{file} has an .npy header that cannot be read: save it again with numpy.save.' },
    {
      reason: 'npy-truncated',
      message: '{file} is too short: {expected} bytes are due and {actual} are there; save it again.',
    },
    { reason: 'npy-objects', message: '{file} holds Python objects, which are not read: save plain numbers.' },
    {
      reason: 'npy-type',
      message: '{file} holds values of the type {type}, which are not read: save them as float32.',
    },
    { reason: 'integer-range', message: '{file} holds {value}, which is too large for exact whole numbers.' },
    { reason: 'not-npz', message: '{file} is not an .npz archive: save it with numpy.savez.' },
    { reason: 'npz-broken', message: '{file} is a damaged .npz archive (member {member}): save it again.' },
    { reason: 'npz-broken', message: '{file} is a damaged .npz archive: save it again.' },
    { reason: 'npz-member', message: '{file} has no array {member}: it has {names}.' },
    { reason: 'not-json', message: '{file} is not valid JSON: {detail}.' },
    { reason: 'too-deep', message: '{file} is nested more than {limit} levels deep: no tensor has that many axes.' },
    { reason: 'ragged', message: '{file} is not a regular array: the lists at {at} differ in length.' },
    { reason: 'json-value', message: '{file} holds {found} at {at}, where a number or text must be.' },
    { reason: 'json-member', message: '{file} has no array {member}: it has {names}.' },
    { message: '{file} cannot be used as input: {detail}.' },
    { message: '{file} cannot be used for the input {input}.' },
    { message: 'This input cannot be used.' },
  ],
  'bad-picture': [
    { reason: 'not-a-picture', message: '{file} is neither a PNG nor a JPEG picture: choose one of these.' },
    { reason: 'truncated', message: 'The picture {file} ends too early: copy or download it again.' },
    {
      reason: 'too-many-pixels',
      message:
        'The picture {file} has {width} × {height} pixels, more than the {limit} that are read: make it smaller.',
    },
    {
      reason: 'unsupported',
      message: 'The picture {file} is of a kind that is not read ({detail}): save it as an ordinary PNG.',
    },
    { message: 'The picture {file} is damaged: save it again as PNG or JPEG.' },
    { message: 'The picture is damaged.' },
  ],
  'target-exists': [
    { reason: 'source', message: '{file} is the model itself, which is never overwritten: choose another name.' },
    { message: '{file} exists already: choose another name, or overwrite it (--force).' },
    { message: '{target} exists already: choose another name, or overwrite it (--force).' },
    { message: 'The target exists already: choose another name, or overwrite it (--force).' },
  ],
  'write-failed': [
    {
      reason: 'space',
      message:
        '{file} has packed weights, for whose {bytes} bytes there is no space in {folder}: make some, or save the model with Keras, which does not pack.',
    },
    { message: '{file} could not be written ({reason}): check the rights and the space on the disk.' },
    { message: 'Writing failed: check the rights and the space on the disk.' },
  ],
  'install-failed': [
    {
      reason: 'no-npm',
      message:
        'The native backend is installed by npm, which is not on the PATH: install Node.js, which brings it, and start VS Code again.',
    },
    { reason: 'running', message: 'The native backend is being installed already.' },
    {
      reason: 'packages',
      message: 'npm could not fetch {package} ({why}): nothing was changed, the log has what it wrote.',
    },
    {
      reason: 'library',
      message:
        "TensorFlow's library could not be fetched from {source} ({why}): where the network blocks it, name a mirror in TFJS_NODE_CDN_STORAGE and npm_config_tfjs_binding_binary_host_mirror, or a folder that has it in modelSlicer.nativeBackendPath. Nothing was changed, the log has what npm wrote.",
    },
    {
      reason: 'in-use',
      message: 'What was installed before in {folder} is in use: close all models, and install again.',
    },
    { message: 'The native backend could not be installed: the log says more.' },
  ],
  'unknown-recipe': [
    { message: 'There is no recipe {recipe}: the recipes are {recipes}.' },
    { message: 'There is no such recipe: list them with "code --list".' },
  ],
  'recipe-does-not-fit': [
    { message: 'The recipe {recipe} does not fit this model: {why}.' },
    { message: 'The recipe does not fit this model: {why}.' },
    { message: 'The recipe does not fit this model.' },
  ],
  'does-not-fit': [
    {
      reason: 'dtype',
      message: '{given} gives {actual}, but {wanted} takes {expected}: have it adapted ({adapter}).',
    },
    { reason: 'dtype', message: '{given} gives {actual}, but {wanted} takes {expected}: choose another cut.' },
    {
      reason: 'rank',
      message:
        '{given} gives the shape {actual}, but {wanted} takes {expected}, with another number of axes: have it adapted ({adapter}).',
    },
    {
      reason: 'rank',
      message:
        '{given} gives the shape {actual}, but {wanted} takes {expected}, with another number of axes: choose another cut.',
    },
    {
      reason: 'shape',
      message: '{given} gives the shape {actual}, but {wanted} takes {expected}: have it adapted ({adapter}).',
    },
    {
      reason: 'shape',
      message: '{given} gives the shape {actual}, but {wanted} takes {expected}: choose another cut.',
    },
    {
      reason: 'channels',
      message:
        '{given} gives the shape {actual}, but {wanted} takes {expected}, with other channels: have it adapted ({adapter}).',
    },
    {
      reason: 'channels',
      message:
        '{given} gives the shape {actual}, but {wanted} takes {expected}, with other channels: choose another cut.',
    },
    {
      reason: 'batch',
      message: '{wanted} takes batches of {expected} only, and {given} gives others: choose another cut.',
    },
    {
      reason: 'whole-numbers',
      message:
        '{wanted} looks words up by whole numbers from 0 to {max}, which {given} does not give: choose another cut.',
    },
    {
      reason: 'range',
      message: '{given} gives values of {actual}, but {wanted} reads {expected}: have it adapted ({adapter}).',
    },
    { reason: 'range', message: '{given} gives values of {actual}, but {wanted} reads {expected}: scale them.' },
    {
      reason: 'count',
      message: '{wanted} takes {expected} tensors and is given {actual}: choose as many outputs as it has inputs.',
    },
    {
      reason: 'open-size',
      message:
        'The layer {layer} needs sizes that are open in {actual}: say the shape of the input, or choose another layer.',
    },
    {
      reason: 'pool',
      message: 'A tensor of shape {actual} cannot be pooled: flatten it, or leave it as it is.',
    },
    { reason: 'normalize', message: 'There are {expected} means for {actual} channels: choose another scaling.' },
    { message: 'The parts do not fit together: choose other parts, or have them adapted.' },
  ],
  usage: [
    { reason: 'dropout', message: 'A dropout rate is from 0 to below 1, not {value}.' },
    { reason: 'activation', message: '{value} is no activation that TensorFlow.js has: choose one of {known}.' },
    { reason: 'adapter', message: 'A layer of the kind {kind} has sizes or numbers that cannot be: correct them.' },
    { reason: 'units', message: 'A dense layer has a whole number of units from 1 on, not {value}.' },
    {
      reason: 'too-many-weights',
      message:
        'The new layer {layer} would have a weight of shape {shape}, which is too large: pool before it, or use fewer units.',
    },
    { reason: 'too-large-resize', message: 'Resizing from {actual} to {expected} is too large: use smaller pictures.' },
    {
      reason: 'before-several',
      message: 'Layers can stand before a part with one input, and this one has {count}: adapt them in your own code.',
    },
    { reason: 'input-shape', message: 'Say the shape of the new input, too: these layers change it.' },
    { reason: 'shared-sequence', message: 'A part can share its weights with itself side by side only.' },
    { reason: 'shared-other', message: 'Only one model, cut in one way, can share its weights with itself.' },
    {
      reason: 'stub',
      message:
        '{address} is of the class {class}, which needs no class of your own: choose a layer whose class is unknown, or a Lambda.',
    },
    { reason: 'split-before', message: 'Nothing comes before {address} that could be split off.' },
    { reason: 'split-after', message: 'Nothing comes after {address} that could be split off.' },
    { reason: 'expression', message: '{pattern} is no expression that can be used: write a simpler one.' },
    { reason: 'start', message: '{address} reads no tensor: it cannot be the start of a cut.' },
    { message: '{detail}' },
    { message: 'This is not how the command is used: see --help.' },
  ],
  'verification-failed': [
    {
      reason: 'input-shape',
      message:
        'The input {input} of the slice takes the shape {actual}, but {address} has {expected}: it is not a slice of this model with this cut.',
    },
    {
      reason: 'input-dtype',
      message:
        'The input {input} of the slice takes {actual}, but {address} is {expected}: it is not a slice of this model with this cut.',
    },
    {
      reason: 'recorded-cut',
      message:
        '{slice} says that it was cut at {address}, which {file} does not have: it is not a slice of this model.',
    },
    {
      reason: 'other-source',
      message:
        'The slice says that it was cut from another model, and differs from this one by {maxAbsDiff} at {address}.',
    },
    {
      reason: 'changed-weights',
      message:
        'The slice differs from the original by {maxAbsDiff} at {address}: its weights are not the bytes that were written.',
    },
    {
      reason: 'parts',
      message: 'The model put together from its parts differs by {maxAbsDiff} at {address} from the model as a whole.',
    },
    { reason: 'shape', message: 'The slice gives {address} in another shape than the original.' },
    { reason: 'dtype', message: 'The slice gives {address} in another type than the original.' },
    { reason: 'text', message: 'The slice gives other text than the original at {address}.' },
    { reason: 'NaN', message: 'NaN stands at other places of {address} in the slice than in the original.' },
    {
      reason: 'Infinity',
      message: 'Infinities stand at other places of {address}, or have other signs, in the slice than in the original.',
    },
    {
      message:
        'The slice differs from the original by {maxAbsDiff} at {address} for the data {data}, more than the {tolerance} that are allowed.',
    },
    {
      message:
        'The slice differs from the original by {maxAbsDiff} at {address}, more than the {tolerance} that are allowed.',
    },
    {
      message:
        'The slice has {actual} {reason} where {expected} are due: it is not a slice of this model with this cut.',
    },
    { message: 'The slice does not give the same numbers as the original.' },
  ],
  'handle-gone': [
    {
      reason: 'not-repeatable',
      message:
        '{address} did not fit into memory, and the model gives other values for it each time: raise the limit (setting modelSlicer.engine.memoryLimit), or run fewer layers.',
    },
    { message: 'These values are gone since the last run: run the model again.' },
  ],
  'file-changed': [
    { message: '{file} changed on the disk while it was being read: try again.' },
    { message: 'The model changed on the disk: try again.' },
  ],
  'engine-crashed': [
    { reason: 'stopped', message: 'The engine process did not answer and was stopped: try again; the log says more.' },
    {
      reason: 'silent',
      message: 'The engine process was silent for too long and was stopped: try again; the log says more.',
    },
    {
      reason: 'repeated',
      message:
        'This has ended the engine process {times} times and is not tried again until the file changes or is opened anew; the log says more.',
    },
    {
      reason: 'memory',
      message: 'The engine process had no memory left and ended: try again with a smaller input or batch.',
    },
    { message: 'The engine process could not start ({why}): the log says more.' },
    {
      message:
        'The engine process was ended by {signal}: try again, with a smaller input if this repeats; the log says more.',
    },
    { message: 'The engine process ended unexpectedly (exit code {exitCode}): try again; the log says more.' },
    { message: 'The engine process ended unexpectedly: try again; the log says more.' },
  ],
  'out-of-memory': [
    {
      reason: 'live',
      message:
        'This needs about {needed} MB of memory (at {address}), more than the {allowed} MB that the engine may take: choose a smaller input or batch, or raise the limit (setting modelSlicer.engine.memoryLimit, --memory-limit).',
    },
    {
      reason: 'heap',
      message:
        'The layer {address} needs more memory than WebAssembly has, which is 4 GB: choose a smaller input or batch, or another backend.',
    },
    {
      reason: 'heap',
      message: 'This needs more memory than WebAssembly has, which is 4 GB: choose a smaller input or another backend.',
    },
    {
      reason: 'control-flow',
      message:
        'The values of all nodes do not fit into the {allowed} MB that the engine may take, and a graph with loops or branches cannot be run in parts: choose some nodes, or raise the limit (setting modelSlicer.engine.memoryLimit, --memory-limit).',
    },
    { message: 'The layer {address} needs more memory than there is: choose a smaller input or batch.' },
    { message: 'There is not enough memory: choose a smaller input or batch.' },
  ],
  cancelled: [{ message: 'Cancelled.' }],
  closed: [{ message: 'The model was closed.' }],
  internal: [
    { message: 'This is a fault of Model Slicer itself ({detail}): please report it.' },
    { message: 'This is a fault of Model Slicer itself ({reason}): please report it.' },
    { message: 'This is a fault of Model Slicer itself: please report it.' },
  ],
};
