"""HTML that follows what is committed without closing what its reader has opened."""

from __future__ import annotations

from typing import Any

import param
from panel.custom import JSComponent

from panel_app import look


class Steady(JSComponent):
    """Our own HTML; while it changes, each `<details>` with an id stays open, and the keyboard where it was.

    A click on a button in it is told to `on_msg`, as what stands in its `data-say`.
    """

    html: Any = param.String("")

    _esm = """
    export function render({ model, el }) {
      const place = document.createElement("div")
      place.style.width = "100%"
      el.append(place)
      const draw = () => {
        const opened = new Set(Array.from(place.querySelectorAll("details[open]"), (one) => one.id))
        const held = place.getRootNode().activeElement?.closest("summary")?.parentElement.id
        place.innerHTML = model.html
        for (const one of place.querySelectorAll("details")) {
          one.open = opened.has(one.id)
          if (one.id === held) one.querySelector("summary").focus()
        }
      }
      place.addEventListener("click", (event) => {
        const button = event.target.closest("[data-say]")
        if (button) model.send_msg(button.dataset.say)
      })
      model.on("html", draw)
      draw()
    }
    """
    _stylesheets = [look.STYLE]  # noqa: RUF012 - Panel reads it as declared
