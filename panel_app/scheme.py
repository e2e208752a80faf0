"""Whether the browser wants dark pages: most say so as they ask for one; others, and those that turn, say it later."""

from __future__ import annotations

from panel.custom import JSComponent


class Scheme(JSComponent):
    """Turns the page in the browser, as its switch does; shows nothing. What a server says while one draws is lost."""

    _esm = """
    export function render({ model, view }) {
      const wanted = matchMedia("(prefers-color-scheme: dark)")
      const turn = () => { view.root.model.data.dark_theme = wanted.matches }
      model.on("after_render", turn)
      wanted.addEventListener("change", turn)
    }
    """
