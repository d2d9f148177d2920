// @vladmandic/face-api on faces: node face_api.mjs FOLDER FACES N OUT; FOLDER has node_modules, FACES N·48·48 grey bytes.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const [folder, faces, count, out] = process.argv.slice(2);
const require = createRequire(join(folder, 'package.json'));
const wasm = require('@tensorflow/tfjs-backend-wasm');
wasm.setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + '/');
wasm.setThreadsCount(1);
const api = require('@vladmandic/face-api/dist/face-api.node-wasm.js');
await api.tf.setBackend('wasm');
await api.tf.ready();
await api.nets.faceExpressionNet.loadFromDisk(join(folder, 'node_modules/@vladmandic/face-api/model'));

const bytes = readFileSync(faces);
const answers = [];
const milliseconds = [];
for (let face = 0; face < Number(count); face++) {
  const grey = Int32Array.from(bytes.subarray(face * 2304, (face + 1) * 2304));
  const began = performance.now();
  const image = api.tf.tidy(() => api.tf.tensor3d(grey, [48, 48, 1], 'int32').tile([1, 1, 3]));
  answers.push(await api.nets.faceExpressionNet.predictExpressions(image));
  image.dispose();
  milliseconds.push(performance.now() - began);
}
const classes = Object.keys(answers[0]);
const probabilities = answers.map((answer) => classes.map((name) => answer[name]));
const { version } = require('@vladmandic/face-api/package.json');
writeFileSync(out, JSON.stringify({ version, classes, probabilities, milliseconds }));
