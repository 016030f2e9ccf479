"""The ratios of one run as a picture: a bar a level with its least and most, and a line at what is to be reached."""

from xml.sax.saxutils import escape

GOALS = {64: 0.60, 256: 0.75, 1024: 0.75}
WIDTH, BAR, GAP, LEFT, TOP, FULL = 640, 26, 20, 120, 54, 440


def draw(result: dict) -> str:
    levels = result["levels"]
    height = TOP + len(levels) * (BAR + GAP) + 30
    over = " over TLS" if result["tls"] else ""
    title = f"Durable RecordStep{over}: calls a second over those of a bare echo"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" font-family="sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="28" font-size="16" fill="#111">{escape(title)}</text>',
    ]
    for index, level in enumerate(levels):
        ratio, y = level["ratio"], TOP + index * (BAR + GAP)
        middle = y + BAR / 2
        parts += [
            f'<text x="{LEFT - 10}" y="{middle + 5}" font-size="13" fill="#111" text-anchor="end">{level["in_flight"]} in flight</text>',
            f'<rect x="{LEFT}" y="{y}" width="{FULL}" height="{BAR}" fill="#eee"/>',
            f'<rect x="{LEFT}" y="{y}" width="{FULL * ratio["median"]:.1f}" height="{BAR}" fill="#2b6cb0"/>',
            f'<path d="M{LEFT + FULL * ratio["min"]:.1f} {middle}H{LEFT + FULL * ratio["max"]:.1f}" stroke="#111" stroke-width="2"/>',
            f'<text x="{LEFT + FULL + 10}" y="{middle + 5}" font-size="13" fill="#111">{ratio["median"]:.2f}</text>',
        ]
        if goal := GOALS.get(level["in_flight"]):
            x = LEFT + FULL * goal
            parts.append(f'<path d="M{x:.1f} {y - 5}V{y + BAR + 5}" stroke="#c05621" stroke-width="3"/>')
    about = f"Bar: median; black: least to most; orange: to be reached. {result['machine']}"
    parts += [f'<text x="16" y="{height - 12}" font-size="12" fill="#444">{escape(about)}</text>', "</svg>"]
    return "\n".join(parts) + "\n"
