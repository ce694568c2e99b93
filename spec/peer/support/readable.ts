/**
 * Looks at a page as people with other eyes and hands meet it. Each function is source text that runs in the page: what
 * it finds wrong is a list of words, empty when all is well.
 */

/** Texts whose contrast is below 4.5 to 1 (WCAG 2.2, 1.4.3), against the nearest ground that is not transparent. */
export const faintTexts = `(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const channels = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (color) => {
    const [r, g, b] = [...channels(color)].slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const color = getComputedStyle(at).backgroundColor;
      if (channels(color)[3] === 255) return color;
    }
    return "white";
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === "" || !element.checkVisibility() || element.closest(".unseen, :disabled, option")) continue;
    const style = getComputedStyle(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    const [light, dark] = [luminance(color), luminance(groundOf(element))].toSorted((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    if (contrast < 4.5) found.push(walker.currentNode.data.trim().slice(0, 40) + ": " + contrast.toFixed(2));
  }
  return found;
})()`;

/** Controls without a name, names that lead to nothing, ids that stand twice, tables without a name. */
export const namelessParts = `(() => {
  const found = [];
  for (const control of document.querySelectorAll("button, a[href], input, select, textarea, summary, [role=region], table")) {
    const label = control.getAttribute("aria-label")
      ?? control.getAttribute("aria-labelledby")?.split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("")
      ?? [...(control.labels ?? [])].map((each) => each.textContent).join("")
      ?? "";
    const text = control.matches("input, select, textarea, table") ? "" : control.textContent;
    if ((label + text).trim() === "") found.push("no name: " + control.outerHTML.slice(0, 80));
  }
  for (const name of ["aria-labelledby", "aria-describedby", "for"])
    for (const element of document.querySelectorAll("[" + name + "]"))
      for (const id of element.getAttribute(name).split(" "))
        if (document.getElementById(id) === null) found.push(name + " leads nowhere: " + id);
  const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id);
  for (const id of new Set(ids)) if (ids.indexOf(id) !== ids.lastIndexOf(id)) found.push("twice: " + id);
  if (document.querySelectorAll("h1").length !== 1) found.push("not one h1");
  if (document.documentElement.lang === "") found.push("no language");
  return found;
})()`;

/** What is wider than the window. */
export const tooWide = `(() => {
  if (document.documentElement.scrollWidth <= window.innerWidth) return [];
  return [...document.querySelectorAll("body *")]
    .filter((element) => element.getBoundingClientRect().right > window.innerWidth && element.checkVisibility())
    .map((element) => element.tagName + "." + element.className + ": " + element.textContent.slice(0, 40))
    .slice(-3);
})()`;

/** Whether what has the focus can be seen to have it. */
export const focusIsSeen = `(() => {
  const style = getComputedStyle(document.activeElement);
  return style.outlineStyle !== "none" && Number.parseFloat(style.outlineWidth) >= 2;
})()`;
