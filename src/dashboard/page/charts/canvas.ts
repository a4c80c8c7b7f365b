// A canvas as sharp as the screen, which is drawn again when its place changes its size.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface Size {
  width: number;
  height: number;
}

/** The width of an element, kept up to date. */
export function useWidth<Kind extends HTMLElement>(): [(element: Kind | null) => void, number] {
  const [width, setWidth] = useState(0);
  const observer = useRef<ResizeObserver | undefined>(undefined);
  const attach = useRef((element: Kind | null) => {
    observer.current?.disconnect();
    if (!element) return;
    observer.current = new ResizeObserver(([entry]) => setWidth(Math.floor(entry!.contentRect.width)));
    observer.current.observe(element);
    setWidth(Math.floor(element.getBoundingClientRect().width));
  });
  useEffect(() => () => observer.current?.disconnect(), []);
  return [attach.current, width];
}

/** Changes when the reader's theme does. */
export function useTheme(): string {
  const query = '(prefers-color-scheme: dark)';
  const [dark, setDark] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const change = () => setDark(list.matches);
    list.addEventListener('change', change);
    return () => list.removeEventListener('change', change);
  }, []);
  return dark ? 'dark' : 'light';
}

/** Draws on a canvas of this size in pixels of the page. */
export function useDrawing({ width, height }: Size, draw: (context: CanvasRenderingContext2D, scale: number) => void) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const element = canvas.current;
    if (!element || width <= 0 || height <= 0) return;
    const scale = Math.min(2, devicePixelRatio || 1);
    const [columns, rows] = [Math.round(width * scale), Math.round(height * scale)];
    if (element.width !== columns || element.height !== rows) {
      element.width = columns;
      element.height = rows;
    }
    const context = element.getContext('2d')!;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    draw(context, scale);
  });
  return canvas;
}

export const chartFont = (size = 11) =>
  `${size}px ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif`;
