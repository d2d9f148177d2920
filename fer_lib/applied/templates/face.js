const SIZE = 48;
const get = (id) => document.getElementById(id);
const tell = (text, problem = false) => {
  get('status').textContent = text;
  get('status').setAttribute('role', problem ? 'alert' : 'status');
};

// What lies in this page: gzipped, in base64.
const unpack = async (name) => {
  const packed = Uint8Array.from(atob(get(`part-${name}`).textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
};

const open = async () => {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = (await unpack('wasm')).buffer;
  // a page from a file may load no module but one that it made itself
  const loader = new Blob([await unpack('loader')], { type: 'text/javascript' });
  ort.env.wasm.wasmPaths = { mjs: URL.createObjectURL(loader) };
  return ort.InferenceSession.create(await unpack('network'), { executionProviders: ['wasm'] });
};

let photo = null; // what is drawn: an image, a video or a canvas
let name = '';
let session = null;
let busy = false;
let again = false;

const measures = () => [photo.videoWidth || photo.width, photo.videoHeight || photo.height];

// The square in pixels of the photo.
const square = () => {
  const [width, height] = measures();
  const side = Math.round(Math.min(width, height) * get('size').value);
  return [Math.round((width - side) * get('across').value), Math.round((height - side) * get('down').value), side];
};

const drawPhoto = () => {
  const [width, height] = measures();
  const canvas = get('photo');
  const scale = 480 / Math.max(width, height);
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  const pen = canvas.getContext('2d');
  pen.imageSmoothingEnabled = scale < 1;
  pen.drawImage(photo, 0, 0, canvas.width, canvas.height);
  const [left, top, side] = square();
  pen.strokeStyle = '#de8f05';
  pen.lineWidth = 3;
  pen.strokeRect(left * scale, top * scale, side * scale, side * scale);
};

// The square as the network sees it: uint8 [48 · 48], with the grey of PIL's mode L.
const face = () => {
  const pen = get('crop').getContext('2d', { willReadFrequently: true });
  pen.imageSmoothingQuality = 'high';
  const [left, top, side] = square();
  pen.fillRect(0, 0, SIZE, SIZE);
  pen.drawImage(photo, left, top, side, side, 0, 0, SIZE, SIZE);
  const picture = pen.getImageData(0, 0, SIZE, SIZE);
  const grey = new Uint8Array(SIZE * SIZE);
  for (let i = 0; i < grey.length; i++) {
    const [red, green, blue] = picture.data.subarray(4 * i, 4 * i + 3);
    grey[i] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16;
    picture.data.fill(grey[i], 4 * i, 4 * i + 3);
  }
  pen.putImageData(picture, 0, 0);
  return grey;
};

const look = async () => {
  if (!photo || !session) return;
  drawPhoto();
  if (busy) {
    again = true; // the last of many moves counts
    return;
  }
  busy = true;
  do {
    again = false;
    const faces = new ort.Tensor('uint8', face(), [1, SIZE, SIZE]);
    const { probabilities } = await session.run({ faces });
    const values = Array.from(probabilities.data);
    const rows = [...document.querySelectorAll('.bars tr')];
    rows.forEach((row, i) => {
      row.classList.toggle('best', values[i] === Math.max(...values));
      row.querySelector('div').style.width = `${100 * values[i]}%`;
      row.lastElementChild.textContent = `${(100 * values[i]).toFixed(1)} %`;
    });
    tell(`${name}: ${document.querySelector('.bars tr.best th').textContent}`);
  } while (again);
  busy = false;
};

const show = (image, called, size = 1) => {
  photo = image;
  name = called;
  get('size').value = size;
  get('across').value = get('down').value = 0.5;
  return look();
};

const read = async (file) => {
  try {
    await stop();
    await show(await createImageBitmap(file, { imageOrientation: 'from-image' }), file.name, 0.6);
  } catch {
    tell(`${file.name} is no picture that this browser can read.`, true);
  }
};

let stream = null;
const stop = () => {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  get('camera').setAttribute('aria-pressed', 'false');
};
const start = async () => {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: true });
  } catch {
    tell('No camera, or this page may not use it.', true);
    return;
  }
  get('camera').setAttribute('aria-pressed', 'true');
  const video = document.createElement('video');
  video.srcObject = stream;
  video.muted = true;
  await video.play();
  await show(video, 'camera', 0.6);
  while (stream) {
    await look();
    await new Promise((done) => setTimeout(done, 100));
  }
};

get('file').addEventListener('change', (event) => event.target.files[0] && read(event.target.files[0]));
get('camera').addEventListener('click', () => (stream ? stop() : start()));
for (const id of ['size', 'across', 'down']) get(id).addEventListener('input', look);
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  if (event.dataTransfer.files[0]) read(event.dataTransfer.files[0]);
});
// The square follows a finger or the mouse.
get('photo').addEventListener('pointermove', (event) => {
  if (!photo || !event.buttons) return;
  const [width, height] = measures();
  const [, , side] = square();
  const box = get('photo').getBoundingClientRect();
  const place = (at, whole) => (whole > side ? (at * whole - side / 2) / (whole - side) : 0.5);
  get('across').value = place((event.clientX - box.left) / box.width, width);
  get('down').value = place((event.clientY - box.top) / box.height, height);
  look();
});

(async () => {
  try {
    session = await open();
    const first = new Image();
    first.src = `data:image/png;base64,${get('part-drawing').textContent}`;
    await first.decode();
    await show(first, 'a drawn face');
  } catch (error) {
    tell(`This browser cannot run it: ${error}`, true);
  }
})();
