"""Whether the browser wants dark pages: most say so as they ask for one; others, and those that turn, say it later."""

from __future__ import annotations

from panel.custom import JSComponent


class Scheme(JSComponent):
    """Turns the page in the browser, as its switch does, once it is drawn: before, Panel loses some of our answers."""

    _esm = """
    export function render({ view }) {
      const page = view.root.model
      const wanted = matchMedia("(prefers-color-scheme: dark)")
      const turn = () => { page.data.dark_theme = wanted.matches }
      page.document.is_idle ? turn() : page.document.idle.connect(() => setTimeout(turn))
      wanted.addEventListener("change", turn)
    }
    """
