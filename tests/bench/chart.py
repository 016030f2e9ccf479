"""The ratios of one run as a picture: a bar a row with its least and most, and a line at what is to be reached."""

from xml.sax.saxutils import escape

WIDTH, BAR, GAP, LEFT, TOP, FULL = 760, 26, 20, 240, 54, 430


def draw(title: str, result: dict) -> str:
    rows = result["rows"]
    height = TOP + len(rows) * (BAR + GAP) + 30
    most = max(1.0, *(max(row["ratio"]["max"], row["to_reach"] or 0) for row in rows))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" font-family="sans-serif">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="16" y="28" font-size="16" fill="#111">{escape(title)}</text>',
    ]
    for index, row in enumerate(rows):
        ratio, y = {name: FULL * value / most for name, value in row["ratio"].items()}, TOP + index * (BAR + GAP)
        middle = y + BAR / 2
        parts += [
            f'<text x="{LEFT - 10}" y="{middle + 5}" font-size="13" fill="#111" text-anchor="end">{escape(row["what"])}</text>',
            f'<rect x="{LEFT}" y="{y}" width="{FULL}" height="{BAR}" fill="#eee"/>',
            f'<rect x="{LEFT}" y="{y}" width="{ratio["median"]:.1f}" height="{BAR}" fill="#2b6cb0"/>',
            f'<path d="M{LEFT + ratio["min"]:.1f} {middle}H{LEFT + ratio["max"]:.1f}" stroke="#111" stroke-width="2"/>',
            f'<text x="{LEFT + FULL + 10}" y="{middle + 5}" font-size="13" fill="#111">{row["ratio"]["median"]:.2f}</text>',
        ]
        if row["to_reach"]:
            x = LEFT + FULL * row["to_reach"] / most
            parts.append(f'<path d="M{x:.1f} {y - 5}V{y + BAR + 5}" stroke="#c05621" stroke-width="3"/>')
    about = f"Bar: median; black: least to most; orange: to be reached. {result['machine']}"
    parts += [f'<text x="16" y="{height - 12}" font-size="12" fill="#444">{escape(about)}</text>', "</svg>"]
    return "\n".join(parts) + "\n"
