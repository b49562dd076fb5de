import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { taskStates } from '../../bridge/model/states.ts';

type Rgb = readonly [number, number, number];

const css = readFileSync(new URL('../../bridge/web/public/colours.css', import.meta.url), 'utf8');

/** The colours of one theme, by name. */
function palette(theme: 0 | 1): Map<string, Rgb> {
  const pairs = css.matchAll(/--([\w-]+): light-dark\(\s*(#[0-9a-f]{6}),\s*(#[0-9a-f]{6})\s*\)/g);
  return new Map(
    [...pairs].map(([, name, light, dark]) => {
      const value = parseInt((theme === 0 ? light! : dark!).slice(1), 16);
      return [name!, [(value >> 16) & 255, (value >> 8) & 255, value & 255]];
    }),
  );
}

const linear = (byte: number): number => (byte <= 10.31475 ? byte / 3294.6 : ((byte / 255 + 0.055) / 1.055) ** 2.4);

/** Machado, Oliveira and Fernandes 2009, severity 1, in linear RGB. */
const vision = {
  normal: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
} as const; // prettier-ignore

function lab(rgb: Rgb, kind: keyof typeof vision): Rgb {
  const source = rgb.map(linear);
  const [r, g, b] = vision[kind].map((row) =>
    Math.max(0, row[0] * source[0]! + row[1] * source[1]! + row[2] * source[2]!),
  ) as unknown as Rgb;
  const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const x = f((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
  const y = f(0.2126 * r + 0.7152 * g + 0.0722 * b);
  const z = f((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const distance = (a: Rgb, b: Rgb): number => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
const luminance = ([r, g, b]: Rgb): number => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const contrast = (a: Rgb, b: Rgb): number =>
  (Math.max(luminance(a), luminance(b)) + 0.05) / (Math.min(luminance(a), luminance(b)) + 0.05);

describe('web/colours', () => {
  for (const [theme, name] of [
    [0, 'light'],
    [1, 'dark'],
  ] as const) {
    const colours = palette(theme);
    const states = taskStates.filter((state) => state !== 'unsched');

    it(`has a colour for every state, ${name}`, () => {
      for (const state of taskStates) assert.ok(colours.has(`s-${state}`), state);
    });

    it(`tells every two states apart with every kind of colour vision, ${name}`, () => {
      const close: string[] = [];
      for (const kind of Object.keys(vision) as (keyof typeof vision)[]) {
        states.forEach((a, index) => {
          for (const b of states.slice(index + 1)) {
            const far = distance(lab(colours.get(`s-${a}`)!, kind), lab(colours.get(`s-${b}`)!, kind));
            if (far < 15) close.push(`${kind}: ${a} ${b} ${far.toFixed(1)}`);
          }
        });
      }
      assert.deepEqual(close, []);
    });

    it(`keeps text readable, ${name}`, () => {
      for (const text of ['text', 'muted', 'link', 'bad', 'warn']) {
        for (const ground of ['bg', 'panel']) {
          const ratio = contrast(colours.get(text)!, colours.get(ground)!);
          assert.ok(ratio >= 4.5, `${text} on ${ground}: ${ratio.toFixed(2)}`);
        }
      }
    });
  }
});
