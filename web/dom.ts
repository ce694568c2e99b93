/**
 * Makes elements. Whatever is not an element becomes a text node, so text of messages and servers can never become
 * markup; there is no other way to make any in this program.
 *
 * Guarantees: no attribute holds script or style; a link goes to a path of this server or to a place of this document.
 */

export type Child = Node | string | number | undefined | readonly Child[];

type Value = string | number | boolean | undefined;

export interface Attributes {
  readonly [name: string]: Value | ((event: Event) => void);
}

const svgSpace = "http://www.w3.org/2000/svg";

/** An element of HTML. Attributes that are `undefined` or false are left out; `on…` takes a function. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), attributes, children);
}

/** An element of SVG. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): SVGElementTagNameMap[K] {
  return fill(document.createElementNS(svgSpace, tag), attributes, children);
}

/** Puts new content into an element. What had the focus in it, and still is there by its id, keeps it. */
export function replace(element: Element, ...children: readonly Child[]): void {
  const focused = element.contains(document.activeElement) ? document.activeElement?.id : undefined;
  element.replaceChildren(...nodesOf(children));
  if (focused !== undefined && focused !== "") document.getElementById(focused)?.focus({ preventScroll: true });
}

function fill<T extends Element>(element: T, attributes: Attributes, children: readonly Child[]): T {
  for (const [name, value] of Object.entries(attributes)) set(element, name, value);
  element.append(...nodesOf(children));
  return element;
}

function set(element: Element, name: string, value: Attributes[string]): void {
  if (typeof value === "function") {
    element.addEventListener(name.replace(/^on/u, ""), value);
    return;
  }
  if (value === undefined || value === false) return;
  if (/^(?:on|style$|srcdoc$)/iu.test(name)) throw new TypeError(`${name} is not an attribute for text`);
  if (/^(?:href|src|action|formaction|xlink:href)$/iu.test(name) && !/^(?:\/(?!\/)|#)/u.test(String(value)))
    throw new TypeError(`${name} may only lead to this server`);
  element.setAttribute(name, value === true ? "" : String(value));
}

function nodesOf(children: readonly Child[]): Node[] {
  return children.flatMap((child): Node[] => {
    if (child === undefined) return [];
    if (child instanceof Node) return [child];
    if (typeof child === "object") return nodesOf(child);
    return [document.createTextNode(String(child))];
  });
}
