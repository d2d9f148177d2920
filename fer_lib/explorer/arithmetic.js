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
