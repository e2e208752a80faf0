"""Which pages there are, who may open them, and what each reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import panel as pn

from core.accounts import Visitor
from panel_app import (
    admin,
    advice,
    alerts,
    audience,
    compare,
    forecast,
    influencer_map,
    influencers,
    look,
    overview,
    patterns,
    still,
    topics,
    tracking,
    trend,
    words,
)
from panel_app.selection import Choices, Selection, View

# name in the menu, its icon, and the page
PAGES: dict[str, tuple[str, Callable[..., pn.viewable.Viewable]]] = {
    "Overview": ("dashboard", overview.page),
    "Influence Score": ("leaderboard", influencers.page),
    "Influencer Map": ("public", influencer_map.page),
    "Word Clouds": ("cloud", words.page),
    "Hashtag Trend": ("show_chart", trend.page),
    "Compare": ("compare_arrows", compare.page),
    "Patterns": ("scatter_plot", patterns.page),
    "Topics": ("trending_up", topics.page),
    "Forecast": ("online_prediction", forecast.page),
    "Advice": ("tips_and_updates", advice.page),
    "Alerts": ("notifications", alerts.page),
}
# What is read ahead of a page: what it asks for, and takes longer than to draw it.
READ: dict[str, Callable[[Choices, View], object]] = {
    "Overview": lambda _, view: (overview.figures(view), trend.legend(view), overview.voices(view)),
    "Influence Score": lambda _, view: (audience.totals(view), influencers.leaders(view)),
    "Influencer Map": lambda _, view: influencer_map.summary(view),
    "Word Clouds": lambda chosen, view: (words.laid(view, chosen.way), words.using(view, chosen.word, chosen.mood)),
    "Hashtag Trend": lambda _, view: (trend.said(view), trend.legend(view)),
    "Compare": lambda chosen, view: compare.ahead(view, chosen.others),
    "Patterns": lambda _, view: patterns.told(view),
    "Topics": lambda chosen, view: (topics.told(view), topics.told_related(view), topics.using(chosen, view)),
    "Forecast": lambda _, view: (forecast.people(view), forecast.days(view, "tweets"), forecast.days(view, "mood")),
    "Advice": lambda _, view: advice.kinds_of(view),
    "Alerts": lambda _, view: alerts.explained(view),
}
# What the server alone can draw of a page: it is shown until the browser can.
STILL: dict[str, Callable[[View], str]] = {
    "Overview": lambda view: overview.figures(view) + still.trend_of(view) + overview.voices(view),
    "Influence Score": lambda view: audience.totals(view) + influencers.leaders(view),
    "Influencer Map": influencer_map.summary,
    "Hashtag Trend": lambda view: trend.said(view) + still.trend_of(view),
    "Patterns": patterns.told,
    "Topics": lambda view: topics.told(view) + topics.told_related(view),
    "Forecast": forecast.people,
}
# What is the same for everybody, and is read or loaded before somebody asks.
READY: tuple[Callable[[], object], ...] = (look.ready, patterns.ready, advice.ready, words.ready)
PERSONAL = ("Advice", "Alerts")  # pages that keep what somebody answers, and so are made for a visitor

# pages that do not follow what is looked at: name, icon, the role they need, and the page
DESK: dict[str, tuple[str, str, Callable[[Selection, Visitor], pn.viewable.Viewable]]] = {
    "Tracking": ("manage_search", "analyst", tracking.page),
    "Admin": ("admin_panel_settings", "admin", admin.page),
}


def pages_for(visitor: Visitor) -> list[str]:
    """Return the names of the pages that somebody may open."""
    return [*PAGES, *(name for name, (_, role, _) in DESK.items() if visitor.may(role))]


def asked_page(names: Sequence[str], args: Mapping[str, list[bytes]]) -> int:
    """Return the number of the page that an address names, else the first."""
    asked = args.get("page", [b""])[0].decode(errors="replace")
    slugs = [slug(name) for name in names]
    return slugs.index(asked) if asked in slugs else 0


def slug(name: str) -> str:
    """Return a page's name as it stands in the address."""
    return name.lower().replace(" ", "-")
