"""The people of the small X: none exists, all usernames end in `_example`.

A person is a number: the same number and seed always give the same account, made when first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from math import exp, log
from random import Random
from typing import Any

# Between X's last sequential user ids and its first snowflakes: nobody has such an id.
FIRST_USER_ID = 90_000_000_000_000


@dataclass(frozen=True, slots=True)
class Home:
    """A city people live in; `offset` is hours from UTC, `share` its weight among all cities."""

    city: str
    region: str
    country: str
    country_code: str
    latitude: float
    longitude: float
    offset: int
    language: str
    share: float


HOMES = (
    Home("New York", "NY", "United States", "US", 40.71, -74.01, -5, "en", 9),
    Home("Los Angeles", "CA", "United States", "US", 34.05, -118.24, -8, "en", 7),
    Home("Chicago", "IL", "United States", "US", 41.88, -87.63, -6, "en", 5),
    Home("Houston", "TX", "United States", "US", 29.76, -95.37, -6, "en", 4),
    Home("Austin", "TX", "United States", "US", 30.27, -97.74, -6, "en", 4),
    Home("Atlanta", "GA", "United States", "US", 33.75, -84.39, -5, "en", 4),
    Home("Seattle", "WA", "United States", "US", 47.61, -122.33, -8, "en", 3),
    Home("Denver", "CO", "United States", "US", 39.74, -104.99, -7, "en", 2),
    Home("Boston", "MA", "United States", "US", 42.36, -71.06, -5, "en", 3),
    Home("Miami", "FL", "United States", "US", 25.76, -80.19, -5, "en", 3),
    Home("Toronto", "Ontario", "Canada", "CA", 43.65, -79.38, -5, "en", 4),
    Home("Vancouver", "BC", "Canada", "CA", 49.28, -123.12, -8, "en", 2),
    Home("London", "England", "United Kingdom", "GB", 51.51, -0.13, 0, "en", 9),
    Home("Manchester", "England", "United Kingdom", "GB", 53.48, -2.24, 0, "en", 3),
    Home("Glasgow", "Scotland", "United Kingdom", "GB", 55.86, -4.25, 0, "en", 2),
    Home("Dublin", "Leinster", "Ireland", "IE", 53.35, -6.26, 0, "en", 2),
    Home("Lagos", "Lagos", "Nigeria", "NG", 6.52, 3.38, 1, "en", 3),
    Home("Nairobi", "Nairobi", "Kenya", "KE", -1.29, 36.82, 3, "en", 2),
    Home("Johannesburg", "Gauteng", "South Africa", "ZA", -26.20, 28.05, 2, "en", 2),
    Home("Mumbai", "Maharashtra", "India", "IN", 19.08, 72.88, 5, "en", 4),
    Home("Bengaluru", "Karnataka", "India", "IN", 12.97, 77.59, 5, "en", 3),
    Home("Singapore", "Singapore", "Singapore", "SG", 1.35, 103.82, 8, "en", 2),
    Home("Manila", "Metro Manila", "Philippines", "PH", 14.60, 120.98, 8, "en", 3),
    Home("Sydney", "NSW", "Australia", "AU", -33.87, 151.21, 10, "en", 4),
    Home("Melbourne", "Victoria", "Australia", "AU", -37.81, 144.96, 10, "en", 3),
    Home("Auckland", "Auckland", "New Zealand", "NZ", -36.85, 174.76, 12, "en", 1),
    Home("Madrid", "Comunidad de Madrid", "España", "ES", 40.42, -3.70, 1, "es", 3.3),
    Home("Barcelona", "Catalunya", "España", "ES", 41.39, 2.17, 1, "es", 1.8),
    Home("Ciudad de México", "CDMX", "México", "MX", 19.43, -99.13, -6, "es", 3.9),
    Home("Buenos Aires", "CABA", "Argentina", "AR", -34.60, -58.38, -3, "es", 2.4),
    Home("Bogotá", "Bogotá D.C.", "Colombia", "CO", 4.71, -74.07, -5, "es", 1.5),
    Home("São Paulo", "SP", "Brasil", "BR", -23.55, -46.63, -3, "pt", 3.9),
    Home("Rio de Janeiro", "RJ", "Brasil", "BR", -22.91, -43.17, -3, "pt", 1.8),
    Home("Lisboa", "Lisboa", "Portugal", "PT", 38.72, -9.14, 0, "pt", 1.0),
    Home("東京", "東京都", "日本", "JP", 35.68, 139.69, 9, "ja", 4.2),
    Home("大阪", "大阪府", "日本", "JP", 34.69, 135.50, 9, "ja", 1.8),
    Home("Paris", "Île-de-France", "France", "FR", 48.86, 2.35, 1, "fr", 2.8),
    Home("Lyon", "Auvergne-Rhône-Alpes", "France", "FR", 45.76, 4.84, 1, "fr", 1.4),
    Home("Berlin", "Berlin", "Deutschland", "DE", 52.52, 13.41, 1, "de", 2.1),
    Home("München", "Bayern", "Deutschland", "DE", 48.14, 11.58, 1, "de", 1.4),
)
NOWHERE = (
    "she/her", "Earth", "worldwide", "Hogwarts", "he/him", "somewhere over the rainbow", "the internet", "🌍",
    "in my feelings", "Wakanda", "they/them", "everywhere & nowhere", "on the couch", "Narnia",
    "404 not found", "my mom's basement",
)  # fmt: skip

# How much people write at each local hour; the mean is 1.
RHYTHM = (0.45, 0.25, 0.15, 0.1, 0.12, 0.25, 0.55, 0.9, 1.1, 1.15, 1.15, 1.2,
          1.3, 1.25, 1.2, 1.2, 1.3, 1.4, 1.55, 1.75, 1.85, 1.75, 1.4, 0.9)  # fmt: skip

# Ranges of numbers; within each, number % len(HOMES) is the home.
HOUSES = range(3 * len(HOMES))  # papers, stations, shops
STARS = range(HOUSES.stop, HOUSES.stop + 3 * len(HOMES))
CROWD = range(STARS.stop, STARS.stop + 500 * len(HOMES))
SPAM = range(CROWD.stop, CROWD.stop + 12)
AIRLINE = SPAM.stop

NAMES = {
    "en": "Mira Jonah Tess Callum Priya Wren Dara Felix Ada Kofi Nell Omar June Silas Ivy Theo Zara Milo Esme Rhys"
    "Lena Amara Beck Cleo Dev Elio Fern Gus Hana Isla Jude Kit Lyra Moss Nia Otis Pearl Quinn Remy Sage",
    "es": "Lucía Mateo Inés Bruno Alba Nico Vera Tomás Luna Iker Noa Ciro",
    "pt": "Bia Caio Lara Davi Malu Ruy Nina Téo Cora Igor",
    "ja": "みお ハル りん ソラ ゆい カイ あおい レン こはる ナギ",
    "fr": "Manon Éloi Jade Hugo Zoé Basile Lou Rémi Agathe Noé",
    "de": "Mia Jonas Lotte Emil Frieda Anton Ida Oskar Greta Till",
    "ja, in Latin letters": "sora mio haru rin kai yui ren nagi",
    "families": "Larkmoor Tindlewick Ashbrooke Quillfeather Ferncastle Moonwhistle Oakbarrow Saltmarrow Brindlewood "
    "Thistledown Copperleaf Wintergate Hollowell Pebblesworth Foxglen Marrowby Lanternhill Starling-Vane Rookhaven "
    "Briarwick Dapplegrove Inkwell Sparrowdale Honeycroft Windermoor Nettleship Plumfield Gullwing Emberly Driftmark",
}
FIRST_NAMES = {kind: names.split() for kind, names in NAMES.items()}
LAST_NAMES = FIRST_NAMES.pop("families")
LATIN = FIRST_NAMES.pop("ja, in Latin letters")
HOUSE_NAMES = (
    "The Daily Lark", "Harborlight Radio", "Nine Lanterns TV", "Copper & Clove", "Paper Boat Books", "Morning Kettle",
    "The Pebble Post", "Owl Street Live", "Green Gate Sports", "Sunhat Travel", "Tin Whistle Music", "Bramble Home",
    "Fig & Barrel", "Roundabout Comedy", "Blue Bicycle Co", "The Long Lunch", "Maple Row Toys", "Skylark Weather",
    "Lemon Tree Kitchen", "Velvet Otter Films",
)  # fmt: skip
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True)
class Person:
    """One account: where it lives, what it speaks, and X's user object for it."""

    number: int
    home: Home
    language: str
    user: dict[str, Any]

    @property
    def careless(self) -> bool:
        """Whether this person never writes a capital letter."""
        return self.number in CROWD and self.number % 11 == 0


class People:
    """Everybody, by number."""

    def __init__(self, seed: int):
        self._seed = seed
        self._known: dict[int, Person] = {}

    def person(self, number: int) -> Person:
        """Return the person with this number."""
        if number not in self._known:
            self._known[number] = self._made(number)
        return self._known[number]

    def user(self, wanted: str) -> dict[str, Any] | None:
        """Return the user object with this id, None when nobody has it."""
        number = int(wanted) - FIRST_USER_ID
        return self.person(number).user if 0 <= number <= AIRLINE else None

    def _made(self, number: int) -> Person:
        rng = Random(f"{self._seed}/person/{number}")
        home = HOMES[number % len(HOMES)]
        language = home.language if rng.random() < 0.93 else "en"
        born = datetime(2009, 1, 1, tzinfo=UTC) + timedelta(days=rng.randrange(6000), seconds=rng.randrange(86400))
        name = display_name(number, language, rng)
        user = {
            "id": str(user_id(number)),
            "username": username(number, language, name),
            "name": name,
            "created_at": born.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "protected": False,
            "verified": number == AIRLINE or (number < CROWD.start and rng.random() < 0.7),
            "public_metrics": metrics(number, rng),
            "synthetic": True,
        }
        if place := location(home, number, rng):
            user["location"] = place
        return Person(number, home, language, user)


def user_id(number: int) -> int:
    """Return the id of a person's account."""
    return FIRST_USER_ID + number


def username(number: int, language: str, name: str) -> str:
    """Return a username of X's form (15 characters) that is reserved for examples; no two people share one."""
    if number == AIRLINE:
        return "flyaero_example"
    letters = LATIN[number % len(LATIN)] if language == "ja" else name.lower()
    stub = "".join(letter for letter in letters if "a" <= letter <= "z")[:4]
    suffix = DIGITS[number // 1296] + DIGITS[number // 36 % 36] + DIGITS[number % 36]
    return f"{stub}{suffix}_example"


def display_name(number: int, language: str, rng: Random) -> str:
    """Return the name people see."""
    if number == AIRLINE:
        return "Aerolume"
    if number in HOUSES:
        return f"{rng.choice(HOUSE_NAMES)} {HOMES[number % len(HOMES)].city}"
    first = rng.choice(FIRST_NAMES[language])
    style = rng.random()
    if language == "ja" or style < 0.25:
        return first + rng.choice(("", "", " 🎧", " ☀️", "✨", " 🌻"))
    return first.lower() if style < 0.35 else f"{first} {rng.choice(LAST_NAMES)}"


def metrics(number: int, rng: Random) -> dict[str, int]:
    """Return an account's counts: followers log-normal, lists and tweets growing with them."""
    median, spread = (90_000, 1.1) if number < CROWD.start or number == AIRLINE else (240, 1.65)
    followers = 20 + rng.randrange(40) if number in SPAM else int(rng.lognormvariate(log(median), spread))
    lists = followers**0.85 / 60 * exp(rng.gauss(0, 0.6))
    tweets = 140 * (followers + 5) ** 0.45 * exp(rng.gauss(0, 0.9))
    following = min(7500.0, (followers + 30) ** 0.6 * 12 * exp(rng.gauss(0, 0.6)))
    return {
        "followers_count": followers,
        "following_count": int(following),
        "tweet_count": int(tweets),
        "listed_count": int(lists),
    }


def location(home: Home, number: int, rng: Random) -> str:
    """Return what a person wrote as their location: the city, the country, nonsense or nothing."""
    dice = 1 if number in HOUSES else rng.random()
    if dice < 0.18:
        return ""
    if dice < 0.34:
        return rng.choice(NOWHERE)
    spellings = (
        f"{home.city}, {home.country}",
        f"{home.city}, {home.region}",
        home.city,
        f"{home.city} ✈️",
        home.country,
    )
    return rng.choices(spellings, (40, 30, 20, 3, 7))[0]


class Awake:
    """Who is awake at which hour of the day, UTC."""

    @cached_property
    def _weights(self) -> list[list[float]]:
        return [[home.share * RHYTHM[(hour + home.offset) % 24] for home in HOMES] for hour in range(24)]

    @cached_property
    def _cumulated(self) -> list[list[float]]:
        return [list(accumulate(weights)) for weights in self._weights]

    def share(self, hour: int) -> float:
        """Return how lively the world is at this hour, compared with its mean of 1."""
        return sum(self._weights[hour]) * 24 / sum(map(sum, self._weights))

    def someone(self, rng: Random, circle: range, hour: int) -> int:
        """Draw a person of a circle; the early numbers write more than the late ones."""
        home = rng.choices(range(len(HOMES)), cum_weights=self._cumulated[hour])[0]
        return circle.start + int(len(circle) // len(HOMES) * rng.random() ** 1.6) * len(HOMES) + home
