"""What a reader sees: looked at in the browser, through all shadow roots."""

from __future__ import annotations

from pathlib import Path

EYES = Path(__file__).with_suffix(".js").read_text()


def look(page, what):
    """Return what is seen of `what`: `crossed`, texts that lie on each other; `words`, those of the clouds."""
    return page.evaluate(f"({EYES}).{what}()")


def crossed_words(page):
    """Return the words of the clouds that lie on each other, or whose letters are wider or higher than their boxes."""
    wrong = []
    for cloud in look(page, "clouds"):
        for number, one in enumerate(cloud):
            x0, y0, x1, y1 = one["box"]
            fits = one["width"] <= x1 - x0 + 1 and one["height"] <= y1 - y0 + 1
            boxes = (other["box"] for other in cloud[:number])
            if not fits or any(x0 < c and a < x1 and y0 < d and b < y1 for a, b, c, d in boxes):
                wrong.append(one["word"])
    return wrong
