/**
 * The page's DOM, without a framework. `h` builds elements; text goes in as text, never as markup. `morph` makes what
 * is shown equal to what was built anew and touches only what differs, so that an update neither flickers nor takes
 * the focus, the selection or the scroll position away.
 */
const SVG = 'http://www.w3.org/2000/svg';

/** h('div.card', {title, onclick}, children...): names after the dots are classes, false and null are left out. */
export function h(tag, props, ...children) {
  return build(document.createElement(tag.split('.', 1)[0]), tag, props, children);
}

export function svg(tag, props, ...children) {
  return build(document.createElementNS(SVG, tag.split('.', 1)[0]), tag, props, children);
}

function build(node, tag, props, children) {
  const classes = tag.split('.').slice(1).join(' ');
  if (classes !== '') node.setAttribute('class', classes);
  node.handlers = {};
  for (const [name, value] of Object.entries(props ?? {})) set(node, name, value);
  append(node, children);
  if (props !== null && props !== undefined && 'value' in props) node.value = props.value ?? '';
  return node;
}

function set(node, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith('on')) {
    node.handlers[name] = value;
    node[name] = value;
  } else if (name === 'style') {
    for (const [property, setting] of Object.entries(value)) node.style.setProperty(property, setting);
  } else if (name === 'class') {
    node.setAttribute('class', [node.getAttribute('class'), value].filter(Boolean).join(' '));
  } else if (name === 'value') {
    node.wanted = value;
  } else if (name === 'href' && !isSafeLink(value)) {
    return;
  } else node.setAttribute(name, value === true ? '' : String(value));
}

/** Links lead to this page or to a web address, never to a script. */
function isSafeLink(href) {
  return /^(?:#|\.?\/|https?:\/\/)/i.test(href);
}

function append(node, children) {
  for (const child of children) {
    if (child === undefined || child === null || child === false || child === '') continue;
    if (Array.isArray(child)) append(node, child);
    else node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

/** Makes the children of `parent` equal to `nodes`. Elements with a `data-key` are found again by it. */
export function morph(parent, nodes) {
  const wanted = (Array.isArray(nodes) ? nodes.flat(Infinity) : [nodes]).filter((node) => node instanceof Node);
  const keyed = new Map();
  for (const child of parent.children) if (child.dataset.key !== undefined) keyed.set(child.dataset.key, child);
  const kept = new Set(wanted.map((node) => node.dataset?.key));
  let at = parent.firstChild;
  for (const node of wanted) {
    const key = node.dataset?.key;
    // What is gone goes first, so that what stays need not be moved: moving takes the focus away.
    while (key !== undefined && at?.dataset?.key !== undefined && !kept.has(at.dataset.key)) {
      const next = at.nextSibling;
      at.remove();
      at = next;
    }
    let match = key === undefined ? at : keyed.get(key);
    if (match !== undefined && match !== null && !isSame(match, node)) match = undefined;
    if (match === undefined || match === null) {
      parent.insertBefore(node, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else parent.insertBefore(match, at);
    update(match, node);
  }
  while (at !== null) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function isSame(old, node) {
  return old.nodeName === node.nodeName && old.dataset?.key === node.dataset?.key;
}

function update(old, node) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.nodeValue !== node.nodeValue) old.nodeValue = node.nodeValue;
    return;
  }
  for (const { name, value } of [...node.attributes])
    if (old.getAttribute(name) !== value) copyAttribute(old, node, name, value);
  for (const { name } of [...old.attributes])
    if (!node.hasAttribute(name) && !isUsers(old, name)) old.removeAttribute(name);
  for (const name of Object.keys({ ...old.handlers, ...node.handlers })) old[name] = node.handlers?.[name] ?? null;
  old.handlers = node.handlers;
  // A node that keeps its children draws into them itself, such as a chart its cursor.
  if (!old.hasAttribute('data-keep')) morph(old, [...node.childNodes]);
  if (node.wanted !== undefined && old !== document.activeElement && old.value !== node.wanted) old.value = node.wanted;
}

/** The content policy forbids style attributes, but not styles that a script sets. */
function copyAttribute(old, node, name, value) {
  if (name === 'style') old.style.cssText = node.style.cssText;
  else old.setAttribute(name, value);
}

/** What the reader did and an update must leave alone. */
function isUsers(old, name) {
  return name === 'open' && old.nodeName === 'DETAILS';
}

/** Copies text, also where the page was not reached by https or loopback and the clipboard is closed to it. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h('textarea', { class: 'sr', value: text });
    document.body.append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}

/** A button that copies, and says that it did. */
export function copyButton(text, label) {
  return h(
    'button.copy',
    {
      type: 'button',
      title: `Copy ${label}`,
      onclick: async ({ currentTarget }) => {
        await copy(text);
        currentTarget.dataset.done = '';
        setTimeout(() => delete currentTarget.dataset.done, 1200);
      },
    },
    h('span.sr', null, `Copy ${label}`),
  );
}
