"""Bokeh's bookkeeping of defaults, without what it does again for each property of each model of each page.

A page has some thousand properties that nobody sets. Bokeh 3 works out the default of each to leave it out, and for
that gathers the defaults of all base classes anew. The answers here are Bokeh's own, a test compares the documents.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from bokeh.core.has_props import HasProps
from bokeh.core.property.descriptors import PropertyDescriptor

_overridden: Any = functools.cache(HasProps._overridden_defaults.__func__)  # type: ignore[attr-defined]
_queried = HasProps.query_properties_with_values


def install() -> None:
    """Let Bokeh work so from now on, in this process."""
    ours: dict[str, Any] = {
        "_overridden_defaults": classmethod(_overridden),
        "themed_values": themed_values,
        "query_properties_with_values": set_properties,
    }
    for name, function in ours.items():
        setattr(HasProps, name, function)
    PropertyDescriptor.has_unstable_default = has_unstable_default  # type: ignore[method-assign, assignment]


def themed_values(model: HasProps) -> dict[str, Any] | None:
    """Return what a theme sets of a model, without asking for an attribute that most lack."""
    found: dict[str, Any] | None = model.__dict__.get("__themed_values__")
    return found


def has_unstable_default(descriptor: PropertyDescriptor[Any], model: HasProps) -> bool:
    """Say whether a default is made anew for each model, which is the same for all models of a class."""
    return unstable(type(model), descriptor)


@functools.cache
def unstable(kind: Any, descriptor: PropertyDescriptor[Any]) -> bool:
    """Ask Bokeh whether a default is made anew for each model of a class."""
    overridden = kind.__overridden_defaults__.get(descriptor.name)
    return descriptor.property._may_have_unstable_default() or descriptor.is_unstable(overridden)


def set_properties(
    model: HasProps, query: Callable[[Any], bool], *, include_defaults: bool = True, include_undefined: bool = False
) -> dict[str, Any]:
    """Return the properties that were set, or all; of those that were not set, the values are not worked out."""
    if include_defaults:
        return _queried(model, query, include_defaults=True, include_undefined=include_undefined)
    known = model._property_values.keys() | model._unstable_default_values.keys() | (model.themed_values() or {}).keys()
    return _queried(
        model, lambda one: one.name in known and query(one), include_defaults=False, include_undefined=include_undefined
    )
