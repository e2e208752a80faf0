"""What the library's selects lack: they open by a click alone, and so does everything that is chosen by them."""

from __future__ import annotations

from panel.custom import JSComponent


class Keys(JSComponent):
    """Opens a select that has the focus by Enter, the space bar and the arrows, as browsers' own do; shows nothing."""

    _esm = """
    const OPENS = ["Enter", " ", "ArrowDown", "ArrowUp"]
    export function render() {
      document.addEventListener("keydown", (event) => {
        const on = event.composedPath()[0]
        if (!OPENS.includes(event.key) || !on.matches?.("div[role=combobox][aria-expanded=false]")) return
        event.preventDefault()
        on.click()
      })
    }
    """
