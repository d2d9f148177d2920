// The player in JupyterLab: the kernel hands over faces and networks, and says what a classifier answers.
export default {
  render({ model, el }) {
    const element = document.createElement('div');
    element.className = 'fer-player';
    element.addEventListener('keydown', (event) => event.stopPropagation()); // JupyterLab takes arrow keys otherwise
    el.append(element);
    const waiting = new Map();
    let number = 0;
    const ask = (question, images = []) => new Promise((done, fail) => {
      number += 1;
      waiting.set(number, [done, fail]);
      model.send({ id: number, ...question }, undefined, images.map((image) => image.buffer));
    });
    const hear = ({ id, answer, error }) => {
      const [done, fail] = waiting.get(id) ?? [];
      waiting.delete(id);
      if (error) fail?.(new Error(error));
      else done?.(answer);
    };
    model.on('msg:custom', hear);

    const player = ferPlayer.mount(element, {
      networks: model.get('networks'), faces: [], kernel: model.get('kernel'),
      load: (name) => ask({ load: name }), classify: (images, name) => ask({ classify: name }, images),
    });
    const choose = async () => {
      const [now, wanted] = [player.state(), { straighten: model.get('straighten'), classify: model.get('classify') }];
      if (now.straighten !== wanted.straighten || now.classify !== wanted.classify) await player.choose(wanted);
    };
    const recall = () => player.recall(model.get('recorded'));
    const show = () => {
      player.show(model.get('face'));
      if (model.get('recorded')) recall();
    };

    // Theta goes back to the epochs of its training, where these were recorded for the face.
    const epochs = document.createElement('label');
    epochs.innerHTML = '<span>Epoch</span><input type="range" min="0" step="1"><output></output>';
    element.querySelector('.sliders').append(epochs);
    const [, range, told] = epochs.children;
    const showEpochs = () => {
      epochs.hidden = !model.get('epochs');
      range.max = model.get('epochs');
      range.value = model.get('epoch');
      told.textContent = range.value;
    };
    range.addEventListener('input', () => {
      model.set('epoch', Number(range.value));
      model.save_changes();
      showEpochs();
    });

    let later = 0;
    const tell = () => {
      clearTimeout(later);
      later = setTimeout(() => {
        const { straighten, classify } = player.state();
        model.set({ straighten, classify });
        model.save_changes();
      }, 150);
    };
    element.addEventListener('drawn', tell);
    const heard = { face: show, straighten: choose, classify: choose, recorded: recall, epochs: showEpochs, epoch: showEpochs };
    for (const [name, act] of Object.entries(heard)) model.on(`change:${name}`, act);
    choose().then(show).then(showEpochs);
    return () => {
      model.off('msg:custom', hear);
      for (const [name, act] of Object.entries(heard)) model.off(`change:${name}`, act);
    };
  },
};
