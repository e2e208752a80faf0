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
  figures() {
    const seen = new Set(), found = []
    const visit = (view) => {
      if (seen.has(view)) return
      seen.add(view)
      if (view.model.type === "Figure" && view.el.isConnected && view.bbox.width > 0) found.push(view)
      for (const child of view.children?.() ?? []) visit(child)
    }
    for (const view of Bokeh.index.roots) visit(view)
    return found
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
