// Takes the server's own drawing away once the page is there; says so when it does not come. Keeps the time zone for
// the next drawing.
{
  const PATIENCE = 30000 // milliseconds
  const painted = document.getElementById("first-paint")
  const began = Date.now()
  const made = () => document.readyState === "loading" || document.querySelector("[data-root-id]")
  const look = () => {
    if (window.Bokeh?.index?.roots?.[0]?.is_idle) painted.remove()
    else if (!made() || Date.now() - began > PATIENCE) {
      painted.shadowRoot.querySelector(".wrong").textContent = "This page does not come. Reload it."
    } else setTimeout(look, 20)
  }
  look()
  document.cookie = `zone=${Intl.DateTimeFormat().resolvedOptions().timeZone}; path=/; samesite=lax; max-age=31536000`
}
