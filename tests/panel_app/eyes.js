// What a reader sees of a page; it looks through shadow roots, for Bokeh puts each part of a page into one.
{
  crossed() {
    const texts = []
    const look = (node, clip) => {
      if (node.nodeType === Node.TEXT_NODE) {
        if (!node.data.trim()) return
        const range = document.createRange()
        range.selectNodeContents(node)
        for (const part of range.getClientRects()) {
          const box = cut(part, clip)
          if (box.x1 - box.x0 > 2 && box.y1 - box.y0 > 2) texts.push({ ...box, text: node.data.trim().slice(0, 40), node })
        }
        return
      }
      if (node.nodeType !== Node.ELEMENT_NODE && node.nodeType !== Node.DOCUMENT_FRAGMENT_NODE) return
      if (node.nodeType === Node.ELEMENT_NODE) {
        if (["SCRIPT", "STYLE", "OPTION", "NOSCRIPT", "svg"].includes(node.tagName)) return
        const style = getComputedStyle(node)
        if (style.display === "none" || style.visibility === "hidden" || Number(style.opacity) === 0) return
        if (style.display !== "contents" && style.overflow !== "visible") clip = cut(node.getBoundingClientRect(), clip)
      }
      const folded = node.tagName === "DETAILS" && !node.open
      for (const child of [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes]) {
        if (!folded || child.tagName === "SUMMARY") look(child, clip)
      }
    }
    const cut = (box, clip) => ({
      x0: Math.max(box.left ?? box.x0, clip.x0), y0: Math.max(box.top ?? box.y0, clip.y0),
      x1: Math.min(box.right ?? box.x1, clip.x1), y1: Math.min(box.bottom ?? box.y1, clip.y1),
    })
    look(document.body, { x0: -1e9, y0: -1e9, x1: 1e9, y1: 1e9 })
    const crossed = []
    texts.forEach((one, at) => {
      for (const other of texts.slice(at + 1)) {
        const across = Math.min(one.x1, other.x1) - Math.max(one.x0, other.x0)
        const down = Math.min(one.y1, other.y1) - Math.max(one.y0, other.y0)
        if (one.node !== other.node && across > 3 && down > 5) crossed.push([one.text, other.text])
      }
    })
    return crossed
  },
  // Opens all that is folded, and waits until nothing more comes.
  async unfold() {
    let parts = 0
    const look = (node) => {
      parts += 1
      if (node.tagName === "DETAILS") node.open = true
      if (node.tagName === "BUTTON" && node.ariaExpanded === "false" && node.ariaLabel === "show more") node.click()
      for (const child of [...(node.shadowRoot?.children ?? []), ...(node.children ?? [])]) look(child)
    }
    for (let still = 0, before = 0; still < 3; still = parts === before ? still + 1 : 0) {
      before = parts
      parts = 0
      look(document.body)
      await new Promise((done) => setTimeout(done, 150))
    }
  },
  // What asks for a click and that the Tab key does not come to, nor to anything in or around it.
  mouse_only() {
    const found = []
    const look = (node, reached) => {
      const style = getComputedStyle(node)
      if (style.display === "none" || style.visibility === "hidden") return
      const clicked = style.cursor === "pointer" && node.getBoundingClientRect().width > 0
      const group = node.closest("label, [role=group]") ?? node // of a group one has the Tab key, the arrows do the rest
      const able = node.tabIndex >= 0 || (clicked && group.querySelector("input, a, [tabindex='0']"))
      if (clicked && !reached && !able) return found.push(node.outerHTML.slice(0, 120))
      for (const child of [...(node.shadowRoot?.children ?? []), ...node.children]) look(child, reached || able)
    }
    look(document.body, false)
    return found
  },
  // Plots after which no table comes before the next plot does that is not beside them.
  alone() {
    const parts = []
    const look = (node) => {
      if (node.nodeType === Node.ELEMENT_NODE) {
        if (node.classList.contains("bk-Figure")) return node.getBoundingClientRect().width && parts.push(node)
        if (node.tagName === "TABLE") return parts.push(node)
      }
      for (const child of [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes]) look(child)
    }
    look(document.body)
    return parts.filter((part, at) => part.tagName !== "TABLE" && !parts.slice(at).some((one) => one.tagName === "TABLE"))
      .map((part) => part.className)
  },
  figures() {
    const seen = new Set(), found = []
    const visit = (view) => {
      if (seen.has(view)) return
      seen.add(view)
      if (view.model.type === "Figure" && view.el.isConnected && view.bbox.width > 0) found.push(view)
      for (const child of view.children?.() ?? []) visit(child)
    }
    for (const view of window.Bokeh?.index.roots ?? []) visit(view)
    return found
  },
  plots() {
    return this.figures().length
  },
  clouds() {
    const pen = document.createElement("canvas").getContext("2d")
    const clouds = []
    for (const view of this.figures()) {
      const of = (type) => view.model.renderers.find((one) => one.glyph?.type === type)
      const [letters, boxes] = [of("Text"), of("Quad")]
      if (!letters || !boxes) continue
      const column = (renderer, name) => Array.from(renderer.data_source.get_column(name) ?? [])
      const sizes = column(letters, "size")
      const sides = ["x0", "y0", "x1", "y1"].map((side) => column(boxes, side))
      const place = view.el.getBoundingClientRect(), frame = view.frame.bbox
      clouds.push(column(letters, "word").map((word, at) => {
        pen.font = `bold ${sizes[at]} "Talker Words"`
        const told = pen.measureText(word)
        const box = sides.map((side) => side[at])
        return {
          word, box,
          width: told.actualBoundingBoxLeft + told.actualBoundingBoxRight,
          height: told.actualBoundingBoxAscent + told.actualBoundingBoxDescent,
          x: place.x + frame.left + (box[0] + box[2]) / 2,
          y: place.y + frame.bottom - (box[1] + box[3]) / 2,
        }
      }))
    }
    return clouds
  },
}
