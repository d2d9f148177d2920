// @vladmandic/human on photos: node human.mjs FOLDER FILE N HEIGHT WIDTH OUT; FOLDER has node_modules, FILE the bytes of
// N grey pictures. It finds the face, turns it by its mesh and reads the expression, as it comes; all else is off.
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const [folder, file, count, height, width, out] = process.argv.slice(2);
const [rows, columns] = [Number(height), Number(width)];
const require = createRequire(join(folder, 'package.json'));
const home = join(folder, 'node_modules/@vladmandic/human');
const wasmPath = dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + '/';
const models = createServer((request, response) => response.end(readFileSync(join(home, 'models', request.url))));
await new Promise((ready) => models.listen(0, '127.0.0.1', ready)); // it fetches models, and Node fetches no files
const off = { enabled: false };
const { Human } = require(join(home, 'dist/human.node-wasm.js'));
const human = new Human({
  backend: 'wasm', wasmPath, modelBasePath: `http://127.0.0.1:${models.address().port}/`, cacheSensitivity: 0,
  face: { iris: off, description: off, emotion: { enabled: true, minConfidence: 0 } },
  body: off, hand: off, object: off, gesture: off, filter: off,
});
await human.load();
models.close();

const bytes = readFileSync(file);
const answers = [];
const milliseconds = [];
for (let picture = 0; picture < Number(count); picture++) {
  const grey = Float32Array.from(bytes.subarray(picture * rows * columns, (picture + 1) * rows * columns));
  const began = performance.now();
  const image = human.tf.tidy(() => human.tf.tile(human.tf.tensor(grey, [1, rows, columns, 1]), [1, 1, 1, 3]));
  const { face, error } = await human.detect(image);
  if (error) throw new Error(error);
  image.dispose();
  milliseconds.push(performance.now() - began);
  const [largest] = face.sort((one, other) => other.box[2] * other.box[3] - one.box[2] * one.box[3]);
  answers.push(largest && Object.fromEntries(largest.emotion.map(({ emotion, score }) => [emotion, score])));
}
const classes = Object.keys(answers.find((answer) => answer));
const probabilities = answers.map((answer) => (answer ? classes.map((name) => answer[name] ?? 0) : null));
writeFileSync(out, JSON.stringify({ version: human.version, classes, probabilities, milliseconds }));
process.exit();
