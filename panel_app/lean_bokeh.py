"""Bokeh's bookkeeping of defaults, without what it does again for each property of each model of each page.

A page has some thousand properties that nobody sets. Bokeh 3 works out the default of each to leave it out, and again
to look for models in it whenever one is added to the page. The answers here are Bokeh's own, a test compares the
documents.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from bokeh.core.has_props import HasProps, MetaHasProps
from bokeh.core.property.descriptors import PropertyDescriptor
from bokeh.core.serialization import Ref, Serializer
from bokeh.model import util
from bokeh.settings import settings

_overridden: Any = functools.cache(HasProps._overridden_defaults.__func__)  # type: ignore[attr-defined]
_queried = HasProps.query_properties_with_values
_default_of = PropertyDescriptor._get_default
_visit = util.visit_immediate_value_references
_defined = Serializer._encoders[MetaHasProps]
_definitions: dict[Any, Any] = {}


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
    PropertyDescriptor._get_default = default_of  # type: ignore[method-assign, assignment]
    util.visit_immediate_value_references = visit
    Serializer._encoders[MetaHasProps] = definition
    # They find faults while one writes a page, and take time whenever one is opened.
    settings.perform_error_diagnostics = settings.perform_document_validation = False


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


def default_of(descriptor: PropertyDescriptor[Any], model: HasProps) -> Any:
    """Return the value of a property that was not set; one that is the same for all models of a class is made once."""
    if unstable(type(model), descriptor) or descriptor.name in (model.themed_values() or ()):
        return _default_of(descriptor, model)
    return stable(type(model), descriptor)


@functools.cache
def stable(kind: Any, descriptor: PropertyDescriptor[Any]) -> Any:
    """Return the default of all models of a class."""
    return descriptor.property.themed_default(kind, descriptor.name, None)


def visit(value: Any, visitor: Callable[[Any], None]) -> None:
    """Visit the models that a value refers to; a default that is the same for all models of a class holds none."""
    if not isinstance(value, HasProps):
        _visit(value, visitor)
        return
    known = set_names(value)
    for name in value.properties_with_refs():
        if name in known:
            util.visit_value_and_its_immediate_references(getattr(value, name), visitor)


def definition(kind: Any, serializer: Serializer) -> Any:
    """Return what a browser must know of a class of models; a page tells of all classes, in one order."""
    if kind in _definitions:
        serializer.add_ref(kind, Ref(id=kind.__qualified_model__))
    else:
        _definitions[kind] = _defined(kind, serializer)
    return _definitions[kind]


def set_names(model: HasProps) -> set[str]:
    """Return the names of the properties that were set, by a theme too, or have a default of their own."""
    return {*model._property_values, *model._unstable_default_values, *(model.themed_values() or ())}


def set_properties(
    model: HasProps, query: Callable[[Any], bool], *, include_defaults: bool = True, include_undefined: bool = False
) -> dict[str, Any]:
    """Return the properties that were set, or all; of those that were not set, the values are not worked out."""
    if include_defaults:
        return _queried(model, query, include_defaults=True, include_undefined=include_undefined)
    known = set_names(model)
    return _queried(
        model, lambda one: one.name in known and query(one), include_defaults=False, include_undefined=include_undefined
    )
