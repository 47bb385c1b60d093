/** Where the model fixtures are: in the repository, or in the folder that `MODEL_SLICER_FIXTURES` names. */
import path from 'node:path';

const root = process.env.MODEL_SLICER_FIXTURES ?? path.join(__dirname, 'fixtures');

/** Models made by Keras, with what Keras says of them: `fixtures/keras/README.md`. */
export const keras = path.join(root, 'keras');
/** Pictures as Keras loads them: `fixtures/images/README.md`. */
export const images = path.join(root, 'images');
export const teachableMachine = path.join(root, 'teachable-machine');
