"""JupyterLab in a browser: a server of its own, and a page that notes every request and complaint."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else shutil.which("chromium")
TOKEN = "explorer"
UPLOADS = re.search(r"^UPLOADS := (.*)$", (Path(__file__).parents[2] / "Makefile").read_text(), re.M)
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
# what Lab would fetch from elsewhere, or ask the user about
_SETTINGS = {
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True,
    },
    "@jupyterlab/extensionmanager-extension/plugin.jupyterlab-settings": {"enabled": False, "disclaimed": False},
}  # fmt: skip


@contextlib.contextmanager
def lab_server(folder: Path, **environment: str) -> Iterator[str]:
    """Address of a JupyterLab that serves `folder` and keeps all its own files in a folder beside it."""
    home = folder.parent / "home"
    own = {name: str(home / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR",
                                                       "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR",
                                                       "IPYTHONDIR")}  # fmt: skip
    for name, values in _SETTINGS.items():
        path = Path(own["JUPYTERLAB_SETTINGS_DIR"]) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(repr(values).replace("'", '"').replace("False", "false").replace("True", "true"))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--port=0",
               f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={folder}", "--LabApp.news_url=",
               "--LabApp.expose_app_in_browser=True", f"--ServerApp.tornado_settings={UPLOADS[1]}",
               "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]  # fmt: skip
    log = folder.parent / "lab.log"
    with log.open("w") as output:
        server = subprocess.Popen(command, env={**os.environ, **own, **environment}, stdout=output, stderr=output)
    try:
        yield _address(server, log)
    finally:
        server.terminate()
        server.wait(30)


def _address(server: subprocess.Popen, log: Path) -> str:
    for _ in range(300):
        if found := re.search(r"http://127\.0\.0\.1:\d+/", log.read_text()):
            return found[0]
        assert server.poll() is None, log.read_text()
        time.sleep(0.2)
    raise AssertionError(log.read_text())


@dataclass
class Page:
    """A browser's page, and what it asked for and complained about."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @property
    def requests_elsewhere(self) -> list[str]:
        """What was asked of another server than the page's own."""
        own = "/".join(self.page.url.split("/")[:3])
        return [url for url in self.requests if not url.startswith((own, "data:", "blob:"))]

    def choose(self, label: str, start: str) -> None:
        """The option that begins so, of the select with this label."""
        select = self.page.get_by_label(label)
        titles = [title.replace("\xa0", " ") for title in select.locator("option").all_text_contents()]
        select.select_option(index=next(i for i, title in enumerate(titles) if title.startswith(start)))

    def type_into(self, field: Any, number: float) -> None:
        """As a user does: the number, and Enter."""
        field.fill(str(number))
        field.press("Enter")

    def use_theme(self, name: str) -> None:
        """JupyterLab's theme of this name."""
        self.page.evaluate("theme => jupyterapp.commands.execute('apputils:change-theme', {theme})", name)
        self.page.wait_for_timeout(500)

    def run_all_cells(self) -> None:
        """By the menu, once the kernel is there."""
        self.page.get_by_text("| Idle").wait_for(timeout=60_000)
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_text("Run All Cells", exact=True).click()


@contextlib.contextmanager
def browser_page(playwright: Any, *, height: int = 1000, flags: Sequence[str] = ()) -> Iterator[Page]:
    """A new page, 1280 pixels wide."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*_FLAGS, *flags])
    try:
        found = Page(browser.new_context(viewport={"width": 1280, "height": height}).new_page())
        found.page.on("request", lambda request: found.requests.append(request.url))
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("console", lambda m: found.complaints.append(m.text) if m.type == "error" else None)
        yield found
    finally:
        browser.close()


@contextlib.contextmanager
def running_notebook(project: Path, stem: str, **environment: str) -> Iterator[Page]:
    """A page of JupyterLab that has just been told to run all cells of a notebook in `project`."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright: pip install playwright")
    with (
        lab_server(project, **environment) as address,
        sync_api.sync_playwright() as playwright,
        browser_page(playwright) as lab,
    ):
        lab.page.goto(f"{address}lab/tree/notebooks/{stem}.ipynb?token={TOKEN}")
        lab.run_all_cells()
        yield lab


def barriers(page, part: str = ".fer-explorer") -> list[str]:
    """What axe-core finds serious or critical in a part of the page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page, context=part).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:300]}" for one in found if one["impact"] in ("serious", "critical")
    ]


def cut_off(page) -> list[str]:
    """Parts of the explorer that lie beyond the notebook's right edge."""
    return page.evaluate("""() => {
        const edge = document.querySelector('.jp-WindowedPanel-outer').getBoundingClientRect().right;
        return [...document.querySelectorAll('.fer-explorer *')]
            .filter(part => part.getBoundingClientRect().right > edge).map(part => part.outerHTML.slice(0, 120));
    }""")
