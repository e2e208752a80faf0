"""The colours that stand for something are told apart, also by those who see fewer of them."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from panel_app import compare, look, trend

# Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency", IEEE
# TVCG 15(6), 2009, table 1 at severity 1.0; they are for linear RGB.
SEEN_BY = {
    "everybody": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
WHITE = TO_XYZ @ np.ones(3)  # D65


def linear(colour):
    """Return #RRGGBB as linear RGB."""
    coded = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def lab(rgb):
    """Return linear RGB as CIE L*a*b*."""
    x, y, z = (np.cbrt(t) if t > (6 / 29) ** 3 else t * (29 / 6) ** 2 / 3 + 4 / 29 for t in TO_XYZ @ rgb / WHITE)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def ciede2000(one, other):
    """Return how different two colours look: below 1 nobody sees it (Sharma, Wu and Dalal, 2005)."""
    (l1, a1, b1), (l2, a2, b2) = one, other
    mean = (np.hypot(a1, b1) + np.hypot(a2, b2)) / 2
    stretch = 1 + (1 - np.sqrt(mean**7 / (mean**7 + 25**7))) / 2
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = (np.degrees(np.arctan2(b, a * stretch)) % 360 for a, b in ((a1, b1), (a2, b2)))
    turn = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0
    far = abs(h1 - h2) > 180 and c1 * c2
    hue = (h1 + h2 + (360 if h1 + h2 < 360 else -360) * bool(far)) / (2 if c1 * c2 else 1)
    light, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    waves = ((0.17, 1, 30, -1), (0.24, 2, 0, 1), (0.32, 3, -6, 1), (0.20, 4, 63, -1))
    tint = 1 + sum(sign * size * np.cos(np.radians(times * hue - shift)) for size, times, shift, sign in waves)
    in_l = (l2 - l1) / (1 + 0.015 * (light - 50) ** 2 / np.sqrt(20 + (light - 50) ** 2))
    in_c = (c2 - c1) / (1 + 0.045 * chroma)
    in_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2)) / (1 + 0.015 * chroma * tint)
    twist = -2 * np.sqrt(chroma**7 / (chroma**7 + 25**7)) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return np.sqrt(in_l**2 + in_c**2 + in_h**2 + twist * in_c * in_h)


def apart(colours, eyes):
    """Return the two colours that are hardest to tell from each other, and how different they look."""
    seen = {colour: lab(np.clip(SEEN_BY[eyes] @ linear(colour), 0, 1)) for colour in colours}
    return min((ciede2000(seen[one], seen[other]), one, other) for one, other in combinations(seen, 2))


@pytest.mark.parametrize(
    ("one", "other", "difference"),  # from the paper's table 1
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((50, 2.5, 0), (58, 24, 15), 19.4535),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_difference_is_that_of_the_paper(one, other, difference):
    assert ciede2000(one, other) == pytest.approx(difference, abs=1e-4)


@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("dark", [False, True])
def test_moods_and_what_was_not_scored_look_far_apart_to_all_eyes(eyes, dark):
    difference, *two = apart([*look.colours(dark).values(), trend.UNSCORED[dark]], eyes)

    assert difference > 18, two


@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("dark", [False, True])
def test_compared_keywords_look_apart_to_all_eyes(eyes, dark):
    difference, *two = apart(compare.INKS[dark], eyes)

    assert difference > 13, two
