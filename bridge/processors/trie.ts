/**
 * Many templates matched at once: a tree of literal texts and holes, so that a message is tried against the few
 * templates that begin as it does. The whole text must match. Where a hole may end in several places, the first that
 * lets the rest match is taken; the steps that takes have a limit, beyond which nothing matches.
 */
import type { HoleType, Part } from './template.ts';
import { holeTypes } from './template.ts';
import type { Predicate } from './where.ts';

interface Node<Rule> {
  /** By first character; no two begin alike. */
  readonly literals: Map<number, { text: string; node: Node<Rule> }>;
  readonly holes: { type: HoleType; node: Node<Rule> }[];
  /** What is given for templates that end here. */
  readonly ends: Rule[];
}

export interface Match<Rule> {
  readonly rule: Rule;
  /** What each hole of its template matched, in their order. */
  readonly texts: readonly string[];
}

/** Places tried for one text. A real message takes some dozens. */
const STEPS_MAX = 5_000;

/** What is given for a template; it may look at more of the record than the text. */
export interface Guarded {
  readonly accepts: Predicate | undefined;
  /** How many holes the template has. */
  readonly holes: number;
}

export class Trie<Rule extends Guarded> {
  readonly #root: Node<Rule> = newNode();
  #text = '';
  #end = 0;
  #steps = 0;
  #starts: number[] = [];
  #stops: number[] = [];

  add(parts: readonly Part[], rule: Rule): void {
    let node = this.#root;
    for (const part of parts) node = typeof part === 'string' ? literalNode(node, part) : holeNode(node, part.type);
    node.ends.push(rule);
  }

  /** The first template, literal text before holes, that the text matches whole and whose rule accepts the record. */
  find(text: string, end: number): Match<Rule> | undefined {
    this.#text = text;
    this.#end = end;
    this.#steps = 0;
    const found = this.#walk(this.#root, 0, 0);
    if (found === undefined) return undefined;
    const texts: string[] = [];
    for (let at = 0; at < found.holes; at += 1) texts.push(text.slice(this.#starts[at], this.#stops[at]));
    return { rule: found, texts };
  }

  #walk(node: Node<Rule>, at: number, depth: number): Rule | undefined {
    if (++this.#steps > STEPS_MAX) return undefined;
    if (at === this.#end) {
      for (const rule of node.ends) if (rule.accepts?.() !== false) return rule;
    }
    const edge = node.literals.get(this.#text.charCodeAt(at));
    if (edge !== undefined && at + edge.text.length <= this.#end && this.#text.startsWith(edge.text, at)) {
      const found = this.#walk(edge.node, at + edge.text.length, depth);
      if (found !== undefined) return found;
    }
    for (const hole of node.holes) {
      const found = this.#fill(hole.type, hole.node, at, depth);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #fill(type: HoleType, node: Node<Rule>, at: number, depth: number): Rule | undefined {
    this.#starts[depth] = at;
    const scan = scanners[type];
    if (typeof scan === 'function') {
      const stop = scan(this.#text, at, this.#end);
      if (stop < 0) return undefined;
      this.#stops[depth] = stop;
      return this.#walk(node, stop, depth + 1);
    }
    // Elastic: it ends where what follows begins.
    for (let stop = at; ; stop += 1) {
      if (stop > at || type === 'text') {
        stop = this.#nextStop(type, node, stop);
        if (stop < 0) return undefined;
        this.#stops[depth] = stop;
        const found = this.#walk(node, stop, depth + 1);
        if (found !== undefined) return found;
        if (this.#steps > STEPS_MAX) return undefined;
      }
      if (stop >= this.#end || (type !== 'text' && isBound(type, this.#text.charCodeAt(stop)))) return undefined;
    }
  }

  /** The next place from `from` on where the hole may end: before one of the literals that follow, or at the end. */
  #nextStop(type: HoleType, node: Node<Rule>, from: number): number {
    for (let stop = from; stop < this.#end; stop += 1) {
      if (node.literals.has(this.#text.charCodeAt(stop))) {
        this.#steps += (stop - from) >> 4;
        return stop;
      }
      if (type !== 'text' && isBound(type, this.#text.charCodeAt(stop))) return -1;
    }
    return node.ends.length > 0 ? this.#end : -1;
  }
}

function newNode<Rule>(): Node<Rule> {
  return { literals: new Map(), holes: [], ends: [] };
}

function holeNode<Rule>(node: Node<Rule>, type: HoleType): Node<Rule> {
  const known = node.holes.find((hole) => hole.type === type);
  if (known !== undefined) return known.node;
  const added = { type, node: newNode<Rule>() };
  node.holes.push(added);
  // The strictest first: what a number fills is no mere word.
  node.holes.sort((a, b) => holeTypes.indexOf(a.type) - holeTypes.indexOf(b.type));
  return added.node;
}

/** The node behind `text`; an edge that begins alike is split where they part. */
function literalNode<Rule>(node: Node<Rule>, text: string): Node<Rule> {
  const edge = node.literals.get(text.charCodeAt(0));
  if (edge === undefined) {
    const added = newNode<Rule>();
    node.literals.set(text.charCodeAt(0), { text, node: added });
    return added;
  }
  let shared = 1;
  while (shared < text.length && shared < edge.text.length && text[shared] === edge.text[shared]) shared += 1;
  if (shared < edge.text.length) {
    const middle = newNode<Rule>();
    middle.literals.set(edge.text.charCodeAt(shared), { text: edge.text.slice(shared), node: edge.node });
    node.literals.set(text.charCodeAt(0), { text: text.slice(0, shared), node: middle });
    return shared === text.length ? middle : literalNode(middle, text.slice(shared));
  }
  return shared === text.length ? edge.node : literalNode(edge.node, text.slice(shared));
}

type Scan = (text: string, at: number, end: number) => number;

/** Where the hole ends, at the latest possible place, or -1. The others end where what follows begins. */
const scanners: Readonly<Record<HoleType, Scan | 'elastic'>> = {
  int: (text, at, end) => scanWhile(text, at, end, isDigit),
  number: (text, at, end) => scanWhile(text, at, end, (code) => isDigit(code) || code === 0x2e || code === 0x2d),
  hex: (text, at, end) => scanWhile(text, at, end, isHex),
  uuid: (text, at, end) => {
    const stop = scanWhile(text, at, end, (code) => isHex(code) || code === 0x2d);
    return stop - at === 36 ? stop : -1;
  },
  // A list may be empty.
  ints: (text, at, end) =>
    Math.max(
      at,
      scanWhile(text, at, end, (code) => isDigit(code) || code === 0x2c || code === 0x20),
    ),
  words: 'elastic',
  word: 'elastic',
  segment: 'elastic',
  text: 'elastic',
};

function scanWhile(text: string, at: number, end: number, isInside: (code: number) => boolean): number {
  let stop = at;
  while (stop < end && isInside(text.charCodeAt(stop))) stop += 1;
  return stop > at ? stop : -1;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isHex(code: number): boolean {
  return isDigit(code) || (code >= 0x61 && code <= 0x66) || (code >= 0x41 && code <= 0x46);
}

/** What an elastic hole cannot go beyond. */
function isBound(type: HoleType, code: number): boolean {
  if (type === 'words') return false;
  return code === 0x20 || code === 0x09 || (type === 'segment' && code === 0x2f);
}
