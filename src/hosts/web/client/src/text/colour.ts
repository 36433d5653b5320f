// Colours that stay legible: what a world chose for a black terminal, moved as far as needed to be read on any page.
//
// Invariant: the text colour that `onPage` answers has a contrast of at least 4.5 to what is behind it.

import type { Colour, Style } from "./ansi";

/** Red, green and blue, each 0 to 255. */
export type Rgb = readonly [number, number, number];

/** What a page of one kind, light or dark, puts behind text, and the colour of its text. */
export interface Page {
  readonly paper: Rgb;
  readonly ink: Rgb;
}

/** The colours of the log; `style.css` has the same ones. */
export const LIGHT: Page = { paper: [251, 250, 247], ink: [32, 33, 36] };
export const DARK: Page = { paper: [23, 25, 28], ink: [222, 221, 216] };

const CONTRAST_MIN = 4.5;

// The terminal's sixteen: muted, so that a colourful world is calm on paper too.
const BASE: readonly Rgb[] = [
  [58, 60, 66], [196, 64, 60], [62, 142, 78], [176, 128, 32],
  [64, 112, 196], [154, 84, 172], [36, 142, 150], [188, 188, 184],
  [122, 124, 130], [226, 98, 90], [98, 178, 108], [216, 172, 72],
  [104, 152, 228], [190, 124, 208], [82, 182, 188], [238, 237, 232],
];

/** The colours of a style on a page, once text and background are told apart; nothing where the page's own will do. */
export function onPage(style: Style, page: Page): { fore?: Rgb; back?: Rgb } {
  let fore = style.fore === undefined ? undefined : rgbOf(style.fore);
  let back = style.back === undefined ? undefined : rgbOf(style.back);
  if (style.inverse) [fore, back] = [back ?? page.paper, fore ?? page.ink];
  if (fore === undefined && back === undefined) return {};
  const legibleFore = legible(fore ?? page.ink, back ?? page.paper);
  return back === undefined ? { fore: legibleFore } : { fore: legibleFore, back };
}

/** The colour itself if it can be read on that background; else the nearest on its way to black or white that can. */
export function legible(fore: Rgb, back: Rgb): Rgb {
  if (contrast(fore, back) >= CONTRAST_MIN) return fore;
  const black: Rgb = [0, 0, 0];
  const white: Rgb = [255, 255, 255];
  const goal = contrast(black, back) > contrast(white, back) ? black : white;
  for (let step = 1; step < 16; step++) {
    const moved = between(fore, goal, step / 16);
    if (contrast(moved, back) >= CONTRAST_MIN) return moved;
  }
  return goal;
}

/** The contrast of two colours as WCAG 2 reckons it, 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** As a style sheet writes it. */
export function cssOf(colour: Rgb): string {
  return `rgb(${colour.join(" ")})`;
}

/** The colour of a place in the palette: sixteen, a cube of 6 x 6 x 6, and 24 greys. */
export function rgbOf(colour: Colour): Rgb {
  if (typeof colour !== "number") return colour;
  const base = BASE[colour];
  if (base !== undefined) return base;
  if (colour >= 232) {
    const grey = 8 + (colour - 232) * 10;
    return [grey, grey, grey];
  }
  const level = (n: number): number => (n === 0 ? 0 : 55 + n * 40);
  const place = colour - 16;
  return [level(Math.floor(place / 36)), level(Math.floor(place / 6) % 6), level(place % 6)];
}

function between(from: Rgb, to: Rgb, share: number): Rgb {
  const part = (i: 0 | 1 | 2): number => Math.round(from[i] + (to[i] - from[i]) * share);
  return [part(0), part(1), part(2)];
}

function luminance(colour: Rgb): number {
  const linear = (byte: number): number => {
    const c = byte / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
}
