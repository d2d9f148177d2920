"""The numbers beside the explorer's picture as HTML: text that scales, can be selected and is read aloud."""

from collections.abc import Sequence
from html import escape

import numpy as np

from fer_lib.explorer.picture import MARGIN, TITLES
from fer_lib.explorer.scene import View
from fer_lib.geometry import pose_components
from fer_lib.report.style import BLUE, RED, SKY

_PARTS = {"rotation": ("rotation (°)", 1), "log_scale": ("log scale", 3), "shift_x": ("shift x", 3),
          "shift_y": ("shift y", 3), "shear": ("shear", 3)}  # fmt: skip
_ENTRIES = ("θ₁₁", "θ₁₂", "θ₁₃", "θ₂₁", "θ₂₂", "θ₂₃")
_TABLE = 'style="border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px;line-height:1.4"'
_NUMBER = 'style="text-align:right;padding:0 0 0 14px;font-weight:normal;white-space:nowrap"'


# What ipywidgets leaves out: names for sliders, whose labels stand beside them without a tie, and for pictures.
NAMES = """
const give_names = () => {
  for (const slider of document.querySelectorAll(".fer-explorer .widget-slider"))
    for (const part of slider.querySelectorAll(".noUi-handle, .widget-readout"))
      part.setAttribute("aria-label", slider.querySelector("label").textContent);
  for (const picture of document.querySelectorAll(".fer-explorer img"))
    picture.alt = "The face with its sampling grid, and the warped face";
};
give_names();
new MutationObserver(give_names).observe(document.body, {childList: true, subtree: true});
"""


def title(text: str) -> str:
    """The heading of a picture."""
    return f'<b style="display:block;padding-left:12px;line-height:1.3">{escape(text)}</b>'


def headings() -> str:
    """Headings for the two halves of a picture, as wide as it is."""
    cell = f"box-sizing:border-box;width:50%;padding-left:{50 * MARGIN / (1 + 2 * MARGIN):.1f}%"
    cells = "".join(f'<span style="{cell}">{heading}</span>' for heading in TITLES)
    return f'<div style="display:flex;line-height:1.3">{cells}</div>'


def theta_rows(view: View) -> str:
    """Theta's six numbers, and its parts beside those of the true pose and what they miss, where that is known."""
    columns = [_facts(view.theta)]
    if view.pose is not None:
        columns += [_facts(view.pose), _differences(view.theta, view.pose)]
    keys = (_key(RED, "theta"), _key(BLUE, "true pose", dashed=True), "difference")
    head = "".join(f'<th scope="col" {_NUMBER}>{name}</th>' for name in keys[: len(columns)])
    rows = []
    for title in columns[0]:
        numbers = "".join(f"<td {_NUMBER}>{facts[title]}</td>" for facts in columns)
        rows.append(f'<tr><th scope="row" style="text-align:left;font-weight:normal">{title}</th>{numbers}</tr>')
    return f"<table {_TABLE}><tr><td></td>{head}</tr>{''.join(rows)}</table>"


def probability_bars(view: View) -> str:
    """A bar for each class, the label's name in bold; a sentence where there is no classifier."""
    if not view.probabilities:
        return "<p>No class probabilities: there is no classifier behind this theta.</p>"
    best = max(view.probabilities, key=lambda name: view.probabilities[name])
    rows = []
    for name, share in view.probabilities.items():
        shown = f"<b>{escape(name)} ✓</b>" if name == view.label else escape(name)
        bar = f'<div style="width:{100 * share:.1f}%;height:13px;background:{BLUE if name == best else SKY}"></div>'
        rows.append(
            f'<tr><th scope="row" style="text-align:right;padding-right:8px;font-weight:normal">{shown}</th>'
            f'<td style="width:110px"><div style="background:rgba(128,128,128,.22)">{bar}</div></td>'
            f"<td {_NUMBER}>{share:.1%}</td></tr>"
        )
    head = '<tr><td></td><th scope="col" style="text-align:left">probability</th></tr>'
    return f"<table {_TABLE}>{head}{''.join(rows)}</table>"


def follow_curve(followed: Sequence[tuple[float, float, float]]) -> str:
    """A small drawing of how theta follows a face: by its turn, theta's rotation and (dashed) the true one, degrees."""
    turns, learnt, true = zip(*followed, strict=True)
    said = ", ".join(f"{turn:.0f}° {angle:.0f}°" for turn, angle in list(zip(turns, learnt, strict=True))[::3])
    lines = [
        " ".join(f"{turn:.0f},{-np.clip(angle, -60, 60):.1f}" for turn, angle in zip(turns, angles, strict=True))
        for angles in (true, learnt)
    ]
    return (
        f'<svg viewBox="-78 -64 136 142" width="180" role="img" aria-label="Theta\'s rotation by the face\'s: {said}" '
        'style="font-size:8px;fill:currentColor">'
        '<g fill="none" stroke="currentColor" stroke-width="0.5"><path d="M-45 0H45M0 -60V60"/>'
        f'<polyline points="{lines[0]}" stroke="{BLUE}" stroke-dasharray="3 2" stroke-width="1.5"/>'
        f'<polyline points="{lines[1]}" stroke="{RED}" stroke-width="2"/></g>'
        '<text x="-45" y="68" text-anchor="middle">−45°</text><text x="45" y="68" text-anchor="middle">+45°</text>'
        '<text y="76" text-anchor="middle">the face is turned</text>'
        '<text x="-48" y="-42" text-anchor="end">+45°</text><text x="-48" y="48" text-anchor="end">−45°</text>'
        '<text transform="translate(-70 0) rotate(-90)" text-anchor="middle">theta turns</text></svg>'
    )


def message(text: str, *, problem: bool = False) -> str:
    """A line above the picture; a problem is announced and framed."""
    lines = escape(text).replace("\n", "<br>")
    frame = f"border-left:4px solid {RED};padding:4px 10px;background:rgba(213,94,0,.1)" if problem else ""
    return f'<div role="{"alert" if problem else "status"}" style="line-height:1.45;{frame}">{lines}</div>'


def _facts(theta: np.ndarray) -> dict[str, str]:
    entries = {name: _signed(value, 3) for name, value in zip(_ENTRIES, theta.flat, strict=True)}
    parts = {name: float(value) for name, value in pose_components(theta).items()}
    return entries | {title: _signed(parts[name], digits) for name, (title, digits) in _PARTS.items()}


def _differences(theta: np.ndarray, pose: np.ndarray) -> dict[str, str]:
    mine, true = pose_components(theta), pose_components(pose)
    entries = zip(_ENTRIES, (theta - pose).flat, strict=True)
    return {name: _signed(value, 3) for name, value in entries} | {
        title: _signed(float(mine[name] - true[name]), digits) for name, (title, digits) in _PARTS.items()
    }


def _signed(value: float, digits: int) -> str:
    return f"{value:+.{digits}f}".replace("-", "−") if np.isfinite(value) else "–"


def _key(colour: str, text: str, *, dashed: bool = False) -> str:
    line = f"border-bottom:3px {'dashed' if dashed else 'solid'} {colour}"
    return f'<span style="{line};font-weight:bold">{text}</span>'
