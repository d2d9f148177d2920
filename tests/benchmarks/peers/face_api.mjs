// @vladmandic/face-api on pictures: node face_api.mjs FOLDER FILE N HEIGHT WIDTH OUT; FOLDER has node_modules, FILE the
// bytes of N grey pictures. One of 48×48 is taken as a face; in a larger one it looks for faces, by its usual detector.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const [folder, file, count, height, width, out] = process.argv.slice(2);
const [rows, columns] = [Number(height), Number(width)];
const require = createRequire(join(folder, 'package.json'));
const wasm = require('@tensorflow/tfjs-backend-wasm');
wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + '/');
wasm.setThreadsCount(1);
const api = require('@vladmandic/face-api/dist/face-api.node-wasm.js');
await api.tf.setBackend('wasm');
await api.tf.ready();
const models = join(folder, 'node_modules/@vladmandic/face-api/model');
await api.nets.faceExpressionNet.loadFromDisk(models);
await api.nets.ssdMobilenetv1.loadFromDisk(models);

const bytes = readFileSync(file);
const answers = [];
const milliseconds = [];
for (let picture = 0; picture < Number(count); picture++) {
  const grey = Int32Array.from(bytes.subarray(picture * rows * columns, (picture + 1) * rows * columns));
  const began = performance.now();
  const image = api.tf.tidy(() => api.tf.tensor3d(grey, [rows, columns, 1], 'int32').tile([1, 1, 3]));
  if (rows === 48 && columns === 48) {
    answers.push(await api.nets.faceExpressionNet.predictExpressions(image));
  } else {
    answers.push((await api.detectSingleFace(image).withFaceExpressions())?.expressions);
  }
  image.dispose();
  milliseconds.push(performance.now() - began);
}
const classes = Object.keys(answers.find((answer) => answer));
const probabilities = answers.map((answer) => (answer ? classes.map((name) => answer[name]) : null));
const { version } = require('@vladmandic/face-api/package.json');
writeFileSync(out, JSON.stringify({ version, classes, probabilities, milliseconds }));
