"""Pictures of error / bound, as SVG inside a page: a log axis, the bound as a line at 1, crosses for what is outside.

Colours are the page's (classes), so that they are readable on light and on dark. Nothing depends on colour alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

from grusym.oracle.reports.wording import ratio_words

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 680, 64, 16, 14, 36
HEIGHT, ROW = 200, 22
LOWEST = -4  # decades below the bound that are shown: what is smaller, zero as well, stands at the edge
MOST_LABELS = 8
RADIUS = 3.5
LETTER, LINE = 7.2, 13  # how wide a letter of a label is, how far labels are apart


@dataclass(frozen=True)
class Axis:
    """A log axis from 10^low to 10^high, on the pixels from `start` to `end`; if `endless`, its end is infinity."""

    low: int
    high: int
    start: float
    end: float
    endless: bool = False

    def at(self, ratio: float) -> float:
        """The pixel of a ratio; of zero the one end, of infinity the other."""
        power = log10(ratio) if 0 < ratio < float("inf") else (self.low if ratio == 0 else self.high)
        share = (min(max(power, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[int]:
        every = ceil((self.high - self.low) / MOST_LABELS)
        return [power for power in range(self.low, self.high + (not self.endless)) if power % every == 0]


def axis_for(ratios: Sequence[float], start: float, end: float) -> Axis:
    """An axis that holds these ratios and the bound."""
    powers = [log10(ratio) for ratio in ratios if ratio > 0 and isfinite(ratio)]
    low = max(LOWEST, min([-1, *(floor(power) for power in powers)]))
    high = max([1, *(ceil(power) for power in powers)])
    endless = any(not isfinite(ratio) for ratio in ratios)
    return Axis(low, high + endless, start, end, endless)


def steps_plot(name: str, title: str, curves: Sequence[tuple[str, Sequence[float]]]) -> str:
    """error / bound of every step, a line per tensor. `name` is one of the page's own, for its labels."""
    axis = axis_for([ratio for _, ratios in curves for ratio in ratios], HEIGHT - BOTTOM, TOP)
    count = max((len(ratios) for _, ratios in curves), default=1)
    names = [tensor for tensor, _ in curves] if len(curves) > 1 else []
    inner = WIDTH - LEFT - RIGHT - max((LETTER * len(tensor) for tensor in names), default=0)

    def across(step: int) -> float:
        return round(LEFT + inner * (step + 0.5) / count, 1)

    parts = list(_grid(axis, upright=True, length=WIDTH - RIGHT, edge=LEFT))
    every = ceil(count / 20)
    for step in range(0, count, every):
        parts.append(_tick(across(step), HEIGHT - BOTTOM + 16, str(step)))
    parts.append(_tick(LEFT + inner / 2, HEIGHT - 4, "step"))
    for tensor, ratios in curves:
        places = [(across(step), axis.at(ratio)) for step, ratio in enumerate(ratios)]
        points = " ".join(f"{x},{y}" for x, y in places)
        parts.append(f'<polyline class="line" points="{points}"/>')
        for step, ((x, y), ratio) in enumerate(zip(places, ratios, strict=True)):
            parts.append(_mark(x, y, ratio, f"{tensor}, step {step}: {ratio_words(ratio)}"))
    if names:
        ends = {tensor: axis.at(ratios[-1]) for tensor, ratios in curves if ratios}
        parts += [_tick(across(count - 1) + 10, y, escape(tensor), "start") for tensor, y in _apart(ends).items()]
    outside = [step for _, ratios in curves for step, ratio in enumerate(ratios) if not ratio <= 1]
    told = f"outside its bound at step {', '.join(map(str, outside))}" if outside else "every step is within its bound"
    return _svg(name, title, told, HEIGHT, parts)


def _apart(ends: Mapping[str, float]) -> dict[str, float]:
    """Where labels stand beside the ends of lines: in their order, none upon another."""
    found: dict[str, float] = {}
    lowest = float("-inf")
    for name in sorted(ends, key=lambda name: ends[name]):
        lowest = max(ends[name] + 4, lowest + LINE)
        found[name] = lowest
    over = max(0.0, lowest - (HEIGHT - BOTTOM))
    return {name: round(y - over, 1) for name, y in found.items()}


def overview_plot(name: str, title: str, rows: Sequence[tuple[str, float]]) -> str:
    """The worst error / bound of each check, a row each."""
    left = 16 + max((len(label) for label, _ in rows), default=0) * LETTER
    height = TOP + ROW * len(rows) + BOTTOM
    axis = axis_for([ratio for _, ratio in rows], left, WIDTH - RIGHT - 10)
    parts = list(_grid(axis, upright=False, length=height - BOTTOM, edge=TOP))
    for number, (label, ratio) in enumerate(rows):
        y = TOP + ROW * (number + 0.5)
        x = axis.at(ratio)
        parts.append(f'<text class="label" x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(label)}</text>')
        parts.append(f'<line class="stem" x1="{left}" x2="{x}" y1="{y}" y2="{y}"/>')
        parts.append(_mark(x, y, ratio, f"{label}: {ratio_words(ratio)}"))
    parts.append(_tick((left + WIDTH) / 2, height - 4, "worst error / bound"))
    outside = [label for label, ratio in rows if not ratio <= 1]
    told = f"outside their bounds: {', '.join(outside)}" if outside else "every check is within its bound"
    return _svg(name, title, told, height, parts)


def _grid(axis: Axis, upright: bool, length: float, edge: float) -> Iterator[str]:
    """Decades with their labels, and the bound."""
    labels = {10.0**power: f'10<tspan dy="-5" font-size="75%">{power}</tspan>' for power in axis.ticks()}
    for ratio, label in (labels | ({float("inf"): "∞"} if axis.endless else {})).items():
        at = axis.at(ratio)
        kind, text = ("bound", "1") if ratio == 1 else ("grid", label)
        yield _rule(kind, at, upright, length, edge)
        x, y, anchor = (edge - 8, at + 4, "end") if upright else (at, length + 16, "middle")
        yield _tick(x, y, text, anchor)
    if 0 not in axis.ticks():
        yield _rule("bound", axis.at(1.0), upright, length, edge)
    at = axis.at(1.0)
    x, y, anchor = (length - 4, at - 5, "end") if upright else (at + 5, edge + 2, "start")
    yield f'<text class="bound-label" x="{x}" y="{y}" text-anchor="{anchor}">bound</text>'


def _tick(x: float, y: float, text: str, anchor: str = "middle") -> str:
    return f'<text class="tick" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{text}</text>'


def _rule(kind: str, at: float, upright: bool, length: float, edge: float) -> str:
    ends = (edge, length, at, at) if upright else (at, at, edge, length)
    return '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>'.format(kind, *ends)


def _mark(x: float, y: float, ratio: float, told: str) -> str:
    """A dot within its bound, a ring where there is no error, a cross outside; pointed at, it says what it is."""
    title = f"<title>{escape(told)}</title>"
    if ratio <= 1:
        return f'<circle class="{"ok" if ratio else "none"}" cx="{x}" cy="{y}" r="{RADIUS}">{title}</circle>'
    cross = f"M{x - 5:g} {y - 5:g}l10 10m0 -10l-10 10"
    return f'<path class="bad" d="{cross}">{title}</path>'


def _svg(name: str, title: str, told: str, height: float, parts: Sequence[str]) -> str:
    ids = f"{name}-title", f"{name}-told"
    return "\n".join(
        [
            f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="{ids[0]} {ids[1]}">',
            f'<title id="{ids[0]}">{escape(title)}</title><desc id="{ids[1]}">{escape(told)}</desc>',
            *parts,
            "</svg>",
        ]
    )
