// Colours, legend texts and sizes of the pictures.

import type { BoxKind } from './cell-graph.ts';

export interface Style {
  readonly fill: string;
  readonly stroke: string;
  /** The text in the legend. */
  readonly legend: string;
  /** Corner radius in pixels. */
  readonly radius: number;
}

// Dark text on every fill has a contrast of at least 7:1 (WCAG AAA).
export const styles: Record<BoxKind, Style> = {
  separable: { fill: '#ffd98a', stroke: '#c98f1b', legend: 'separable convolution (twice)', radius: 5 },
  convolution: { fill: '#ffbf9b', stroke: '#c8693a', legend: 'convolution', radius: 5 },
  factorised: { fill: '#f7b5c4', stroke: '#bd5872', legend: '1×k then k×1 convolution', radius: 5 },
  dilated: { fill: '#f0e08a', stroke: '#a8952a', legend: 'dilated convolution', radius: 5 },
  'average-pool': { fill: '#b9dcf7', stroke: '#4b8dbf', legend: 'average pooling', radius: 5 },
  'max-pool': { fill: '#bfc8f5', stroke: '#6070c4', legend: 'max pooling', radius: 5 },
  layers: { fill: '#f6d0e8', stroke: '#a84f86', legend: 'custom operation', radius: 5 },
  identity: { fill: '#eceef0', stroke: '#9aa1a8', legend: 'identity', radius: 5 },
  add: { fill: '#bfe6c3', stroke: '#4f9a58', legend: 'element-wise addition', radius: 13 },
  concat: { fill: '#a9e4dd', stroke: '#2f9488', legend: 'concatenation of two', radius: 13 },
  add_layer_norm: { fill: '#d3e8a9', stroke: '#7d9a35', legend: 'addition, layer norm', radius: 13 },
  add_instance_norm: { fill: '#e3eec0', stroke: '#93a050', legend: 'addition, instance norm', radius: 13 },
  hidden: { fill: '#ffffff', stroke: '#3a4149', legend: 'hidden state (input)', radius: 5 },
  output: { fill: '#e3c7f2', stroke: '#8a51a8', legend: 'output of the cell', radius: 5 },
};

export const ink = { text: '#1c2126', quiet: '#57606a', edge: '#6b747d', paper: '#ffffff' } as const;

export const fontFamily = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";

/** In pixels. */
export const sizes = {
  font: 13,
  boxHeight: 28,
  boxPadding: 9, // left and right of a label
  combinerHeight: 26,
  betweenBoxes: 18,
  betweenRanks: 46,
  margin: 24,
} as const;

/**
 * Returns an upper bound of a text's width in pixels in the usual sans-serif fonts. DejaVu Sans, the widest of them,
 * has small letters and digits up to 0.64 em, capitals up to 0.79, and a few wide signs up to 1; its bold is 13% wider.
 */
export function textWidth(text: string, fontSize: number, weight: 'normal' | 'bold' = 'normal'): number {
  const em = [...text].reduce((sum, sign) => {
    if ('mwMW×→−+—…#@%'.includes(sign) || sign >= '⺀') return sum + 1; // from there on CJK and pictures
    if (' ijlfrtI.,:;()'.includes(sign)) return sum + 0.42;
    return sum + (sign >= 'A' && sign <= 'Z' ? 0.79 : 0.64);
  }, 0);
  return em * fontSize * (weight === 'bold' ? 1.13 : 1);
}
