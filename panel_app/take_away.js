// The buttons of a page's "Export and share": files come from the server, pictures and the link are made here.

const FONT = 'Roboto, "Helvetica Neue", Arial, sans-serif'

export function render({ model, el }) {
  const place = document.createElement("div")
  const said = document.createElement("p")
  said.setAttribute("role", "status")
  const root = document.createElement("div")
  root.append(place, said)
  el.append(root)

  const say = (text, wrong = false) => {
    said.textContent = text
    said.className = text ? `said ${wrong ? "negative" : ""}` : ""
  }
  const doing = {
    link: () => copyLink(model.about, say),
    pictures: () => listPictures(place.querySelector(".pictures"), model.about, say),
  }
  const draw = () => {
    root.className = `talker take ${model.about.dark ? "dark" : "light"}`
    const open = place.querySelector("details")?.open
    const held = place.getRootNode().activeElement?.dataset.take
    place.innerHTML = model.html
    if (open) place.querySelector("details")?.setAttribute("open", "")
    if (held) place.querySelector(`[data-take="${held}"]`)?.focus()
  }
  place.addEventListener("click", (event) => {
    const what = event.target.closest("[data-take]")?.dataset.take
    if (!what) return
    say(what in doing ? "" : "One moment ...")
    what in doing ? doing[what]() : model.send_msg(what)
  })
  model.on("html", draw)
  model.on("about", () => { say(""); draw() })
  model.on("msg:custom", (answer) => {
    const { content, name, type } = answer
    if (content) keep(new Blob([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], { type }), name)
    say(answer.said, answer.wrong)
  })
  draw()
}

function keep(blob, name) {
  const link = document.createElement("a")
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

async function copyLink(about, say) {
  const link = `${window.location.origin}${window.location.pathname}?${about.query}`
  try {
    await navigator.clipboard.writeText(link) // there only on this machine itself and over TLS
    say("The link is copied: it leads to this page, keyword, range and words.")
  } catch {
    say(`Copy this link: ${link}`)
  }
}

function figures() {
  const seen = new Set(), found = []
  const visit = (view) => {
    if (seen.has(view)) return
    seen.add(view)
    if (view.model.type === "Figure" && view.bbox.width > 0 && view.el.isConnected) found.push(view)
    for (const child of view.children?.() ?? []) visit(child)
  }
  for (const view of Bokeh.index.roots) visit(view)
  return found
}

function labelled(views, about) {
  return views.map((view, at) => {
    const axis = view.model.left.filter((one) => one.visible).map((one) => one.axis_label).find(Boolean)
    return [axis ?? (views.length > 1 ? `${about.title} ${at + 1}` : about.title), view]
  })
}

function listPictures(list, about, say) {
  const found = labelled(figures(), about)
  if (!found.length) return say("There is no plot on this page now.")
  list.replaceChildren(...found.map(([label, view]) => {
    const button = document.createElement("button")
    button.type = "button"
    button.textContent = `PNG: ${label}`
    button.onclick = async () => {
      const name = `${about.file}-${label.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-")}.png`
      keep(await picture(view, label, about), name)
      say(`${name} is yours.`)
    }
    return button
  }))
  list.firstChild.focus()
}

// A picture leaves its page: what is seen, of whom and when goes with it.
async function picture(view, label, about) {
  const plot = view.export("png").canvas
  const scale = plot.width / view.bbox.width
  const canvas = document.createElement("canvas")
  canvas.width = plot.width + 32 * scale
  canvas.height = plot.height + 104 * scale
  const pen = canvas.getContext("2d")
  pen.fillStyle = about.dark ? "#1E1E1E" : "#FFFFFF"
  pen.fillRect(0, 0, canvas.width, canvas.height)
  pen.drawImage(plot, 16 * scale, 62 * scale)
  pen.scale(scale, scale)
  const width = plot.width / scale
  const ink = about.dark ? "#FFFFFF" : "#1B2126", quiet = about.dark ? "#A9B1B9" : "#5C6670"
  const write = (text, x, y, colour, font, room = width) => {
    pen.fillStyle = colour
    pen.font = `${font} ${FONT}`
    pen.fillText(text, x, y, room)
    return pen.measureText(text).width
  }
  write(label.startsWith(about.title) ? label : `${about.title}: ${label}`, 16, 28, ink, "bold 17px")
  write(about.caption, 16, 50, quiet, "13px")
  let x = 16
  const below = canvas.height / scale - 18
  for (const [text, colour] of about.legend) x += write(text, x, below, colour, "bold 12px") + 16
  const source = about.source
  pen.font = `12px ${FONT}`
  const room = width + 16 - pen.measureText(source).width
  if (room > x) write(source, room, below, quiet, "12px")
  else write(source, 16, below + 14, quiet, "12px")
  return new Promise((done) => canvas.toBlob(done, "image/png"))
}
