"""The player in Chromium, from a file as a reader opens it: its numbers beside PyTorch's, and what a hand does."""

import base64
import re

import numpy as np
import pytest
import torch
from explorer.lab import CHROMIUM, barriers, browser_page
from PIL import Image
from torch import nn
from torch.nn.functional import grid_sample

from fer_lib import data
from fer_lib.data.batches import normalise
from fer_lib.errors import FerError
from fer_lib.explorer import player
from fer_lib.explorer.models import open_run, shipped
from fer_lib.explorer.portable import portable
from fer_lib.faces.finding import crop
from fer_lib.faces.network import TrainedNetwork
from fer_lib.geometry import compose_pose, invert, sampling_grid
from fer_lib.models import Classifier, SpatialTransformer
from fer_lib.models.networks import resnet50, vanilla_cnn
from fer_lib.report.face_page import page, page_of_report
from fer_lib.report.html import TEMPLATES
from fer_lib.study.photo import chosen
from fer_lib.study.quoted import recorded

CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
COMPUTE = """([kernel, spec, faces]) => {
  const math = arithmetic(kernel), net = spec.classes ? math.classifier(spec) : math.transformer(spec);
  return faces.map((face) => [...net(math.normalise(Uint8Array.from(atob(face), (c) => c.charCodeAt(0))))]);
}"""


@pytest.fixture(scope="module")
def playwright():
    if not CHROMIUM:
        pytest.skip("needs Chromium: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with sync_api.sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory) -> str:
    """The address of the page that loads a report's files."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "assets" / "networks").mkdir(parents=True)
    for name, text in player.files().items():
        (folder / "assets" / name).write_text(text)
    (folder / "assets" / "style.css").write_text((TEMPLATES / "style.css").read_text())
    (folder / "face.html").write_text(page_of_report("assets"))
    return (folder / "face.html").as_uri()


@pytest.fixture
def opened(playwright, report):
    with browser_page(playwright, flags=CAMERA) as found:
        found.page.goto(report)
        answered(found.page)
        found.page.get_by_role("button", name="Put it back").click()
        yield found


def answered(tab) -> None:
    """Waits until the bars say what the classifier answers of the face that is shown."""
    tab.get_by_text(re.compile("The answer is")).wait_for(timeout=60_000)


def reading(tab) -> str:
    return tab.locator(".reading").inner_text()


def in_base64(faces: np.ndarray) -> list[str]:
    return [base64.b64encode(face.tobytes()).decode() for face in faces]


def by_torch(run, faces: np.ndarray) -> np.ndarray:
    """Theta of faces uint8 [N, 48, 48] as [N, 6], or the probabilities of the face as it is, [N, C]."""
    model, images = open_run(run, profile="paper"), normalise(torch.tensor(faces).unsqueeze(1))
    with torch.inference_mode():
        if model.network is None:
            return model.transformer.theta(images).flatten(1).numpy()
        return (model.network(images) / model.temperature).softmax(1).numpy()


@pytest.mark.parametrize("spec", player.shipped(), ids=lambda spec: spec["name"])
@pytest.mark.browser
def test_its_numbers_are_those_of_pytorch(playwright, report, spec):
    faces = data.load("toyfaces").images[:200]
    (run,) = (run for run in shipped() if run.weights.stem == spec["name"])
    with browser_page(playwright) as found:
        found.page.goto(report)
        said = np.array(found.page.evaluate(COMPUTE, [player.KERNEL, spec, in_base64(faces)]))
    wanted = by_torch(run, faces)
    assert np.abs(said - wanted).max() < 1e-3
    if "classes" in spec:
        best = np.sort(wanted, 1)
        clear = best[:, -1] - best[:, -2] > 0.002
        assert (said.argmax(1) == wanted.argmax(1))[clear].all()


@pytest.mark.browser
@pytest.mark.parametrize("kind", ["resnet50", "vanilla", "paper", "batch norm", "twice"])
def test_it_computes_what_the_study_trains(playwright, report, kind):
    torch.manual_seed(0)
    twice = SpatialTransformer(localisation="hidden", warps=2)
    network = {
        "resnet50": lambda: resnet50(classes=7, width_per_group=8), "vanilla": lambda: vanilla_cnn(classes=7),
        "paper": SpatialTransformer, "batch norm": lambda: SpatialTransformer(localisation="paper_batch_norm"),
        "twice": lambda: twice,
    }[kind]().eval()  # fmt: skip
    if isinstance(network, SpatialTransformer):
        nn.init.normal_(network.regression.weight, std=0.1)
    faces = data.load("toyfaces").images[:8]
    images = normalise(torch.tensor(faces).unsqueeze(1))
    with torch.inference_mode():
        moves = isinstance(network, SpatialTransformer)
        wanted = (network.theta(images).flatten(1) if moves else network(images).softmax(1)).numpy()
    spec = portable(network) | ({} if moves else {"classes": ["one"] * 7, "temperature": 1})
    with browser_page(playwright) as found:
        found.page.goto(report)
        said = np.array(found.page.evaluate(COMPUTE, [player.KERNEL, spec, in_base64(faces)]))
    assert np.abs(said - wanted).max() < 1e-3
    assert np.ptp(said, 0).max() > 1e-3, "the faces differ"


@pytest.mark.browser
def test_the_face_moves_as_its_true_pose_says(playwright, report):
    """Turned clockwise, enlarged, shifted right and down, dark at the left; its edge goes on outside."""
    face = data.load("toyfaces").images[3]
    motion = {"turn": 20, "size": 1.2, "across": 0.2, "down": -0.1, "light": 0.4}
    with browser_page(playwright) as found:
        found.page.goto(report)
        moved = found.page.evaluate("([face, motion]) => [...ferPlayer.moved(ferPlayer.decode(face), motion)]",
                                    [{"pixels": in_base64(face[None])[0]}, motion])  # fmt: skip
    pose = compose_pose(rotation=20, log_scale=np.log(1.2), shift_x=0.2, shift_y=-0.1)
    grid = sampling_grid(invert(torch.tensor(pose))[None], height=48, width=48)
    tones = grid_sample(torch.tensor(face)[None, None].float(), grid, padding_mode="border", align_corners=False)[0, 0]
    wanted = (tones * (1 + 0.4 * ((2 * torch.arange(48) + 1) / 48 - 1))).clamp(0, 255).numpy()
    assert np.abs(np.reshape(moved, (48, 48)) - wanted).max() <= 0.51


def test_the_kernel_is_made_from_its_text():
    """`make lock` brings the tool; after a change of kernel.wat: wasmtime.wat2wasm writes kernel.wasm."""
    wasmtime = pytest.importorskip("wasmtime")
    assert wasmtime.wat2wasm((player.HERE / "kernel.wat").read_text()) == (player.HERE / "kernel.wasm").read_bytes()


def test_a_network_that_it_cannot_compute_is_refused():
    with pytest.raises(FerError, match="does not compute GELU"):
        portable(nn.Sequential(nn.Conv2d(1, 4, 3), nn.GELU()))
    with pytest.raises(FerError, match="does not compute Conv2d"):
        portable(nn.Sequential(nn.Conv2d(4, 4, 3, groups=2)))


def test_what_a_page_loads_is_small():
    files = player.files()
    assert sum(len(text.encode()) for name, text in files.items() if name.startswith("networks/")) <= 6e6
    assert sum(len(text.encode()) for name, text in files.items() if not name.startswith("networks/")) <= 300e3


def test_most_of_the_papers_transformers_learnt_to_do_nothing():
    """As the player shows it: theta of each kept test image after the last epoch is the identity."""
    (told,) = (network for network in player.NOTHING if network["name"] == "paper")
    results = recorded().of(arm="ResNet50 + STN", split="random80", status="finished")
    records = {run_id: results.records[run_id] for run_id in results.runs["run_id"]}
    thetas = [results.load(record)["theta"][-1].reshape(-1, 6) for record in records.values()]
    idle = [np.abs(theta - np.array(told["theta"])).max() < 0.01 for theta in thetas]
    assert len(idle) >= 10
    assert np.mean(idle) >= 0.8


@pytest.mark.browser
def test_a_hand_turns_the_face_and_the_transformer_turns_it_back(opened):
    tab = opened.page
    tab.locator(".face").scroll_into_view_if_needed()
    box = tab.locator(".face").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    tab.mouse.move(x, y - 100)
    tab.mouse.down()
    tab.mouse.move(x + 50, y - 100 * 0.866, steps=5)
    tab.mouse.up()
    answered(tab)
    turned, undone = map(int, re.search(r"Turned (\d+)°, undone (\d+)°", reading(tab)).groups())
    assert turned == 30
    assert 24 <= undone <= 36
    tab.get_by_label("Straighten with").select_option("paper")
    tab.get_by_text(re.compile("Turned 30°, undone 0°: this transformer learnt to do nothing")).wait_for()
    tab.get_by_label("Straighten with").select_option("none")
    tab.get_by_text(re.compile("Turned 30°, and nothing straightens it")).wait_for()
    tab.get_by_role("button", name="Put it back").click()
    tab.get_by_text(re.compile("Nothing straightens it")).wait_for()

    face = tab.get_by_role("slider", name="Turn the face")
    face.press("ArrowRight")
    face.press("ArrowUp")
    face.press("Shift+ArrowLeft")
    state = tab.evaluate("document.querySelector('.fer-player').ferPlayer.state().motion")
    assert (state["turn"], round(state["size"], 2), state["across"]) == (2, 1.04, -0.04)
    assert face.get_attribute("aria-valuenow") == "2"
    tab.mouse.move(x, y)
    tab.mouse.wheel(0, -100)
    tab.wait_for_timeout(200)
    assert tab.evaluate("document.querySelector('.fer-player').ferPlayer.state().motion.size") > 1.1
    tab.get_by_label("Light").fill("0.5")
    with tab.expect_download() as saved:
        tab.get_by_role("button", name="Save picture").click()
    with Image.open(saved.value.path()) as picture:
        assert picture.size == (960, 530)
    tab.get_by_role("button", name="Another face").click()
    tab.get_by_text(re.compile("surprise")).first.wait_for()
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith(("file:", "blob:", "data:"))] == []


@pytest.mark.browser
def test_a_transformer_that_is_not_there_straightens_nothing_and_is_told(opened, tmp_path):
    """No other one's theta is shown in its place; one that was recorded is, and for the face as it is alone."""
    tab = opened.page
    tab.evaluate(
        """() => {
        const element = document.createElement('div'), options = {
            kernel: KERNEL, folder: 'nowhere', networks: [
                { name: 'one', role: 'transformer', title: 'one', kind: '', theta: [0, -1, 0, 1, 0, 0] },
                { name: 'gone', role: 'transformer', title: 'gone', kind: '' },
            ],
            faces: [{ pixels: btoa('\\0'.repeat(2304)), called: 'Black.' }],
        };
        document.body.prepend(element);
        window.gone = ferPlayer.mount(element, options);
    }""".replace("KERNEL", f"'{player.KERNEL}'")
    )
    mine = tab.locator(".reading").first
    mine.get_by_text("undone 90°").wait_for()
    tab.evaluate("gone.choose({ straighten: 'gone' })")
    mine.get_by_text("This transformer cannot be loaded").wait_for()
    tab.evaluate("gone.recall([1, 0, 0, 0, 1, 0])")
    mine.get_by_text("Turned 0°, undone 0°").wait_for()
    tab.evaluate("gone.move({ turn: 10 })")
    mine.get_by_text("This transformer cannot be loaded").wait_for()


@pytest.mark.browser
def test_two_fingers_turn_and_scale(playwright, report):
    with browser_page(playwright) as found:
        tab = found.page
        tab.set_viewport_size({"width": 390, "height": 800})
        tab.goto(report)
        answered(tab)
        assert "Turned −40°" in reading(tab), "so that there is something to see"
        tab.get_by_role("button", name="Put it back").click()
        assert tab.evaluate("document.documentElement.scrollWidth") <= 390
        tab.locator(".face").scroll_into_view_if_needed()
        box = tab.locator(".face").bounding_box()
        x, y, hand = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, tab.context.new_cdp_session(tab)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            at = [{"x": x + u, "y": y + v, "id": n} for n, (u, v) in enumerate(points)]
            hand.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

        touch("touchStart", (-40, 0), (40, 0))
        touch("touchMove", (-40, -30), (40, 30))
        touch("touchEnd")
        tab.wait_for_timeout(300)
        state = tab.evaluate("document.querySelector('.fer-player').ferPlayer.state().motion")
        assert state["turn"] == pytest.approx(np.degrees(np.arctan2(30, 40)), abs=3)
        assert state["size"] == pytest.approx(50 / 40, abs=0.05)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(playwright, report, scheme):
    with browser_page(playwright) as found:
        tab = found.page
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for width in (390, 1280):
            tab.set_viewport_size({"width": width, "height": 900})
            tab.goto(report)
            answered(tab)
            tab.get_by_role("button", name="Spin").click()
            label = tab.get_by_role("img", name=re.compile("How much of a turn is undone")).get_attribute("aria-label")
            assert label.count("°") > 10
            assert barriers(tab, "body") == []


@pytest.mark.browser
@pytest.mark.slow
def test_a_photo_is_asked_for_its_face_before_it_is_answered(opened, tmp_path):
    tab = opened.page
    photo, _ = chosen("")
    photo.save(tmp_path / "photo.png")
    (tmp_path / "broken.jpg").write_bytes(b"nothing")
    tab.get_by_label("Your photo").set_input_files(tmp_path / "broken.jpg")
    tab.get_by_text(re.compile(r"broken\.jpg is no picture")).wait_for()
    tab.get_by_label("Your photo").set_input_files(tmp_path / "photo.png")
    tab.get_by_text("Put the square around the face").wait_for()
    assert "answer" not in reading(tab)
    box = tab.locator(".face").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] / 2 + 3, box["y"] + 0.42 * box["height"], steps=4)
    tab.mouse.up()
    tab.get_by_role("button", name="This is the face").click()
    answered(tab)
    square = tab.evaluate("document.querySelector('.fer-player').ferPlayer.state().square")
    network = TrainedNetwork.open("compact_ferplus")
    face = crop(photo, (square["x"], square["y"]), square["side"]).crop
    tab.get_by_label("Then classify with").select_option("compact_ferplus")
    tab.wait_for_timeout(3000)
    said = [float(text.removesuffix(" %")) / 100 for text in tab.locator("tr td:nth-child(2) .share").all_inner_texts()]
    wanted = network.probabilities(face[None], mirrored=False)[0]
    assert np.abs(np.array(said) - wanted).max() < 0.1, "another way to make a photo smaller"
    tab.get_by_role("button", name="Camera").click()
    tab.get_by_text("Put the square around the face").wait_for()
    tab.get_by_role("button", name="This is the face").click()
    answered(tab)
    tab.get_by_role("button", name="Camera", pressed=True).click()
    tab.get_by_role("button", name="Camera", pressed=False).wait_for()
    assert opened.complaints == []


@pytest.mark.browser
@pytest.mark.clock
def test_a_drag_is_followed_at_once_and_never_held_up(opened):
    tab = opened.page
    for name in ("poses_fer2013", "poses_toyfaces"):
        tab.get_by_label("Straighten with").select_option(name)
        answered(tab)
        times, wait = tab.evaluate("""async () => {
            const element = document.querySelector('.fer-player'), times = [];
            for (let turn = -45; turn <= 45; turn += 1.5) {
                const began = performance.now();
                element.ferPlayer.move({ turn });
                times.push(performance.now() - began);
                await new Promise(requestAnimationFrame);
            }
            const began = performance.now();
            const answered = new Promise((done) => element.addEventListener('answered', done, { once: true }));
            element.ferPlayer.move({ turn: 20 });
            await answered;
            return [times, performance.now() - began];
        }""")
        print(name, f"median {np.median(times):.1f}, worst {max(times):.1f} ms; answers after {wait:.0f} ms")
        assert np.median(times) <= 20
        assert max(times) <= 50
        assert wait <= 150


@pytest.mark.browser
def test_one_file_holds_a_network_with_its_own_transformer(playwright, tmp_path):
    opened = TrainedNetwork.open("tiny_toyfaces")
    own = Classifier(opened.classifier.network, SpatialTransformer(localisation="hidden"))
    network = TrainedNetwork("<script>alert(1)</script>", own.eval(), opened.record, opened.temperature)
    (tmp_path / "page.html").write_text(page(network))
    with browser_page(playwright) as found:
        found.page.goto((tmp_path / "page.html").as_uri())
        answered(found.page)
        assert found.complaints == []
        assert "its own" in found.page.get_by_label("Straighten with").inner_text()
        assert [url for url in found.requests if not url.startswith(("file:", "blob:", "data:"))] == []
