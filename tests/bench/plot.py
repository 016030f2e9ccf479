"""Memory over time as a picture."""

from xml.sax.saxutils import escape

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 300, 60, 20, 50, 40


def _step(most: float) -> float:
    """A round distance of grid lines: at most six up to `most`."""
    return next(factor * 10**power for power in range(-1, 6) for factor in (1, 2, 5) if 6 * factor * 10**power >= most)


def draw(title: str, samples: list[tuple[float, float]]) -> str:
    """`samples`: minutes and MB. The scale begins at zero, so that what grows is seen as large as it is."""
    minutes, most = max(at for at, _ in samples), max(megabytes for _, megabytes in samples) * 1.15
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def place(at: float, megabytes: float) -> tuple[float, float]:
        return LEFT + wide * at / minutes, HEIGHT - BOTTOM - high * megabytes / most

    text = 'font-size="12" fill="#444"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="16" y="28" font-size="16" fill="#111">{escape(title)}</text>',
    ]
    for index in range(int(most / _step(most)) + 1):
        _, y = place(0, index * _step(most))
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" {text} text-anchor="end">{index * _step(most):g} MB</text>')
    for index in range(int(minutes / _step(minutes)) + 1):
        at = index * _step(minutes)
        x, _ = place(at, 0)
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" {text} text-anchor="middle">{at:g} min</text>')
    line = "L".join(f"{x:.1f} {y:.1f}" for x, y in (place(*sample) for sample in samples))
    parts += [f'<path d="M{line}" fill="none" stroke="#2b6cb0" stroke-width="2"/>', "</svg>"]
    return "\n".join(parts) + "\n"
