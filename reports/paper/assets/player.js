// What a trained network computes, in plain loops around one product of matrices in WebAssembly (kernel.wat).
// It calls nothing outside itself, since its source also becomes a worker.
const arithmetic = (kernel) => {
  const bytes = (text) => {
    const letters = atob(text), found = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) found[i] = letters.charCodeAt(i);
    return found;
  };
  const compiled = new WebAssembly.Module(bytes(kernel));
  const upTo = (n, step) => Math.ceil(n / step) * step;

  const half = (code) => {
    const exponent = (code >> 10) & 31, part = (code & 1023) / 1024; // finite, as weights are
    return (code & 0x8000 ? -1 : 1) * (exponent ? 2 ** (exponent - 15) * (1 + part) : 2 ** -14 * part);
  };
  let halves = null; // every float16, by its code
  const halfFloats = (text) => {
    halves ??= Float32Array.from({ length: 65536 }, (_, code) => half(code));
    const codes = new Uint16Array(bytes(text).buffer), floats = new Float32Array(codes.length);
    for (let i = 0; i < codes.length; i++) floats[i] = halves[codes[i]];
    return floats;
  };

  // Where the taps of a window start in an image [channels, rows of `width`], and where its outputs do.
  const windows = (channels, width, plane, kernel, stride, across, down) => {
    const taps = new Int32Array(channels * kernel * kernel);
    let k = 0;
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < kernel; y++)
        for (let x = 0; x < kernel; x++) taps[k++] = c * plane + y * width + x;
    const places = new Int32Array(upTo(across * down, 8));
    for (let i = 0; i < across * down; i++)
      places[i] = Math.floor(i / across) * stride * width + (i % across) * stride;
    return [taps, places];
  };

  // A network as `portable.py` writes it → a function from an image [C · H · W] to its numbers.
  const network = ({ layers, image, weights, factors }) => {
    const halfs = halfFloats(weights), floats = new Float32Array(bytes(factors).buffer);
    const memory = new WebAssembly.Memory({ initial: 1 });
    const multiply = new WebAssembly.Instance(compiled, { page: { memory } }).exports.multiply;
    let used = 0;
    const claim = (n) => { // bytes of 32-bit numbers at the end of the memory
      const at = used;
      used = upTo(used + 4 * n, 32);
      const lacking = used - memory.buffer.byteLength;
      if (lacking > 0) memory.grow(Math.ceil(lacking / 65536));
      return at;
    };
    const view = (at, n) => new Float32Array(memory.buffer, at, n);

    const place = (channels, height, width) => { // room for a value: rows of whole panels
      const stride = upTo(height * width, 8);
      return { channels, height, width, stride, at: claim(upTo(channels, 4) * stride) };
    };
    const values = [place(...image)];

    const product = (layer, from) => {
      const flat = layer.op === 'linear';
      const { kernel, stride, pad } = flat ? { kernel: 1, stride: 1, pad: 0 } : layer;
      const [channels, height, width] = flat
        ? [from.channels * from.height * from.width, 1, 1] : [from.channels, from.height, from.width];
      const across = Math.floor((width + 2 * pad - kernel) / stride) + 1;
      const down = Math.floor((height + 2 * pad - kernel) / stride) + 1;
      const to = place(layer.out, down, across);
      const depth = channels * kernel * kernel, blocks = upTo(layer.out, 4) / 4;
      const [packed, bias] = [claim(4 * blocks * depth), claim(4 * blocks)];
      const panel = claim(8 * depth);
      const wide = width + 2 * pad, plane = wide * (height + 2 * pad);
      const padded = claim(channels * plane);
      const fill = () => {
        const to4 = view(packed, 4 * blocks * depth), biases = view(bias, 4 * blocks);
        for (let row = 0; row < layer.out; row++) {
          biases[row] = floats[layer.factors + layer.out + row];
          const factor = floats[layer.factors + row], start = layer.weights + row * depth;
          for (let k = 0; k < depth; k++)
            to4[(row >> 2) * 4 * depth + 4 * k + (row & 3)] = halfs[start + k] * factor;
        }
      };
      const [taps, places] = windows(channels, wide, plane, kernel, stride, across, down);
      const run = () => {
        const source = view(from.at, from.channels * from.stride), inner = view(padded, channels * plane);
        if (flat) {
          const each = from.height * from.width;
          for (let c = 0; c < from.channels; c++)
            inner.set(source.subarray(c * from.stride, c * from.stride + each), c * each);
        } else
          for (let c = 0; c < channels; c++)
            for (let y = 0; y < height; y++) {
              const start = c * from.stride + y * width;
              inner.set(source.subarray(start, start + width), c * plane + (y + pad) * wide + pad);
            }
        const columns = view(panel, 8 * depth);
        for (let first = 0; first < places.length; first += 8) {
          const [p0, p1, p2, p3, p4, p5, p6, p7] = places.subarray(first, first + 8);
          for (let k = 0, at = 0; k < depth; k++, at += 8) {
            const tap = taps[k];
            columns[at] = inner[tap + p0];
            columns[at + 1] = inner[tap + p1];
            columns[at + 2] = inner[tap + p2];
            columns[at + 3] = inner[tap + p3];
            columns[at + 4] = inner[tap + p4];
            columns[at + 5] = inner[tap + p5];
            columns[at + 6] = inner[tap + p6];
            columns[at + 7] = inner[tap + p7];
          }
          multiply(packed, bias, panel, to.at + 4 * first, blocks, depth, 4 * to.stride, layer.relu ? 1 : 0);
        }
      };
      return { to, fill, run };
    };

    const pool = (layer, from) => {
      const { kernel, stride, pad, mean } = layer;
      const across = Math.floor((from.width + 2 * pad - kernel) / stride) + 1;
      const down = Math.floor((from.height + 2 * pad - kernel) / stride) + 1;
      const to = place(from.channels, down, across);
      const run = () => {
        const source = view(from.at, from.channels * from.stride), result = view(to.at, to.channels * to.stride);
        for (let c = 0; c < from.channels; c++)
          for (let y = 0; y < down; y++)
            for (let x = 0; x < across; x++) {
              let best = mean ? 0 : -Infinity;
              for (let v = Math.max(0, y * stride - pad); v < Math.min(from.height, y * stride - pad + kernel); v++)
                for (let u = Math.max(0, x * stride - pad); u < Math.min(from.width, x * stride - pad + kernel); u++) {
                  const value = source[c * from.stride + v * from.width + u];
                  best = mean ? best + value / (kernel * kernel) : Math.max(best, value);
                }
              result[c * to.stride + y * across + x] = best;
            }
      };
      return { to, run };
    };

    const average = (layer, from) => { // to `size` × `size`, as torch's adaptive pooling
      const { size } = layer, to = place(from.channels, size, size);
      const span = (i, n) => [Math.floor((i * n) / size), Math.ceil(((i + 1) * n) / size)];
      const run = () => {
        const source = view(from.at, from.channels * from.stride), result = view(to.at, to.channels * to.stride);
        for (let c = 0; c < from.channels; c++)
          for (let i = 0; i < size * size; i++) {
            const [top, bottom] = span(Math.floor(i / size), from.height), [left, right] = span(i % size, from.width);
            let sum = 0;
            for (let y = top; y < bottom; y++)
              for (let x = left; x < right; x++) sum += source[c * from.stride + y * from.width + x];
            result[c * to.stride + i] = sum / ((bottom - top) * (right - left));
          }
      };
      return { to, run };
    };

    const pointwise = (layer, from) => { // the sum of one or two values, and ReLU
      const to = place(from.channels, from.height, from.width), other = layer.other === undefined ? null : values[layer.other];
      const run = () => {
        const n = to.channels * to.stride, a = view(from.at, n), result = view(to.at, n), b = other && view(other.at, n);
        for (let i = 0; i < n; i++) {
          const sum = b ? a[i] + b[i] : a[i];
          result[i] = layer.relu && sum < 0 ? 0 : sum;
        }
      };
      return { to, run };
    };

    const makers = { conv: product, linear: product, pool, average, add: pointwise, relu: pointwise };
    const steps = layers.map((layer) => {
      const step = makers[layer.op](layer, values[layer.input]);
      values.push(step.to);
      return step;
    });
    steps.forEach((step) => step.fill?.());
    const [first, last] = [values[0], values[values.length - 1]];
    return (pixels) => {
      const each = first.height * first.width, start = view(first.at, first.channels * first.stride);
      for (let c = 0; c < first.channels; c++) start.set(pixels.subarray(c * each, (c + 1) * each), c * first.stride);
      steps.forEach((step) => step.run());
      const result = new Float32Array(last.channels);
      const end = view(last.at, last.channels * last.stride);
      return result.map((_, i) => end[i * last.stride]);
    };
  };

  // Bytes of a face → what a network reads: (x / 255 - 0.5) / 0.25.
  const normalise = (face) => Float32Array.from(face, (value) => (value / 255 - 0.5) / 0.25);

  // An image [size · size] read on theta's grid as torch's affine_grid and grid_sample do it; zero outside.
  const warp = (image, theta, size) => {
    const [a, b, x0, c, d, y0] = theta, result = new Float32Array(size * size);
    const at = (x, y) => (x < 0 || y < 0 || x >= size || y >= size ? 0 : image[y * size + x]);
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++) {
        const u = (2 * j + 1) / size - 1, v = (2 * i + 1) / size - 1;
        const x = ((a * u + b * v + x0 + 1) * size - 1) / 2, y = ((c * u + d * v + y0 + 1) * size - 1) / 2;
        const left = Math.floor(x), top = Math.floor(y), fx = x - left, fy = y - top;
        result[i * size + j] =
          (1 - fy) * ((1 - fx) * at(left, top) + fx * at(left + 1, top)) +
          fy * ((1 - fx) * at(left, top + 1) + fx * at(left + 1, top + 1));
      }
    return result;
  };

  // The theta of two warps in a row, `inner` first: warp(warp(image, outer), inner).
  const compose = (outer, inner) => {
    const [a, b, x, c, d, y] = outer, [e, f, u, g, h, v] = inner;
    return [a * e + b * g, a * f + b * h, a * u + b * v + x, c * e + d * g, c * f + d * h, c * u + d * v + y];
  };

  // A localisation net → a function from an image, normalised, to theta.
  const transformer = (spec) => {
    if (spec.theta) return () => spec.theta;
    const net = network(spec), size = spec.image[1];
    const look = (image) => Array.from(net(image), (value, i) => value + (i === 0 || i === 4 ? 1 : 0));
    return (image) => {
      let theta = look(image);
      for (let i = 1; i < (spec.warps ?? 1); i++) theta = compose(theta, look(warp(image, theta, size)));
      return theta;
    };
  };

  // A classifier → a function from an image, normalised, to the probabilities of its classes.
  const classifier = (spec) => {
    const net = network(spec);
    return (image) => {
      const logits = net(image).map((value) => value / spec.temperature), top = Math.max(...logits);
      const powers = logits.map((value) => Math.exp(value - top)), sum = powers.reduce((a, b) => a + b);
      return Array.from(powers, (value) => value / sum);
    };
  };

  return { normalise, warp, compose, transformer, classifier };
};

// A face to turn, what a spatial transformer makes of it, and what a classifier then answers.
const ferPlayer = (() => {
  const SIZE = 48, CANVAS = 480, MARGIN = 48, LINES = 9;
  const GRID = '#d55e00', SQUARE = '#0072b2';
  const STILL = { turn: 0, size: 1, across: 0, down: 0, light: 0 };
  const RANGES = {
    turn: ['Turn', -60, 60, 1, (v) => `${signed(v, 0)}°`], size: ['Size', 0.5, 2, 0.02, (v) => `×${v.toFixed(2)}`],
    across: ['Sideways', -0.6, 0.6, 0.02, (v) => signed(v, 2)], down: ['Up, down', -0.6, 0.6, 0.02, (v) => signed(v, 2)],
    light: ['Light', -1, 1, 0.05, (v) => signed(v, 2)],
  };
  const signed = (value, digits) => {
    const text = Math.abs(value).toFixed(digits);
    return Number(text) === 0 ? text : `${value < 0 ? '−' : '+'}${text}`;
  };
  const degrees = (theta) => (Math.atan2(theta[3], theta[0]) * 180) / Math.PI;
  const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

  // Networks by name, each a promise: from the page itself, or from a script beside it.
  const here = new Map(), asked = new Map();
  const add = (name, spec) => here.set(name, spec);
  const fetchNetwork = (name, folder) => {
    if (!asked.has(name))
      asked.set(name, new Promise((done, fail) => {
        if (here.has(name)) return done(here.get(name));
        const script = document.createElement('script');
        script.src = `${folder}/${name}.js`;
        script.onload = () => done(here.get(name));
        script.onerror = () => { asked.delete(name); fail(new Error(`${script.src} is not there.`)); };
        document.head.append(script);
      }));
    return asked.get(name);
  };

  // Classifiers run beside the page, so that none holds up a drag.
  const inWorker = (kernel) => {
    const source = `const arithmetic = ${arithmetic}; const math = arithmetic(${JSON.stringify(kernel)}); const nets = {};
      onmessage = ({ data: { name, spec, images } }) => {
        if (spec) nets[name] = math.classifier(spec);
        postMessage(images.map((image) => nets[name](image)));
      };`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })));
    const sent = new Set();
    let queue = Promise.resolve();
    return (name, spec, images) => {
      queue = queue.catch(() => {}).then(() => new Promise((done, fail) => {
        worker.onmessage = ({ data }) => done(data);
        worker.onerror = (event) => fail(new Error(event.message));
        worker.postMessage({ name, spec: sent.has(name) ? null : spec, images });
        sent.add(name);
      }));
      return queue;
    };
  };

  // What a picture is read from: its greys, and where in them the square of the face lies.
  const decode = (face) => {
    const letters = atob(face.pixels), grey = new Float32Array(letters.length);
    for (let i = 0; i < grey.length; i++) grey[i] = letters.charCodeAt(i);
    return { grey, width: SIZE, height: SIZE, x: SIZE / 2, y: SIZE / 2, half: SIZE / 2, samples: 1, pose: face.pose };
  };
  const measures = (picture) => [picture.videoWidth || picture.width, picture.videoHeight || picture.height];
  const greys = (picture, square, canvas) => {
    const [width, height] = measures(picture);
    const scale = Math.min(1, 96 / square.side, 1600 / Math.max(width, height));
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const pen = canvas.getContext('2d', { willReadFrequently: true });
    pen.imageSmoothingQuality = 'high';
    pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height), grey = new Float32Array(data.length / 4);
    for (let i = 0; i < grey.length; i++) // as PIL's mode L
      grey[i] = (data[4 * i] * 19595 + data[4 * i + 1] * 38470 + data[4 * i + 2] * 7471 + 32768) >> 16;
    const half = (square.side * scale) / 2;
    return {
      grey, width: canvas.width, height: canvas.height, x: square.x * scale, y: square.y * scale, half,
      samples: clamp(Math.round(half / 24), 1, 4),
    };
  };

  // The face uint8 [48 · 48] after a motion: turned clockwise, scaled, shifted and lit; its edge goes on outside.
  const moved = (source, { turn, size, across, down, light }) => {
    const angle = (turn * Math.PI) / 180, cos = Math.cos(angle) / size, sin = Math.sin(angle) / size;
    const { grey, width, height, x, y, half, samples } = source, face = new Uint8Array(SIZE * SIZE);
    const read = (px, py) => {
      const u = clamp(px, 0, width - 1), v = clamp(py, 0, height - 1);
      const left = Math.floor(u), top = Math.floor(v), fx = u - left, fy = v - top;
      const right = Math.min(left + 1, width - 1), bottom = Math.min(top + 1, height - 1);
      return (1 - fy) * ((1 - fx) * grey[top * width + left] + fx * grey[top * width + right]) +
        fy * ((1 - fx) * grey[bottom * width + left] + fx * grey[bottom * width + right]);
    };
    for (let i = 0; i < SIZE; i++)
      for (let j = 0; j < SIZE; j++) {
        let sum = 0;
        for (let s = 0; s < samples * samples; s++) {
          const u = (2 * (j + ((s % samples) + 0.5) / samples)) / SIZE - 1 - across;
          const v = (2 * (i + (Math.floor(s / samples) + 0.5) / samples)) / SIZE - 1 - down;
          sum += read(x + half * (cos * u + sin * v) - 0.5, y + half * (cos * v - sin * u) - 0.5);
        }
        const lit = (sum / samples ** 2) * (1 + light * ((2 * j + 1) / SIZE - 1));
        face[i * SIZE + j] = clamp(Math.round(lit), 0, 255);
      }
    return face;
  };

  const TEMPLATE = `
    <p class="hint">A <b>spatial transformer</b> is a small network that guesses how a face lies in its picture. It turns,
      scales and shifts the face back before another network reads its expression. <b class="act"></b></p>
    <div class="views">
      <figure><canvas class="face" width="480" height="480" tabindex="0" role="slider" aria-label="Turn the face"
        aria-valuemin="-60" aria-valuemax="60" aria-valuenow="0"></canvas>
        <figcaption>The face, and the <span class="grid">grid</span> on which the transformer reads it</figcaption></figure>
      <figure><canvas class="seen" width="480" height="480" role="img" aria-label="What the classifier sees"></canvas>
        <figcaption>What it hands to the classifier</figcaption></figure>
    </div>
    <p class="reading" role="status"></p>
    <p><button type="button" class="placed" hidden>This is the face</button></p>
    <div class="lower">
      <div><table class="answers"><caption>How sure the classifier is</caption><thead><tr><td></td>
        <th scope="col">without the transformer</th><th scope="col">with it</th></tr></thead><tbody></tbody></table>
        <div class="curve"></div></div>
      <div class="controls">
        <label class="choice">Straighten with <select class="straighten"></select></label>
        <label class="choice">Then classify with <select class="classify"></select></label>
        <div class="sliders"></div>
        <p class="buttons"><button type="button" class="spin">Spin</button>
          <button type="button" class="reset">Put it back</button>
          <button type="button" class="next">Another face</button>
          <label class="file">Your photo<input type="file" accept="image/*"></label>
          <button type="button" class="camera" aria-pressed="false">Camera</button>
          <button type="button" class="save">Save picture</button></p>
        <details class="numbers"><summary>Theta, the six numbers of the grid</summary><pre class="theta"></pre>
          <div class="hand" hidden></div></details>
      </div>
    </div>`;

  // options: networks (what there is to choose from), faces, folder (of the networks' scripts), kernel. A host may
  // `load` networks by name, and `classify` two images by a network's name; both give a promise.
  const mount = (element, options) => {
    if (element.ferPlayer) return element.ferPlayer;
    const math = arithmetic(options.kernel);
    const load = options.load ?? ((name) => fetchNetwork(name, options.folder));
    element.innerHTML = TEMPLATE;
    const find = (selector) => element.querySelector(selector);
    const face = find('.face'), seen = find('.seen'), reading = find('.reading');
    const small = document.createElement('canvas'), scratch = document.createElement('canvas');
    small.width = small.height = SIZE;
    const calm = matchMedia('(prefers-reduced-motion: reduce)');

    let motion = { ...STILL }, source = null, called = '', drawn = 0, theta = [1, 0, 0, 0, 1, 0];
    let straightener = null, lacking = '', latest = null, recorded = null, photo = null, square = null, placing = false, placedSize = 1, stream = null, spinning = 0;
    const ROLES = { straighten: 'transformer', classify: 'classifier' };
    const kind = options.faces.length ? 'drawn' : ''; // of the faces that are no photo
    const chosen = (list) =>
      options.networks.find((one) => one.role === ROLES[list] && one.name === find(`.${list}`).value);
    const hand = [1, 0, 0, 0, 1, 0];

    const paint = (canvas, pixels, lines, pose) => {
      const pen = canvas.getContext('2d'), inner = CANVAS - 2 * MARGIN;
      const picture = new ImageData(SIZE, SIZE);
      for (let i = 0; i < pixels.length; i++) picture.data.fill(pixels[i], 4 * i, 4 * i + 3);
      for (let i = 3; i < picture.data.length; i += 4) picture.data[i] = 255;
      small.getContext('2d').putImageData(picture, 0, 0);
      pen.clearRect(0, 0, CANVAS, CANVAS);
      pen.drawImage(small, MARGIN, MARGIN, inner, inner);
      const under = ([a, b, x, c, d, y]) => (u, v) =>
        [((a * u + b * v + x + 1) / 2) * inner + MARGIN, ((c * u + d * v + y + 1) / 2) * inner + MARGIN];
      if (pose) {
        const corner = under(pose);
        Object.assign(pen, { strokeStyle: SQUARE, lineWidth: 4 });
        pen.setLineDash([12, 8]);
        pen.beginPath();
        for (const [u, v] of [[-1, -1], [1, -1], [1, 1], [-1, 1], [-1, -1]]) pen.lineTo(...corner(u, v));
        pen.stroke();
        pen.setLineDash([]);
      }
      if (!lines) return;
      const at = under(lines);
      Object.assign(pen, { strokeStyle: GRID, lineWidth: 2 });
      pen.beginPath();
      for (let i = 0; i < LINES; i++) {
        const tick = (2 * i) / (LINES - 1) - 1;
        pen.moveTo(...at(-1, tick));
        pen.lineTo(...at(1, tick));
        pen.moveTo(...at(tick, -1));
        pen.lineTo(...at(tick, 1));
      }
      pen.stroke();
    };

    const paintPhoto = () => { // where the square of the face is placed
      const pen = face.getContext('2d'), [width, height] = measures(photo), scale = CANVAS / Math.max(width, height);
      const [left, top] = [(CANVAS - width * scale) / 2, (CANVAS - height * scale) / 2];
      pen.clearRect(0, 0, CANVAS, CANVAS);
      pen.drawImage(photo, left, top, width * scale, height * scale);
      Object.assign(pen, { strokeStyle: SQUARE, lineWidth: 4 });
      pen.strokeRect(left + (square.x - square.side / 2) * scale, top + (square.y - square.side / 2) * scale,
        square.side * scale, square.side * scale);
    };

    // One line of reading, and after it what the classifier says.
    const read = () => {
      if (placing) return void (reading.textContent = 'Put the square around the face, from the forehead to the chin.');
      const pose = truePose(), how = chosen('straighten');
      const [done, undone] = [Math.round(pose ? degrees(pose) : motion.turn), Math.round(degrees(theta))];
      let text = `${called} `;
      if (how.name === 'none') text += done ? `Turned ${done}°, and nothing straightens it.` : 'Nothing straightens it.';
      else text += `Turned ${done}°, undone ${undone}°${how.idle ? ': this transformer learnt to do nothing' : ''}.`;
      if (latest) {
        const [without, withIt] = latest.map((values) => classes()[values.indexOf(Math.max(...values))]);
        text += without === withIt ? ` The answer is “${without}” with and without it.`
          : ` The answer is “${without}” without it, and “${withIt}” with it.`;
        const knows = chosen('classify').kind;
        if (knows && knows !== (photo ? 'photo' : kind)) text += ` It has seen ${knows === 'photo' ? 'photographs' : 'drawn faces'} only.`;
      }
      reading.textContent = text.trim().replaceAll('-', '−');
    };

    // Where the face lies now, as the theta that would undo it; null where that is unknown.
    const truePose = () => {
      if (!source?.pose) return null;
      const angle = (motion.turn * Math.PI) / 180, cos = Math.cos(angle) * motion.size, sin = Math.sin(angle) * motion.size;
      return math.compose([cos, -sin, motion.across, sin, cos, motion.down], source.pose);
    };

    const classes = () => chosen('classify')?.classes ?? [];
    const showRows = () => {
      find('tbody').replaceChildren(...classes().map((name) => {
        const row = document.createElement('tr');
        row.append(Object.assign(document.createElement('th'), { scope: 'row', textContent: name }));
        for (const kind of ['plain', 'straight']) {
          const cell = document.createElement('td');
          cell.innerHTML = `<span class="bar ${kind}"></span><span class="share">–</span>`;
          row.append(cell);
        }
        return row;
      }));
      find('.answers').hidden = !classes().length;
    };
    const showAnswers = (answers) => {
      [...find('tbody').rows].forEach((row, i) => answers.forEach((values, side) => {
        const cell = row.cells[side + 1];
        cell.classList.toggle('best', values[i] === Math.max(...values));
        cell.firstChild.style.width = `${100 * values[i]}%`;
        cell.lastChild.textContent = `${Math.round(100 * values[i])} %`;
      }));
      find('.answers').classList.remove('old');
      latest = answers;
      read();
    };

    // Asks the classifier about the last of many moves.
    let busy = false, waiting = null, worker = null;
    const ask = async (images) => {
      waiting = images;
      if (busy) return;
      busy = true;
      while (waiting) {
        const now = waiting, network = chosen('classify');
        waiting = null;
        if (!network) break;
        try {
          const answers = options.classify ? await options.classify(now, network.name) : await (async () => {
            const spec = await load(network.name);
            worker ??= inWorker(options.kernel);
            return worker(network.name, spec, now);
          })();
          if (!placing && network === chosen('classify')) showAnswers(answers);
        } catch (error) {
          find('.answers').hidden = true;
          reading.textContent = `The classifier does not run here: ${error.message}`;
        }
      }
      busy = false;
      element.dispatchEvent(new Event('answered'));
    };

    const showMotion = () => {
      face.setAttribute('aria-valuenow', Math.round(motion.turn));
      face.setAttribute('aria-valuetext', `${Math.round(motion.turn)} degrees`);
      for (const [part, input] of sliders) {
        const value = placing && part === 'size' ? placedSize : motion[part];
        input.value = value;
        input.nextElementSibling.textContent = RANGES[part][4](value);
      }
    };
    const draw = () => {
      if (!source) return;
      if (photo && stream) source = greys(photo, square, scratch);
      const pixels = moved(source, motion), image = math.normalise(pixels);
      showMotion();
      if (!straightener && !recorded) { // being loaded, or not here
        paint(face, pixels, null, truePose());
        seen.getContext('2d').clearRect(0, 0, CANVAS, CANVAS);
        find('.answers').classList.add('old');
        reading.textContent = lacking;
        return;
      }
      theta = recorded ?? straightener(image);
      const straight = math.warp(image, theta, SIZE);
      if (placing) paintPhoto();
      else paint(face, pixels, chosen('straighten').name === 'none' ? null : theta, truePose());
      paint(seen, placing ? pixels : straight.map((value) => (value * 0.25 + 0.5) * 255));
      find('.theta').textContent = [theta.slice(0, 3), theta.slice(3)]
        .map((row) => row.map((value) => signed(value, 3).padStart(7)).join(' ')).join('\n');
      read();
      find('.answers').classList.toggle('old', recorded !== null || placing);
      if (!placing && !recorded) ask([image, straight]);
      element.dispatchEvent(new Event('drawn'));
    };
    const move = (change) => {
      spinning += 1; // a spin that is under way ends
      for (const [part, value] of Object.entries(change))
        motion[part] = clamp(value, RANGES[part][1], RANGES[part][2]);
      recorded = null;
      draw();
    };
    const recall = (values) => { // theta of the face as it is, as it was recorded; null: what the network says now
      motion = { ...STILL };
      recorded = values;
      latest = null;
      draw();
    };

    const sliders = Object.entries(RANGES).map(([part, [label, min, max, step]]) => {
      const row = document.createElement('label');
      row.innerHTML = `<span></span><input type="range" min="${min}" max="${max}" step="${step}"><output></output>`;
      row.firstChild.textContent = label;
      row.children[1].addEventListener('input', ({ target }) => {
        if (placing) resize(Number(target.value) / placedSize);
        else move({ [part]: Number(target.value) });
      });
      find('.sliders').append(row);
      return [part, row.children[1]];
    });

    for (const [i, label] of ['θ₁₁', 'θ₁₂', 'θ₁₃', 'θ₂₁', 'θ₂₂', 'θ₂₃'].entries()) {
      const row = document.createElement('label');
      row.innerHTML = `<span>${label}</span><input type="range" min="-2" max="2" step="0.01" value="${hand[i]}"><output>${signed(hand[i], 2)}</output>`;
      row.children[1].addEventListener('input', ({ target }) => {
        hand[i] = Number(target.value);
        row.lastChild.textContent = signed(hand[i], 2);
        draw();
      });
      find('.hand').append(row);
    }

    // Drag to turn; with Shift, or while placing, to move; two fingers turn and scale.
    let firstSide = 0; // of the square, in pixels of the photo
    const fingers = new Map();
    const at = (event) => {
      const box = face.getBoundingClientRect();
      return [(2 * (event.clientX - box.left)) / box.width - 1, (2 * (event.clientY - box.top)) / box.height - 1];
    };
    const between = ([[x, y], [u, v]]) => ({ length: Math.hypot(u - x, v - y), angle: Math.atan2(v - y, u - x) });
    const wrapped = (angle) => ((((angle * 180) / Math.PI + 540) % 360) - 180);
    const resize = (factor) => {
      if (!placing) return move({ size: motion.size * factor });
      placedSize = clamp(placedSize * factor, RANGES.size[1], RANGES.size[2]);
      square.side = clamp(firstSide * placedSize, 24, Math.min(...measures(photo)));
      place(0, 0);
    };
    const place = (x, y) => { // moves the square, which stays inside the photo
      const [width, height] = measures(photo), half = square.side / 2, reach = Math.max(width, height) / 2;
      square.x = clamp(square.x + x * reach, half, width - half);
      square.y = clamp(square.y + y * reach, half, height - half);
      source = greys(photo, square, scratch);
      draw();
    };
    face.addEventListener('pointerdown', (event) => {
      face.setPointerCapture?.(event.pointerId);
      fingers.set(event.pointerId, at(event));
    });
    face.addEventListener('pointermove', (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const now = at(event), was = [...fingers.values()];
      fingers.set(event.pointerId, now);
      const shift = [now[0] - before[0], now[1] - before[1]];
      if (fingers.size === 2) {
        const [old, fresh] = [between(was), between([...fingers.values()])];
        if (!placing) move({ turn: motion.turn + wrapped(fresh.angle - old.angle) });
        if (old.length > 0.05) resize(fresh.length / old.length);
      } else if (placing) place(...shift);
      else if (event.shiftKey) move({ across: motion.across + shift[0], down: motion.down + shift[1] });
      else move({ turn: motion.turn + wrapped(Math.atan2(now[1], now[0]) - Math.atan2(before[1], before[0])) });
    });
    for (const end of ['pointerup', 'pointercancel'])
      face.addEventListener(end, (event) => fingers.delete(event.pointerId));
    face.addEventListener('wheel', (event) => {
      if (document.activeElement !== face) return; // else the page scrolls
      event.preventDefault();
      resize(Math.exp(-event.deltaY / 800));
    }, { passive: false });
    face.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      if (placing) place(step[0] * 0.05, step[1] * 0.05);
      else if (event.shiftKey) move({ across: motion.across + step[0] * 0.04, down: motion.down + step[1] * 0.04 });
      else if (step[0]) move({ turn: motion.turn + 2 * step[0] });
      else resize(step[1] < 0 ? 1.04 : 1 / 1.04);
    });

    // Turns the face from side to side, and draws how theta's rotation follows.
    const curve = (points) => {
      const line = points.map(([turn, angle]) => `${turn},${-clamp(angle, -60, 60).toFixed(1)}`).join(' ');
      find('.curve').innerHTML = `<svg viewBox="-66 -60 120 128" role="img"><g fill="none" stroke="currentColor"
        stroke-width="0.5"><path d="M-48 0H48M0 -52V52"/><path d="M-45 45L45 -45" stroke-dasharray="3 3"/>
        <polyline points="${line}" stroke="${GRID}" stroke-width="2"/></g><g font-size="8" fill="currentColor">
        <text x="-45" y="62" text-anchor="middle">−45°</text><text x="45" y="62" text-anchor="middle">45°</text>
        <text y="62" text-anchor="middle">turned</text><text x="-6" y="-46" text-anchor="end">undone</text></g></svg>
        <p>How much of each turn is undone; the dashed line is all of it.</p>`;
      find('.curve svg').setAttribute('aria-label', `How much of a turn is undone: ${points.filter((_, i) => i % 3 === 0)
        .map(([turn, angle]) => `${turn}° ${Math.round(angle)}°`).join(', ')}. Dashed: all of it.`);
    };
    const spin = async () => {
      const before = { ...motion }, points = [];
      spinning += 1;
      const mine = spinning;
      for (let turn = -45; turn <= 45 && mine === spinning; turn += 3) {
        motion.turn = turn;
        draw();
        points.push([turn, degrees(theta)]);
        if (!calm.matches) {
          curve(points);
          await new Promise((done) => setTimeout(done, 40));
        }
      }
      if (calm.matches) curve(points);
      if (mine !== spinning) return;
      motion = before;
      draw();
    };

    // Which face
    const stop = () => {
      stream?.getTracks().forEach((track) => track.stop());
      stream = null;
      find('.camera').setAttribute('aria-pressed', 'false');
    };
    const say = () => {
      find('.act').textContent = placing ? 'Drag the square; Size, a pinch or the wheel resize it.'
        : chosen('straighten').hand ? 'Set its six numbers below.' : 'Drag the face to turn it.';
    };
    const setPlacing = (on) => {
      placing = on;
      find('.placed').hidden = !on;
      element.classList.toggle('placing', on);
      say();
      for (const [part, input] of sliders) input.disabled = on && part !== 'size';
      placedSize = 1;
    };
    const show = (chosenFace) => {
      stop();
      setPlacing(false);
      photo = null;
      source = decode(chosenFace);
      called = chosenFace.called;
      latest = null;
      find('.curve').replaceChildren();
      move(STILL);
    };
    const showDrawn = (index) => {
      drawn = index % options.faces.length;
      show(options.faces[drawn]);
    };
    const prefer = async (kind) => { // drawn faces and photographs have networks of their own
      for (const [list, role] of Object.entries(ROLES)) {
        const fitting = options.networks.find((network) => network.role === role && network.kind === kind);
        if (fitting) find(`.${list}`).value = fitting.name;
      }
      await change();
    };
    const showPhoto = async (picture) => {
      photo = picture;
      const [width, height] = measures(picture), side = Math.min(width, height);
      firstSide = 0.45 * side;
      square = { x: width / 2, y: height * 0.45, side: firstSide };
      called = '';
      motion = { ...STILL };
      source = greys(photo, square, scratch);
      setPlacing(true);
      find('.curve').replaceChildren();
      find('.answers').classList.add('old');
      await prefer('photo');
      find('.placed').focus();
    };
    const openFile = async (file) => {
      stop();
      try {
        await showPhoto(await createImageBitmap(file, { imageOrientation: 'from-image' }));
      } catch {
        reading.textContent = `${file.name} is no picture that this browser can read.`;
      }
    };
    const film = async () => {
      if (stream) return stop();
      try {
        stream = await navigator.mediaDevices.getUserMedia({ video: true });
      } catch {
        reading.textContent = 'No camera, or this page may not use it.';
        return;
      }
      find('.camera').setAttribute('aria-pressed', 'true');
      const video = Object.assign(document.createElement('video'), { srcObject: stream, muted: true });
      await video.play();
      await showPhoto(video);
      while (stream) {
        draw();
        await new Promise((done) => setTimeout(done, 60));
      }
    };

    // Which networks
    const change = async () => {
      const network = chosen('straighten');
      element.classList.add('loading');
      straightener = null;
      lacking = 'Loading …';
      draw();
      try {
        if (network.hand) straightener = () => hand;
        else straightener = math.transformer(network.theta ? network : await load(network.name));
      } catch (error) {
        lacking = `This transformer cannot be loaded: ${error.message}`;
        return draw();
      } finally {
        element.classList.remove('loading');
      }
      if (network !== chosen('straighten')) return;
      find('.hand').hidden = !network.hand;
      say();
      if (network.hand) find('.numbers').open = true;
      recorded = null;
      latest = null;
      find('.curve').replaceChildren();
      showRows();
      draw();
    };
    for (const [list, role] of Object.entries(ROLES)) {
      const select = find(`.${list}`);
      for (const network of options.networks.filter((one) => one.role === role))
        select.append(new Option(network.title, network.name));
      select.closest('label').hidden = select.options.length < 2;
      select.addEventListener('change', () => {
        const partner = chosen(list).partner; // a trained transformer comes with the classifier behind it
        if (partner) find('.classify').value = partner;
        change();
      });
    }

    find('.spin').addEventListener('click', spin);
    find('.reset').addEventListener('click', () => move(STILL));
    find('.next').addEventListener('click', async () => {
      const fromPhoto = photo !== null;
      showDrawn(fromPhoto ? drawn : drawn + 1);
      if (fromPhoto) await prefer('drawn');
    });
    find('.file input').addEventListener('change', (event) => event.target.files[0] && openFile(event.target.files[0]));
    find('.camera').addEventListener('click', film);
    find('.save').addEventListener('click', () => { // both pictures, and what is read of them
      const sheet = Object.assign(document.createElement('canvas'), { width: 2 * CANVAS, height: CANVAS + 50 });
      const pen = Object.assign(sheet.getContext('2d'), { fillStyle: '#fff', font: '22px sans-serif' });
      pen.fillRect(0, 0, sheet.width, sheet.height);
      pen.drawImage(face, 0, 0);
      pen.drawImage(seen, CANVAS, 0);
      pen.fillStyle = '#202124';
      pen.fillText(reading.textContent, MARGIN, CANVAS + 22, 2 * (CANVAS - MARGIN));
      Object.assign(document.createElement('a'), { href: sheet.toDataURL(), download: 'turned_face.png' }).click();
    });
    find('.placed').addEventListener('click', () => {
      setPlacing(false);
      latest = null;
      draw();
      face.focus();
    });
    element.addEventListener('dragover', (event) => event.preventDefault());
    element.addEventListener('drop', (event) => {
      event.preventDefault();
      if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
    });

    const choose = (names) => {
      for (const [list, name] of Object.entries(names)) find(`.${list}`).value = name;
      return change();
    };
    if (element.dataset.straighten) find('.straighten').value = element.dataset.straighten;
    if (options.faces.length) showDrawn(0);
    else find('.next').hidden = true;
    const state = () => ({
      motion, theta, placing, square, straighten: find('.straighten').value, classify: find('.classify').value,
    });
    element.ferPlayer = { move, show, choose, recall, state };
    if (options.faces.length && !chosen('straighten').hand) motion.turn = -40; // so that there is something to see
    change();
    return element.ferPlayer;
  };

  // Every .fer-player of a page; networks that are not in the page lie in scripts beside this one.
  const start = (options) => {
    const folder = document.currentScript.src.replace(/[^/]*$/, 'networks');
    for (const element of document.querySelectorAll('.fer-player')) mount(element, { ...options, folder });
  };

  return { add, mount, start, decode, moved };
})();

ferPlayer.start({"networks": [{"name": "tiny_toyfaces", "role": "classifier", "kind": "drawn", "title": "tiny, for drawn faces", "classes": ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"], "temperature": 1.0, "image": [1, 48, 48]}, {"name": "poses_toyfaces", "role": "transformer", "kind": "drawn", "title": "one taught on drawn faces", "image": [1, 48, 48], "warps": 1}, {"name": "poses_fer2013", "role": "transformer", "kind": "photo", "title": "one taught on photographs (FER2013)", "image": [1, 48, 48], "warps": 1}, {"name": "compact_ferplus", "role": "classifier", "kind": "photo", "title": "compact, for photographs (FER+)", "classes": ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"], "temperature": 0.5452, "image": [1, 48, 48]}, {"name": "paper", "role": "transformer", "kind": "", "title": "the paper’s, which does nothing", "theta": [1, 0, 0, 0, 1, 0], "idle": true}, {"name": "hand", "role": "transformer", "kind": "", "title": "six numbers of your own", "hand": true}, {"name": "none", "role": "transformer", "kind": "", "title": "nothing", "theta": [1, 0, 0, 0, 1, 0]}], "faces": [{"pixels": "UURQTlFRX1hGWVVXTVtfQlRAQkE5MjA4NkE7PDtGSlNie2lxbnR6fnB3c2l3foJ1S05ZXEVDTkxVTk9gWlZQUD8wPEQuLT06Q0I9OjA4NzJIXm5ibnJydYR1hnZ2cX6CP1k/TUxURU9XSFJNVT4/LT87QDQ5Rz42QjY/OTJNS0Q3UGVicG5tb3x9c3prfHZvVzpLVlZKUVhZVVZcUjEoPD48Qjw0OkQ9SkE1PDY5NzcxOUxiaHFrfWx0dHZ3cYh1SFRLSVlSTlhHT19IPToyN0g4PTw9Ky40NDk2OSxEPTg/NDhIUmlweXhpa3yCbYV3S0pIVk1bVFVYSUhEMixAQDQ4ODo9NT41NTs2O0wtMDw5PDVHOGR5cnNzcoF4fn9/P0ZTR0BUUEhdPkIuMjAqRDgxPTlDN0dDR1Rcb2ttcnNnV0IrN0dqe3h8gHZxfXx3TlVBUUNRTklRNT4uJzkyLz42OlhZbYOQnJu2nrCjoaWxj4JXO0JVc2h1cHpwbnF8RFBPTFFXRExNNjA4QDpHQ1d0faqxu7G7wcOtu7+wrrmyoZWFOiw7U3hybHeEcXB5SjxPVUlJR0M7PTszPk9tka24u8LGyb+9xr/Ax7+rv7GsqKWIZkM1SnB1cWdueXh+R05XUEhPUE85ODhWhqKrqrW7y7i+xr3Ky8fBu8HEwr+wta+elk89P2BqcHN1dH1/QVRQRk1FRDtANWehoqKppqutts/JvrzNx769xcXAtqajr6qsk2o9PVh1c3B5cnV2Rj1YSU5CRUo0N5OKXjQoLyMpPlykvMbHw8jFmldNIiUxKk1fjoo4O1Rpa3RwbHFxSVNUSEBPST86TzMbExUuEBkWGh1rvcPKxMe+dSMdJyQtGBoWJjpUKzxheXR7bGxvTEtCTUdOPjA3dDllio6bpI5ySCF7vsK8x8y+fhRQdJSooKmMc0BqRUdicHFmaXZyPjo+SU5LUTI6dpCnqKexsLa+vKx3ycnJvsjDdJrAtcO7vrGopqd7SjhMb2RxcWxxQUBJSU9LPzxYj5+bpKmjr8W5x7yzs8nCwcjBs9DHqbypuKa7mqOdWyZTaXF0ZmxuS0g+TlU8OCh2iJujsKCsraOrtLrMvb7GzcKxv7q2ra2ntrisq6KVZihBYmdxc153PkhESD9IOyd0kJ+qo3JLSVyCsLy7yr2+us3HxK24hUZCZ4annKCSjC88WHloYm9hR0dDRTs7NDWGk5uOSCkGCjFNMomwvre4tcSxq6NCLAoFLzlAkqGhkkJGY2xjbmtkQTxER09CMD6MoF0viggEARzHpCltt8C3v6y0Yyp3AAkGLtKhJ2Ocj0pHWWhlbGdrPDo9QkJBMDyGjlaNlGxWYnaLl5hit8S4vKPFZ6iUb2Jff46Wmlelji8yVmJncGt9QT9JRDs+LEGJk6Kinpmbo6absq3FyLe8wqe9ubKwpqOep7qboZ2fh1Y0UGOCa1hwPD9BQEI7Q06DkZugn7Cfo6S5sri6wbu3vp+5t8CxubWqoq23mpyUh0g+VWRweX9mRzw+QUBFMEiLlJyorqXBs7Kqs72xwryzwam+usLAssDFvbOrqqOaikgqSW1ldmtvNT9KTUE9NUGBjp+lsba1ub+0sbTFvsG3u6SyuMS9ybyvs7Wrp5SeiUAzUmhlam1rMEY8OEpCNTCMjaWmscG4wL+yua67trO6s6m+wLrDsLW/vL2ltqydiTo5QWJ0cGl3MzVBQEY3LzpzlJupuqW8vcC3sK+4qazBsKqUuMS1wsO8vruyqaSViSgwRmFmZm52RDlCQkVBJDVjiZmbs6qstaGivL2CT1K2m1pHirq2mrnEt8Ons7OSaDsqU2dha3FwRzQ4QklFPDdRhZOhr7WyvZW8vL6pioKaopKYqLG6vKS9tLauq6KTXi85V11bZ3B2RT1CQlE1LzhGg5ygm6mylbOxsqestrOstrOttLG0trORubmoqpWKLTI1U2Rja2NrO0I3RUYwLDAyZX2gmaWcprSsvrWqvKqtr7CtubGns7utnqqoppBkNTsuTGBZam9ySTZIRD85NyAqU3eRn4uXqLOssayvo6uyrK2urK6nuKS9m5GWop1UOTAsRWxmYlppPD05PE0tPDI5Km+SomGPqqepqqChr6elpKmkpK6yr6qfl2ydk4M2NDY5RlpdZGNjOztDQ0Y3GTgnME2JhZYpd6WpmqGmr7Clsquyq6ajo6OMGJCPik87LyooVl5tZ15gR0FAOTtBNSstLjN+hYWLVnSNo6KvsZyjoqCqpKyum31mmJCSdC0mNToyV2VkaWVpOko8R0k5OzMzNz1Tf5KgOVqUZ4CLnp2vp6GhmoB5nmgykI2HUkg3N0tJU2RgaVxnQEgrQzw1OD46RkI+YIaPmxBUtp9/cW9mcmt3jamsWBqcj4FxTVlSTlhiU2ZmVl9hNzs3QEAzR0k2SkJHPXh4jHQFJo62qrevtrW+vJEqAn+Rg25jX2RVUlhXV15eelplO0hCPjQ2MU1CSjpIQ0xwiYlaBQE0fpeyrJV6KBgUVIiPdmtRVmFSXFxdR2FbYWJqLzQ5PTo2QkE6OUFAWEhceXaJWhMVFSUrJyYRDwpWjYZyXFReVVlpWVtgV1ZkXmZmN0MyOTZHN0ZFP0BBOUBWYnyDgWIjIjg1OS4pKWaJh3BoZFtdXUBQXVhfU0lWUGVYMUI5OThBRzxCSj0/TEZfZmdmfYFqUkVBNj1PYYZ/eWlgWlVaV01dWl1cXVtlVmBsPTJBNkQsSTNCQDw6QkNjV1FZaHd/dnxWZGZyf3lzXGFfYmFbTVBbVl1ZUFBpU11qMjJDMjo0PERJPDtIO0FVXFtPYmhyc3l5hH98dGVoW1hkYVxeW1RaV1dgZlZKWF9ZMzUvSjwzPTxGOT5FQ0pYVVhhY1JmVWJXZl1nZlhjT21TU1peVVJYTGdYV1tcWFRbPjA9O0M3PTw9Oz89SUFiXVJgUlRPX1pYTllVaFZXV2RPX1RES0tUXFZhXVxPWl5dNT8/NDosLj0/NEo8RDxSU0ldXldWVVNUaWBQUE5eWl1XW1dTUlNUVFJZVF1VTlRl", "called": "A drawn face, happy."}, {"pixels": "6uXw7OXj5OPd4tngz8uacjkeGhseFyAcIh0aFhkbIzNqiKiwpKappJyhpJ6bn5uN6+jr8ubq5t3e4dfcvoxIIB4XGRQbFxwTISEgFxgcJBcpRmGesa2soKminqianZyS3ebe7ubh4uTW3NiwcCkZEhMmHx4kHR0TGxofGyANERskIChikaOjrJ2ipKSanJSV7Obh6OLl4+Lh1rRmJBIfECIfGxQgGRImFh4mHR0aFBwWFRUeT4ysr6qcoJybnJ+W4Ovr5OHg4OPhu2UnHB4aGBkbHBwTHB0THR0eICEZIB0gIhwVJ0+UpaGkn5uWmJuT6Ojh6tzi5ufAbyYZJSMgGB0ZFB4oL0BXWmtpa2BcTzs2IBgTGCZYl6Srn6Kdm5iT5OHe4eng5syGLh4dFRwfJSUgIk5Yd4eNkIiHjYF+eG5wWk0pGRowZ56nmpyakqKS8OHu5Nvm5adBIhMYHh0PHiREZ4eWnZ2gnJOim42Tj5iRg31fQigjQIGaqJmfm5SU6efq7eTky2scFh0YEREODhoaKTxJdoeKiYV1TjwqJiMmMz1bZz0bH1CSnZmelZCY4ubo5dzXlS8bHxcLDBYhNiItFw8ML52nl5o4FhYcISozNzYXHyEiJC9um5ihlpSO49zu5ODTXxsVHBUZN3KPkKCWlH1ZQZ+goqY6Tn2aoKCZj46Le2RJHyNPmZujl5ef4+bg3eiePhIOGyBMe42PnZ6llJacm5OhrKKmnZ6TmJmcmJiUkpFyMxItepqSm5eV3eXo29OBJR0kIFeIlJSaoaGjnaOfo6KkqaKgn5WjpqGZlJCNjIWHWBghXJqRjJGQ5+zi37hUHCAiUoWLjJuXoZyhnqeopp6loqapqKOakZ2jnJeaj4qFdSwjP4OXlZOQ4eTm3ZgrGSRSg4iOkpWjraWXnZuepaOgoKmjoqmlpJuen6Wej5SGhDsdLXCXmpyg5OLg4YYbHT2ChYuTjZadjYSUnaqmorOgoKKup6mmkYmMnZaSlYyChFUXGWOalZyQ4t7f0WQfHXN9jYiTlX8+PUwnYKGko6Kjo6eelqJgNjoyPYOZmJiLh3IZE1CTk5SJ8ODTylYXKHx+j5CQdD+3vdjYeUyar5imqZmbn1J4xsDvwUB1mJOIh38pG0KJlY2V1+nSwEIZO3p8fZKDS+ZFCBS49aNQnaWhqKaaXqCqFQlN7/JShpOJin1AFTp+kpCR4N3crUAcSHiDeXcs9qwLEBBW/PSNgpqZnpZ5j/ZBDQENtvnvMoOPlIBOHyp6kY2V6OTYszkYVX6BhFHS8rEMAgNp8vD0Op6qoI4/8/VSBQ4L0f/z11iciIFLICZ8kZOU593cqC0dWn6JioyJy+l1K1PY8+2hoKSnqY2jp+zaTyaO9fnOlJaXiYpeFChsl5OY4eXaqC8bYnqFjY6ciZ3b4e7tvp2gop6en4ygmqO35Obw2KOWmY6TjYVkGyhylI6K5t7dqzYbaIaJiY2ZlZaUnJqXnqOhoZuiqo2joJ+bn6GenaCamIuRkoFoGDNtkZOX09vcqiwXWXh5iJSalJ2Xlp+dp5ejrKafsY+knaWloaSjopGTnJCTloRjGytzlpqN5d/cojEfWnyLjoynk5idqaSfmqKkna+cm5SPpqSkq6Oop6SmnpGQkYteHDRrkoyE39blqjYWTnV/k4yUn6CnoKmoqJqgnaSkp5+XoZ+poaWuo6mqpKCLi3hUHC5slZaO59jaoDIWP3aEiYyUmqqepqSlo6SbgImjloZ7lqGhn6GmqqGfo5WJgYJKGSVzjpyB3tnRnCoXMnN3jY+Wlpero6Wlpp1/TFaMhldJh6WjrqOfmaSjopSQhoY3IDB0kZqL2tvYoTsiJnx9fpKbpJeboaShoaihl5KUl4+cm5+aoZy2n6KflZKSiHUgFyR8jYuO2dDZmi8gGGR/iI6VlpqmoailnaajoqCmp5uonZ+kqKmYl6GYkZeRh2oZEChtiI2X5OXVpzAQDkB6jIWJj5ybn6Cfo5ycn5qalZ6bnqGVspmlpqCfl5KEfUUdFjJ4lIqO2M7RnzIgEyh0fIaLk5OZoKOllJqcZ0w2P0NpmJecp5mToaKLlICEgTIQHzBtnpSS3NXRnC4jFxRZeYKBioqUn5mjm5g6FxETEw0WSZ6fnZublpeZmoJ8YRIUHShrkouH1eHRoSoiFRcueX+FiI2JnI+TlZoXFhQeDxUPGqKUmpWWi4uYjYl2QiUXGS1qj5SS1tnUoD4VGB4dZHeEhIqQkpWEmS8SHRUVDxgTFy6TnJyKg5GHiIJiGhgmGiZziYmM1NThqC0TEyAbKW+FfIWEj5OShDIQGgsXFRQVEzp8oJmTh46EgHUyHBgaGy5pi5GQ1dPanSwjJRcXG1OAe4aMg5CShS0SDhYSExMUFDCIi5Wcj4+BeFUZHSApFi14mIeP1tfSnTEYFh4QFxxgf36GfY2cjzkTEBANCRkdEjiPkIqFh4N6YSARIxUWGS9qmYeR1NLaoTUVFBsYFhsrbnaIi4aBj4cgGR4qHB4gIpCIko2Kh4B1OxcWFx0PHjBykY2F0dnLoDEOGg4TFxobL214gYeFjYgqKjg1QTUvHJCJhoKFhXI8ExgbHyUfGi1zjI2KzMvXoSQRExcYFh4gGTp1g4aEfYluOkhWSD0qdI6Bh4F0dUMWGBwWIhYaCCNrhYSI0tDToy8VGBYWHhcUGBo9aHh3gYOBak5NSFtshImJe3ZqPhgWFB0WChoNHSdsj3uM1cvRmTsVFBsfHxoZIQobNGJ1fIN3f3t7comAf4N8fl8zFxwRHR0dFhkZETFwhYmJ2c/bmjQUHxIWDxUYDRUVHChKbH9+cnp8dnRxdn9sUCgYDxUdFB8XHBgUFS1pjoqOz8vPoTgRHxkZFhwXGwwQGRYcIUBeZGVjX2hpXUcvHRoUFxokDxccGxsjFStqiJWIycbMmiccHCIbIg4NGhYXGhQYDhoXKjdMPTkuFxceFxkgHBsaFRMTGRkUIiJxjIuH09DJny4YHRERExgdCBAPFBYYGhUcERYYFhkcFyAcHRwTExMXFhcTFxoYGzJokIOI", "called": "A drawn face, surprise."}, {"pixels": "kY6RkIuLhYWIgHl5fnJtVUU8Oz4/OTo2Pjs6Njs1NT5KUFpXWVpZVFNUWlpWSktIj5CPioqGg4d/gXt+bFhOQUA/NTg2NjY3Pjk4OTc2NzI5NkNdW1taUlFXS0tOT1NIiYaHhoiIf4R4gIFuU0M9PDw0ND40OTkzODc/PDEyNDI0LzQ7SVNbWVFWUlFPRklFiY+FhYWQiH56gmtUPTxEODs8QT41Ozc3Njc+OzU3LzssNi0tOUxTVVdUTFBPT0tJj5KOhYaHgoR/aUxCOzw5Nj03OTY1Pzw4OTw8OzYzNTk0NDMyLzhMVVlTVFFRT05FjpKJjY+Ih4VvST89QD44ODs6Oz05NTY5OjM7MzY3NzgxLDQvKyw7R1dQT1ROUExGiYuNiImBfXdMRz5AOUA+Pz88Pzw+OjhAOTs7PDg3MzgvMzcqNy8uN1NTT0pST0pKjJCJjIqHg1dAP0BEO0I9Pj86QElnd4aTkIyEeGdWRDo5MzE0MCsyLz9OUEtMS0lOjI+Oi4aCb0hDRkVDP0I4P0RqjazGy9Hf2dPLx8Gqk2tIPTQxMC0yNDY9VUdMU1FNio+Ji4V3VUU9PUE/RD5EaqLG4OHi3dvj4tXS0tLLxcGjfVE5NC0uMC02RlVVS0hMi5KLjYxlRj9LP0BDR2ug1OTh4uPj3t3k2dne0NHQwsHBt511RTMrLDQyQ05PTUdKjI+GinlSRT9FQDw/fcrf5OTj6Onj4ube2tjY2dTNzsTLt7OgdFIpLCktNEdRUElMkY2Jhm9LQ0JLQlcxKU6Axe/n5ufo7OPg49vW3dfXysygbDsvKYppOjIsMj5QSUhJiouOhVtCPjxBbr7YtHY2JEeY5OXn6+bp49/a1djKgj4kM1ySrKiYdzguLTtPS0dNiZGIeVNCQ0N5y97h6Ovcn0IoOJPk4sfg38Pg1oouJTqMwb66sbKkmXIsLDhGTUtJkJOLdUREQ3fF3tvr7ezv5vGdNyQ/trbi37GsOR4ujdHGxr7CtrCgl4VJMjFASElRj4yFakRBa8DX3OPg6Oju5Onh4nggQazh3qtCJm7LzMnBxr68taufm5BnMjBAUEZMi4qCYzxAq9LZ2uri5unf4uHg4ua5Rq3f26ZHs9rOwsK/s7m0tKuloZx7MCoxS05KkpV6VT9Nwtjb6OPrjk9FZqLZ3eDi6Lre2bTg29DJv49ZRUxxr6yooJiHNi86RkxMjI+CUEFjyNvZ6ORqib4eFClUvtrj6ufi6t/a0cWpTScUKp91VLSroJOERS8zSUtMlJN+Vz5zx9nm5GLE/58SDxJeR3zc3urm38rWx3tESRALDobonEiqopePUS85R0lMkYd8UEOByNbg57/W07oYChCk/4s85uTg3cPWO37ligsOGqCirpGuoJiPXikxRUhRkJGBT0CJzd3e6Ovm5NrNr7XQ0d7R5uPm38XTv8K+s5aap7GxtLOop5uQXCwzRkRNg4p7T0CMy9za5vXs6evl4uDe6ert7ubh38jY0tfMyMS/vL65ureqnJuOYi41SExHjYp6UUSIzdzm7O/38PHz7u/p7e3w7+Xi2snh3NPW0tTEx8PCuLmxop+OXSg0QklNi450UEGAz9/h6PX89fv5+vvw8vLv6OXm6dLS29jWzdPS0c3HwLewpKCSWSkvQUpJjIiCUURszNfl8fD4+v/4//j29e3v8Ofs6M/S29zU2dbR1dPIvbavppyQSy4zTUlJkIZ6TkZcyNbk5vr79/v+/v3w7u3m0s3k4se11NjO2NrTzc3GwLqynZmQOSktSk1DiYuAV0RFvNTa6u7//P//+/fz5/C2cH7IwnBrq9jP2NjZ1NTIybavo5iCLykxRkZGjo56UkRCl9Pb6O32+/3/+/7u8u3pvLzIw7qx2dvazNDWz9LDxLWpnJduKzIzSEZNkI5+UUc9bs7Y5ejt/fv9/u/y9u/06ubc5N/g2tnT2M3Zz8/Du7KsmZZMLyw3RUtLh45/UENFR7rV3Ovt9Pj68ffz8e7r5OHe297c2tPX0tDLy8jFtrOqnH4uLjA1RUxOi46CS0E+O4DJ2OHm7+/z6/Pt6/Pn6OTk2d7f3tbVz86/yMK+uamjmlktKiYwRExDj4d8UEFCPVK4zODj5+Tl6uTv5ePn4eng3N3b19POzs3Ju8G5rqSXiTUuJy80REhJhYmATUFDRT99y9DX3+bq5+ro4+Dn2ruto7jPztHMycW/wrawrZ+WYi0pKCg3R0tEi493Uj9ARkVGpszS29zd4Orm6a1bMyssKB4vUprTyci6u6yrpJ57LC8sLCc3REhHi4V4Uzw/Q0FBXLnD09nZ4eigNTReeoSIiod2UjIvk8XAs7ChoZRHLiQsKCcxR0tIi42BUDw/OUJBOYDDx9HW2uRQt9bc4NHGzs/Rx8idR8C4t7CkmV0sKyolLiwsRkhHjpCATz0+Pzc/Q0KOycvQ1+Pb1tjfw7Wlpq+8yszGwb60sKSXby4wLywvLCs1QU1Gh4mAV0xQU1RLSE9Rmr3Q0dbZ1tbQxsLIvcXAwsLBubKxsZ2AQjU0Njc5Myw5RUlMkImCb2ZpZmVqY2JdZaTCysrXztrTz9PQxcbDwMG6u7SjoYFSREdBQENERDpBS01FjIiAhISDf3p4eHJ5eXyuvMTPztHP0NbIysO/vr6xsaWai19YTllPTU5NVEpNS0RJi5GLh4SGfYR/fIFzfXqSo77ExcnGzcrEw7y7wLewrZ6McltWWVJQV0xTUE5SSEtNhImJhIaHgoR5fXp9fXWLi5+tvbbAwMLEv7i4sqyonIdzdlxVWlZOUk9PUk1OTUxIiIyHh4mDf4CAf4CBenmRj46Poq21ubu0ra2rqaeQhnV7cl1ZW1taVU9OS01OTlFGiYaFi4N/eYGDfn96fXqSkJGIi46bq6qsp6Odk4J8dHhwdVteW1ZNTUxNU1BNSkVHiouJhoKEfn6Ad3h2en6LjIaJhoR/i4+TiYKEgHl5dnl3gFlUVlhSVVJSUk5IUEtJiIqFiIOHg3l9en1+enmHjYmKjoaGg4KBg3t7gYF6eHt3ellaWVlXVUhKTUdMSUtJ", "called": "A drawn face, angry."}, {"pixels": "lI+Uk5aNmqSTmJeNjpeWkn5xX1JHPj8+P0QvQFFjX4OMh5KUjZKSlZCQkZOcmo6OmqGVnIuXjqCel5KOmZCFcUA3QTU/QzkxPD1EPD0+RFFlhH+SkKKWi3qJjZuVkYmFjp6WiY6QnZeUkI+SjnNfNzQ9ND8wN0I1OEEzMjcvQDE/Um2AjpWNnJ6PkZSGiYGPl6KVjpeLl3uVmpmEZEMuMTc8Nzk4LkA2OzovOEg5MjI5MlRcgpCQk4mWoY6NlpOTjY+XiJmYo5CPjoJbMyI0Ojs4Ojs1NTU2NCs1NDo6LkBESU5AWXWQh5OUj5iUf4qSkIuRj5ePiJyOgFE6OEM5ODhGMy0vLjc9LDA5OC9BQkI/PEJBOV+EjpOOko2QmYqMm52fkZeWm5Z3VikrQC87NDk4MTQvNi4+NTQ3NTc3OzFOO0E9PkJfloeDhY2Eh4OAl5eOiaCYkZBqQSozOzM+PCowPD9COTM0OT8/ODVEP0Q8LztJRkE8ZX+SiYuVk4eOkY6WlpmHl2k4LDc3MSxANzQ2Pzw6RE1TWVdNRko2PT1CRC4+PT43UG+MlpaZhouRmJKUi5GejU47LSoyLjg5QDU/TmdVPJurpZRCWop7bEU+OTkyQklKM0qDkIuYl4KVjJqLkJaaXTcoKyo4LkNFOleAcDopT7rXxdI+NSmCsaJ4UkNASE5DQkZjio2OgZeOopOckZKDVisxMTAnPS9sf6ZSJiw9a8jK0sZpMiUkTLzFr3NUOTlCNkJOgYaOlYuFlJKXnJJmPCo1ODUwRm6WmyguPYDA1c3U2NDhxoY/MziZ08mScjw6QEJBa4+Mn46Sn4yjlJBKNysqMzpnkaZnJjR9uMbSzcrR3tbU3dHdjzUgdN3HwIVDLkY9U3yPmYiThpinn3Q0MD4wLISTskggU7/Gxc3Mx8PU0sHN1Nba2cplI0zTxsyOYUA/U3qWnZWbjJWbjmg6LStEeaioOj+CmYijutfIyL7P0bzf0dLFtqCrlzpFxta2nlQyO2COmoyGlIyRkVo5NEZ1nJ81PV6Fi6CJZYC90M3V0sDY15NwpLe/mHVNSNTFspVHMV1/komFjpeGk0AwMnWTpJpRhq64nqF8g5R9wrXE0sPRg52wh7fEwdKrXb2/x7laQll8eo6Rl5COeEtGVoyjpWmFuad1OjFCYVyEhNPR08SUhz94Z0NBkszJmYbMw7t2SlN/kI+OmY+TjWZre5mXoVmdjUhKJhkRneRAV8TGxtFkR+//fRQWL0agxGzFvbywiXN+loGLlo6ci5eKi52tkVdMaM92FRYnt6zNcXyHkIZh0MHrnSElHKRqY228y8O0tJKMkouTmo2YmYeEfpmgn2Saq6qpgn2ewbXLarTQzcVryePGw6WIncrMr2jBs7m3t6+SiZWVi4+Vi4qLnJGsn2ObwrS9tLjAxtu5erTO19x5udXjytbS1dXfwH7byciqt7uWiYSNkZWZm4uIloiasJZotrbKvMHF1L5uwcrf2d69bcDd5OTY1eTJfLLPxcupr7mQko2JmJWVjY6bjpiqrqahcKG9w83LlV+0z7zWyeHVsmmx4ebk5Lx2vt/KxM2ow7+UiI6LkoyQmaV9loudrbqtqIhzZ2F4m8TQys/R1+HY2dulhWlri6bY7d/Yy8W8t7yQjYiPjZSLmZyLi4KfrL7FxrnS0M/N3svRzsvb1s/P2ePg2tn76uHn6+nfzMC8rquDiJONkaKVjpWOkpOmrbazwMDKydbJw9DGrLzb37Ko0eDq3Nzd5+jh8NjCx7eel5CJmZSMjJiSlZqclZOfqKi/wMDK0tXH0M+taXaxsIRnrN/c1/Pj5vHk6tzT0L2ijpSTf5KNj5OUjKWejZGXrLO7s9TPzczUxsfCx77E1MDF093e3d/s2uri09rRwbSKo42Tj4mHl5abnpWTopKblLWqssDQyMvgxs7Q2N3S2NTS1uvZ7Nvf1enk2tjQtKmMjpGMipeJi5GSjZOhmYuYn6exwb/Cxc7M3NLLzc/a1ebM9Nza3uDg7OTn5dHHvpmMhJSMi4GJi5KLfZydnIqPk7CssL28ycLPy8XT5dHQzNLk0Nna1ODj5Nfb4MrAtpuVjY+MkXuSkpyUmZ2Tj5uOk5Gysbi5xsK+zMbF0dO+y9bb28/n397a1N/czMa6oZeTjpWGmpmPnJ+Nk5eBkZaYjKmrr7a6wsHGzMbIjF1JQleg0tfV4dfI2MvNxcO1lpGLjpKJkY+OoZCSkpWXmpWalJGas560ubvBxs1cPmd0eGdFRNvV297VzNG2y7SbjJSQkJeGkoiYmoyYj5SXlpecm4mcka6vv6u6vjpsorPMx7mzaDjJ1tHOvtLCwKWNfYuRi46Cio6QkIycmJmfmJGXlJyVo6ykuK67Npy/1b2grLjV154wzs3Lx8a+sqKSlaCWkJCVhY2JhI6IooyUoqOSoJqakKW6qLBBobi6t7G5tb27zMmtTdDFx7OskZubkI2Ui4OShZSakpyUlI6XlZ2SiZKYjaKsnY+Qwru3w8/BvbvRxNG2jaXMxbagk5ybmJqQjYmNioqSmJWNjoiNkY2doouPkJiblYSxrqy5vbjBw8XDzsS+wJnAtZiMhpSRkpGMl4+Pi5eIh5qcoI+Hp5+Ll56Zjpt4oZivrL25rLq5xbHBtL3HubiuhJCWhpuPj5ONj4uHkoqKjpWgmZqLnZSbkZCUj5xtf4qgnJuvurCttreyv6q4naKMjIicj4uRi5eqko6PfomChpuXqJmZmJSWmZicl5N/hISCl6ilqKunpbids7OekYaDiZaLiZSMjZGJg5SSiYOVkZaNnaOWmoegjI+giZSDgHRwiYOSlJmlp6ijnI6RiY6EipGblpKKgYuUkY2Ym5GNnJCSnI6SmY+YjpOdlJF+eWmGgXyBkHyGh4KJj3yKi5F8f5uFjp6WlJWMi4uAl5eFl5KWiZOVk4aano+QjIiScXN8iIWAgoeEj4OFd4iJhZOSjpWLk4yVj5SIio6MkpGLkY2LkJSKj5OZj46PlJBocXB6eYKDfoqCeoCQf36BjYOFh52IlZCQiJWOlIuPkI6J", "called": "A drawn face, sad."}, {"pixels": "ra2zsaqqrqujp6yvp6eqoI98YU9RREVLSktKTU5keo2gpZ6foJafoZqYlpiampuYrLCvqaarrKyrsKarqrCce2lVSElCS0dLSEtBRUhKUGSAlKmdoJyhmpuam5Gcm5aTt6yrra6pq6moraWrqY97VUJGTENOSEZDSUxJRkxNSElddI2em5qaoZ6ZmJmVl5WXrbGxr6ynqrGhp6uoj2lQR0hESkRLRklFTE5ORkhITElMTmqOnJuanJmXmJyYm5eRqbKurK2nr6esqqiOa09JTUdHREVESEdERU1GTkdPRUlJTU1sjKCcmKCTm5uTlpmQrK6qqKWrramppJlqS0lJQEZLQkVHRUJNTEVSRklHSU5FTEVMbZOcmpeWnJqYm5eSramqrLOuoKikmXZPRU5ISkZJRExHR0lHTklHTk1KR0RLRktGUXKTlZiclpyYlY6Wr6mrqq+pq6WlkFhKSkRESkxNT05FP05NSkxGRENJQ0pCP0pJTlaIk5SampOblpaWrKetqaasqqqVakBIV1txeHd6f3ttYlBNSDk/RkpDR0hNSEpPSktnk5iWkqGZmZeXqqOnp6mlqKWIV0lVg5WqsaN4VTgsKEyfjDIrIC0tPEFQSkRJT0tVfpeUl5OWk5iZpqunpKqoo6BkPUiIp6R+RCgrLTE0NU7HwU03LykhKScqO0ZOR0pPZI6clpaSlJOUraunpqSjoIZURWqfejYqSnaduMnKxcfKwcnHw618UTg1JCk6SEhNWHuUkpmWkZCSp6WoqaKopG9GSnY/MXKqyMHEydHN0dDR09jO0M/asoVNRzonK0JMSW+QkJqZkpCRrKWlqaajl1xGWJNypbjBw8jKy8zTy9LPztjX0NbV072aa0ZGNElISFyKmZOWlpSJoqSkpKerjU4+cJyosL7Cx83M18/Z1sDSzsHS1dfX1NDNrIFSQ0NGS099l5aTi5WPrKOnpKGjgU1Kjaazur6+w8XJzszZz7PPybDY2tPU1szNyLuOUElOREZwkZWakpiNpKikp6WhbURUnKi1urqKTTdOocvT17PP06/T2dCiU0RTjMbAlFJPTkJqjJmRjo+TpKamoqSSZkNjnaetsldkw9jGVYbS0q7U0rHT1I5Xw+bIbWK6uJFRSEtkjo6Sk4+Vp6ajoaiVYEdsrKqqT6nMWlnF+3Sv1bnW1b/QsnX/1WNYz7FQtbaQUUhahZaXk5CMo6OnpJuPUT2GoqpYs/gzEA808vVDxdjT1NLPQ///QBANMfrCY7CzgU1ThZaMk5OUqKOjnqOKV0aSoVmg9egYCg4T4//vU8/V1MJT7P/xHhEMDuv/qlypkkZOfpGRko6PrqGmoqKQUkyJqGen3PNpCwhl68m+t8va0LW0vsz2dQsGXv/ftnOtmkxWeYuUk5CVq6Geo6GKVEmTprCwrrWymJi0t8LCxdDW0bDQzMS3uaGfurm2uLOro09Xg4+aj5SQp6KmpaGIUEaVo6y2u7m+wbrKyMnXzM7RysHZ09HWw8fAwsXFw7iunlBTfJmTlIqRoqWio5qDUEiPqLW3wMLFzM3Kx87R0dHM0b/QztPP0NLSy9DOxriwm0pRg42NkIyJpaGhpKiKUEaNobK6xsvLytLQz8nOzdXR07zF1NfU2NvW1NHIwbWzmU5RgoqVkI2MoaOhnqCFTj+Eo7C1x8bEztDX0MrR1NLJ1cTN0NLV0NnY0s7Hw7msj0VVfpKOjpWNqZ+bop6GUEJ+pK+7wsfR1M3R0M3N0dHS1MjD0tLS1dXV09PHxra2hkZNfJGLkY+PpKWcnZiDTj1spbG7wcbP1M7OzM65hpnLypyOvs/P1tjW1NDIxbqvc0hRe4qPjo2QoqWfop6FVzdcnai8wMnN0s3Lz8enaHWmrXJqqtPUyM3U2c/GuLynWD5Sdo6Li4ySmZqimJ6KUUJGi6S4usPKzMTN0M3KwsXAwsfLzNPS18vO08vBvauZTERNe5iOj5SOn6KVnZuFT0JGfKOyt8bGvszMx8bLz8vI0cnNzMvPzs7CzMnDt7KFQUBYfo6EiI2ToaKkoJqFUkRFY5yrtLq7v8TEyMbLxc7JzM3NxcbMys7JwL+7saZlQ0FReIqGioyMo5+bppqGTDg/QIyfqrGvvcTFv8GvoIuKhpCirMDQwsvIu721rJJKRERNd5CPjYmPoJ+enJSITz5EQWWYnae3uba7lF5DOCklJy01S2WPucTAubCuoGhHQkNQeoiQiYqJmp6dmJ2BS0I7Q0WHnamptY08HBARERMVFxARFBscPJe5tq+pkE5CRkpSgYiHhouMo6GcmJ5/SjlCOz9bnKGLXRoUGRkYFhgaGhoUGRkYFhhojqmdY0hAQkxNeoqFjYWMnKObnJZ5UUY7RDpCe5xuIhcSFxYWJi08OSkgHBgREBUjeKWEREBCQkNPeIyJjYiOnJmdmaSBSzxCNkE5TYudmjUWERUiLkNJSEI2IxYYHDehqJdWQkNDRD5PfYyOjYiPl5maopuDTDpDOjw+QV+Tm55yWUZDRERRTE5CRExaeKKtlmNARkBIQ0dMe46HjYeHm6CVmZyAVkpHTUZMTkxwkaafloR3cHt2fHB4doCYraeca0RLR05JSktVf4WFhIuJlpqZlJSFc2hqaGpjZ1xWcZmen6uqpJuZmJqdrK2rp5R6VGBkX2BiXl5qhIiGiouGmZaXlpeYh4CJhIeIhIFpZnqQl56em5SPk5WhpKOmkXxqZH98eX99fnl9hYGLh4WImJiXl5OblZOfkpial415anZxhpiemJqRnJecm5iRdm5zdYiQkImKiIyJkI2KiIGHoZWZm5uWmJKZmJWbkY1uaXFueIGImJGXnJiZjYJ5cXN1fI2PiIGFiIaFhYWIg4yInJCVm5uZl5uRlZOVlZFvaXBwbXJ1f31+iYB/eWpxdHN4coeJjIyKjIuJioiBgoqFmZeanI6elZiOlJCVlpBsbnJscmxyZm1xdnZtc3Bzb3J3do6EkYuOjouJkoiGh3+DmJaSk5GRlJmUl5iRlY1rbG9ycnJ3a3JzcnN0aW1zc2t1b4qQi4SOiYSKiYOFi4qH", "called": "A drawn face, fear."}, {"pixels": "fHh/eX+Dg4SHi4mOkZSUkpSBfmlgXUhVVlBYaX6KnaSsrq61r7Swu7Wwsru6vb2/fHp7gYCGgX6Lho2Ij4+Ph3BkUEBGQkY/QEFFPUNSaYCWq6yvs7G/r7O2rLe5u7+/eoF9g4GAg4aEh4WDjYd4ZExAPkg+QkVDQkk8PkNGQ0xpiKalsqy4tay1u7i6u76/gXl9fICChoSGioONgG1ORD5BQUBBO0FHQ0JEQEtCPzpEW3ykr6yzuK6zrr+3tru7eHl0fYF/hoaIhoZ4W0tIPUM/PD46OEA+Q0ZCPUI7RTlAQEtslq6ytrezsLO1trm9eHp9eH19gIGHh3liRkFEQ0A3Qz8+Pzk4PUVEQ0E/OjpFPUVKbZiwrLK3t7W4t7q7fHx6e32Eg4iCeV5LQkQ9Oz4+Qj45R0ZCQUM6PTw+Qz48QT1CRnKeqbiztLe1tLfCdnx+eXyFh32AZklEQDg+PEJEQUNFQ0VOUlVTVFdXT1RKSj1AQ012q66xrre7tba+eXp9fHx/en9sTDtAR0RLXW1ug42Wmquxsba0s7OwsLGajohqPj5VjKu1sKqrt7y3eHd1en58gnZQPD9Xg5Slu8HQ3eLo7O3p7u3y7OXg2tvYzb62fUFBap6rqLSwtba7dHV9e4B8eWRNQGOpyMrM2uHh6OXu8O3p6vHt6uHd5dnd1sfCrmA9SIOvr7Sms7iydnR2coB3dVs+Q6C/zNPZ3ejs8eru8PP16O327Ofv6eHc18zLvJlENWGYra+vtrS5dHh5d3x3Z0dDaLXK0d7j5+7p9PHw8+/v8fT07unk7eLg2dnIvLllQkuDqbCvtbewc3R1fXR4VjxAm8LO0+Hk4Ovu8/Dy9e/t7/Pt7u7y5ufg29LSwreXOzlpp7G3s7ewcHh5e3huTD9auMvV19ji6+fs8+j18un48ufu8PHr7ebl49bYx8K3VztWmq+0sLmzeHJ9e4BjSEJ7vHJhZW10fn+Olp+nrNTx8dCqo5iQiIl+c2thVGi2eT1MhLStsamzcHR4dnZdRDydxmksHikjIyoiKSMoTtPr781IIyEiIyQlJiUqKGPAoD5Eb6y2rrGrcmx5d3VXQUeyxszFvZh7Z0c5HiohRszz5MtHKh0nN0lfe5yywMrGr0Y6bKiur7GwdHR4eW9SOWO1w83Iz8i1vrrIvaWIa9ns8NVtjKa+wbq1tcfLysHFs15DWp20qrC0cW91d2lGQHe4w7yNVjYnJyU4ZJ/f5tbOzdjj2KFsNiglKj1Si7PCtXI8VJGsqrGtdnh0eGVKOIm6xFxuubUFDxBCqGE6gd/l4ciEOGOfFxEGINy1Z12+vos0TJOvrbKzcmp4b2pRN5G5zMfQyMOce3ivxs3Gue7t9NGyxtHFoXl6pcK9y8DFt5A6SpWrrq+zdHZ0c2pDO5O90M/Q2NjZ09fe3OLyyY6JiIDN6drX2NLI2sbPxtPAu5dAU5Oqqq2rcHN0cWhIPJrFy9PW397g2t7n7efq6erm69Lq6+jl3uXh39jN1MjCuJk6U5Cpqquwd2xzc2RHP5y9x9fe4uXo6+7n9e3w8OXq8Nfo7Onn4eTq5eXY1sW/spM8TJGjq6mvbnBvdWNJO4u+ydPo5unx5ubp9PDszKuzraDF5Onh5+Xw6OLW1M7DtY05UZalpaSqbGx0cGtKPIG7x9rX5OHv7u3r7+7q6Ofk5uHg5Orm6+bp4Orf18m5t308T5KmqaumcHJpd2xJNmyyu9Lc6ern8+fm7ePk8Ofn69zd5eLu6ezq5ejh2srAsWc7SoWlpaipZm9wd29BOFS2xM3g4O7t7O/uz+TBgo7b2Y2Av+nP4uns5eDi1MzBsFQ0SIeoqKWubW5qbmlFOkOjwcrZ4ebr6ezC6+jPgom9vISKwOXmuePk5Ojd1cq6oTo6S4ihoqunamttbmhCNzqIu8fP3ejg67fw4OXb2tPb5eXi4eXi5Lbj5dzU0MKzgzM5SYuno6yqbG1mbWlJOzZausXP1t3cvODl6KeluqaSvujl2eDf29i+49rOx7y0XzY2UIufpqKjbG5qcmdHOzs9lrjGzt7LwePhsP7u5fX6y5vZ4d7i3d/CxtTNvbaYPzg3TYKqo6OjamZwbmNANTg5bbHGyc+m39eykkcuPFSFvfmj19rY2N7To8rIs6xjNzg3SIacpqOZZW1qb2NGOjc7Qpy2wL26z7M9FhEtPEhUUV3HuNLW2M3Suru9r5Q6Ni82UIieoJ6iY2ZwcWNHPi47N1qnt8LJvDNjgIWNfGZbUUYvha/R1dHIx7y0rFk2NjY3TIyknZygZ2Rwcl1COzQ2NDR9sLy7qsbPz83Ozce1ontRJFCdyczDu7unfDo1MzM6SYKepaOkZGdncGU4OjlAMztDl7S4v8jGxtPSysfL0M2xiDpFrcK8tauVQDQyNTU3T4Wen56aZmloaV1EPTg2Njc1T5ytur3Dw83Atq6rqbXOzLdyPb20qZlQNjY5MDYvTYOenZ6jZ2drZGVIMTY6Ozw0PF2gq7fBw8LBycG7q6qsv725lTOrlVg0MDU0KTcvToWenp2lZ2JtYWFEOzYxMS85OTZalbC0tb67xsbBycCytLy2s5GHWjQ0NTU0PDAzQ4WamZieaWhsal1CMDE2NDg0NzQtWY2psrCzur+5vbi1tLKmqJBHNDI2NzA4MDEzTIOVoaOfY2Voal0/MzQ5MjU3NjEyN0d3oKu0sLKstbeqsK2fckYzNTE0NjUxMzA0RoGXmpuaZmliZl9CMjYyNDg0NjY3NDUzX3aSpKaorKaklHtaPjM5PTM1OTkwLzExQ4OZmpyfYmBjbWJDNzg5NTctMDQyMjovOjFPZnl3eXBcSzcvMzY0NTQ5MjA3MTU5TICVmJuaYWBiY2pISUJCRT5ESUBIR0dJSERIQ0VPSEk+SEZCPkRHR01JSU5NSlBIXYObmpmhbGNqYW5YYllYXFhdXlthXlxYYF5lWFpZYV5iZV5fY15fYGFxcm5vdG90epCTl5uZZ2NkbWxpbGltbmhub254d295dHt8cXN5dnBydnNwcHNybYiHioyMjY2NjZSal5qU", "called": "A drawn face, disgust."}, {"pixels": "r6y1qrC0pa2vrK2nsaero6KLgGpNRD84NT5GUGt8iKOirKecn52lnaSgm6ehnJqcqbOrsLqpsaeztrC3qbKjiGpMRjItKjk4KygxNjgxTW6KpqSwrKKbpaeonp6lnKufqLetrK+2pbarsLKur6SAVTIuNjMvNC0oOyo0NDE2MzdSaZWnpJqqoJycoZykoZifsrS3tKm/rseytbayiF80MzMwKy8yMCwxMTMwLzolLSoyQGmWlqSYqKShm5uanZuis7SxurKotLCpprCLWTcxMDcwMTEtNysxLDEzKi4vODcxLjdVg6qepaimo6OmnaGeqa+0r7Ottq2usIpWLzg4RlNgZWZtdmhpUUVPP0I3OTI5MzYzVoSmnKytoaekoqOirr6vqrGtt7awj1wkLEl7kIeOlZ2jnp+boJeOjGxxWVA/QTo1O1+EpamjnKSaq6Cfr7Sxsburua2eYzwpS4aWlp6go6Ohr6awq7KoraSlnJF6eF43Ozlsl7SapKGZpa2suLawpK6wq7R2QTNAgY6Um5yYpaGsqLKxqrKntLmrqaKempt6PjBBeJ6sqKuVr6Ojqaetq7CzrpZJNDJqjZeZoKeqpq6ur622r7KzsK66sKyhqZ6jfTgvToqWpaefpaKos7e4tLCxqXE2MFCAlpmfoq60ra2rsa+4uLW7vrS8sbWmp6ebjGAyRmmbpKSgqKCns7G+uaS5llUoQHuPj6aeoqqoprGxubqtuLuwu7i1vba3p6KomZFGPU6Lo6Kip6GpsKqtsLeqgDg6UYeVm6ilorOrt663rLC3ubm4u7i9ubOwsbWupZRjLjxroZ2kpJygrrKrrLWaVj89dm9tcFlYTktXUzw6gbvAvsiANEZERE5fa2l1d36IPDdYnKKsm5uawLa0t7uLQDNGklonLzQiIScXHComgLrCsryAKiUjKiMqKCUjLmeZXThHgqqfqJ+jsrq0tbhzPjZ1jIeFiI6Fh3p1aF5af8fDs8N6U2N6eH6MlpKik5ylgCo9cZ6mp6ecsLSysKpmLzSGmJ6no45lWVhdeaa5y7q4w7q9xbF/amRdbI2trKqckDQsYqGko6qmsq+ztaJaL0mIj5yaZHSTm4yrm3eEubjIv7+/eXGUp5anpoJcpaeplEMuXZecn6ultLK5q5pLMWOOnZVbjXdKPDg9ap2If72/v7xxgJ9oOzw4WYmaXKmnomM5SpSspKGttri3t6BkZ3iSpm9+WWx9FxUcfkZ/ZKHJwaJkiU+gLBkaVm1ikH6vnY1xWI6irqSpt7iwtKGMkYeQml5RpPt2HRQSl/hpUnWGfoZRbv/WHhwWRf+5TVasppCfmpKhqpyfsLixtayTkYGOm096nsK8Jik7sLe0e3CqsIdvs7XhZScpnNung1GooZminqOqnLGqsr2ztrWQhImRoWOXrZ+pnpysrrq5j4e8wYyJybuvp6OqsbK4pG+qpp6nmaihpKWnv7O4sK+Fh5SVnYRrq6yssai/tLSuZa25xbpcq7e9wrPBvby4hputq52apJ+mp6Obtq+xurOLh4yUnKd5dK23uLS7wqdenqvDxL6haqW2vr6+u7qChLWzoaKbpaakppugvbmrrbiOiImQnKOtiF+GmaSNdm+xvq7MxMHFuHx6n6ifiVmaxLGrqaaVm6Win6OfrLW4tb+hjH6Un6WuvbWkkoyluLu/uqW+scK/xMm8o6KYscnKvLussZ6hnaaioqebvLqzu6+1mIuMmaa3sbq4u7u9t7++wLS4xMjFx8XExcXKxsG7y660l5yknaStoKilubC1sr2xt5qUk6eqt72vxMC5xb/EoqzBz76kxcLLw8bHv8rIu7exp5miqKWrqaiht765vMKzpaSTmKits63LwLe9xcWUXGmmqWximcTCzcbIzNDLvryypaijnqilpaOowbe5srWssLOWl5ywtLW4t7m5xbi8qZyprrGpxc3Twr/RzcfEubKtlK+eo6Slnp+ltLa1vLe9q8CgkaGvsrW0vL7Jur27wbu6x8XHw8bBzMTGwMS/s6ymnqKvo6eirqeiurmvuK27uauxkpmmp6ixt8O2v8W4vr/BxsTAxcXAwsXDxsKzr6agpqeuo7SqnqSrtrS/q7m1s7e4opieqa+kq7avu7y2v73Dxsi4vMvIx8LEwsO2s5qjrKausKSkqJ+lurnGt767urXGt5eQoaustbeyrLi9vcHAvcO9x8S4wb62uLWtqKKgm6qsoqaymqKmr7W0vrG8r7i4tKqPmqWelZifj5KDfnJ9d4eFhY6Yk6WhvLKonKOdo6a0qaWlqZqnt7m1vrG2sbe3tLSrlpSqgDw6NTswNzw5STA0NzQyOT6EsZ2ho6SqoampqKefoqOpssW0tbO2urm4urOymZeno6S0oZKJeHV+dnl2jImwsrC0pKOWqqyjrKW0paykpaGnuq6xu7q7wbe0rKvCq5SYpKmrpru5sqigpaG2tKa0tLCmpZ+vpaaup6mrs6akrqmos7rKsrrAt7Wxu7nAurCGnqGop6+mp5ORlZqktMWvr6GqmqitraC1q6mnsKGyr6Osrr25u7e2sbW+urSyt7Z5iKain7CvtbWno62zr6moqKWShZ6wsKmopaWtpZ6lpKKlu7y3sLO1tbW7uru4sqx5cJCVm6Opqqyuqaqpr6ehoJh8gKmwsqmrqqKvqKiqpquys7C2ur+0vr+4uK+7s61yeICFlZebp6yjqqugpqWQgYFygaiurayvq6ispamnqairwLq0vLy3w7m2tsO4tLZ2dm1mboqQmKCgo5SgnI2Ch3h2dKq0qq2nrK+qoqytoZ6ftrzDt7G0v725srK7t6hueXt6cXyBi4uMkoSGjIN6cnh9faWxsqmpqrGisa+irKWiv7jBu668sbC3t7+4srR6bYN5eHhweYJ7fIFwgGx/fIF6gKq1sKitprCpramoqaacv7y+tceyuLe0xsOusap3e3lue3SAfnV9fXaDc3h5fHaFf7KurrCurZ+tp7awpaSss7S5sbu/rr+9trq+t7l8eYB6enaFa3Z5c3R8dnZ3enp/g66vsaeprJ+kq6+fqKul", "called": "A drawn face, neutral."}], "kernel": "AGFzbQEAAAABDAFgCH9/f39/f39/AAIQAQRwYWdlBm1lbW9yeQIAAQMCAQAHDAEIbXVsdGlwbHkAAAq9AwG6AwIDfwt7A0AgAf0JAgAiDyEOIAH9CQIEIhEhECAB/QkCCCITIRIgAf0JAgwiFSEUIAIhCCAFIQkDQCAI/QAEACELIAj9AAQQIQwgAP0JAgAhDSAOIA0gC/3mAf3kASEOIA8gDSAM/eYB/eQBIQ8gAP0JAgQhDSAQIA0gC/3mAf3kASEQIBEgDSAM/eYB/eQBIREgAP0JAgghDSASIA0gC/3mAf3kASESIBMgDSAM/eYB/eQBIRMgAP0JAgwhDSAUIA0gC/3mAf3kASEUIBUgDSAM/eYB/eQBIRUgAEEQaiEAIAhBIGohCCAJQQFrIgkNAAsgBwRA/QwAAAAAAAAAAAAAAAAAAAAAIQ0gDiAN/ekBIQ4gDyAN/ekBIQ8gECAN/ekBIRAgESAN/ekBIREgEiAN/ekBIRIgEyAN/ekBIRMgFCAN/ekBIRQgFSAN/ekBIRULIAMgDv0LBAAgAyAP/QsEECADIAZqIgogEP0LBAAgCiAR/QsEECAKIAZqIgogEv0LBAAgCiAT/QsEECAKIAZqIgogFP0LBAAgCiAV/QsEECAKIAZqIQMgAUEQaiEBIARBAWsiBA0ACwsAjwEEbmFtZQJ2AQAWAAd3ZWlnaHRzAQRiaWFzAgVwYW5lbAMDb3V0BAZibG9ja3MFBWRlcHRoBgZzdHJpZGUHBHJlbHUIAXgJAWsKA3JvdwsEbGVmdAwFcmlnaHQNAXcOAmEwDwJhMRACYjARAmIxEgJjMBMCYzEUAmQwFQJkMQMQAQACAAVibG9jawEEZGVlcA=="});
