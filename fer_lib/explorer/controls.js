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
