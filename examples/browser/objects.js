// Shows what a detector found: boxes and labels over the picture, a list that highlights them, a slider for the least score.

const byId = (id) => document.getElementById(id);
const usualLeast = 0.3; // score, as in `nasnet detect run`

/** Okabe and Ito's colours, told apart by colour-blind people; after them the same with dashed lines, then dotted ones. */
const colours = ['#e69f00', '#56b4e9', '#009e73', '#f0e442', '#0072b2', '#d55e00', '#cc79a7'];
const dashes = ['none', '7 4', '2 3']; // in CSS pixels
const onDark = '#0072b2'; // the one that needs white letters

/** @typedef {{ category: number, score: number, box: number[] }} FoundObject box: x1, y1, x2, y2 in pixels of the picture */

let names = [];
let styles = new Map(); // of categories, in the order in which they are first shown
let size = { width: 1, height: 1 }; // of the picture
/** @type {FoundObject[]} */
let objects = [];

/** Prepares the slider for a detector, and forgets what another one found. */
export function useCategories(categories, leastScore) {
  names = categories;
  styles = new Map();
  objects = [];
  const slider = byId('least');
  slider.min = String(Math.floor(100 * leastScore) / 100);
  slider.value = String(Math.max(usualLeast, leastScore));
  byId('boxes').replaceChildren();
  byId('found').hidden = true;
}

/** Shows the objects of a picture of this size, best first. */
export function showObjects(/** @type {FoundObject[]} */ found, { width, height }) {
  objects = found;
  size = { width, height };
  byId('found').hidden = false;
  showLikely();
}

/** Reacts to the slider, the keyboard, the pointer and the width of the page. */
export function listenForObjects() {
  byId('least').addEventListener('input', showLikely);
  byId('objects').addEventListener('keydown', moveFocus);
  new ResizeObserver(placeLabels).observe(byId('boxes'));
}

function showLikely() {
  const least = Number(byId('least').value);
  const likely = objects.filter(({ score }) => score >= least);
  byId('least-words').textContent = percent(least, 0);
  byId('count').textContent = countWords(likely, least);
  byId('objects').replaceChildren(...likely.map(rowOf));
  drawBoxes(likely);
}

function countWords(likely, least) {
  if (objects.length === 0) return 'Nothing was found in this picture.';
  const [best] = objects;
  if (likely.length === 0)
    return `No object has a score of ${percent(least, 0)}; the best one has ${percent(best.score)}: ${names[best.category]}.`;
  const counts = new Map();
  for (const { category } of likely) counts.set(category, (counts.get(category) ?? 0) + 1);
  const kinds = [...counts].map(([category, count]) => `${names[category]}${count > 1 ? `\u00a0×\u00a0${count}` : ''}`);
  return `${likely.length === 1 ? '1 object' : `${likely.length} objects`}: ${kinds.join(', ')}`;
}

function rowOf({ category, score, box }, index) {
  const { colour, dash } = styleOf(category);
  const button = element('button', '', '');
  button.type = 'button';
  const [x, y, width, height] = [box[0], box[1], box[2] - box[0], box[3] - box[1]].map(Math.round);
  button.title = `at ${x}, ${y}, ${width} × ${height} pixels`;
  button.append(swatch(colour, dash), element('span', 'name', names[category]));
  button.append(element('span', 'share', percent(score)));
  for (const event of ['focus', 'mouseenter']) button.addEventListener(event, () => highlight(index));
  for (const event of ['blur', 'mouseleave']) button.addEventListener(event, () => highlight(focused()));
  const row = document.createElement('li');
  row.append(button);
  return row;
}

/** The colour and the line of a category. */
function styleOf(category) {
  if (!styles.has(category)) styles.set(category, styles.size);
  const turn = styles.get(category);
  return {
    colour: colours[turn % colours.length],
    dash: dashes[Math.floor(turn / colours.length) % dashes.length],
  };
}

function swatch(colour, dash) {
  const picture = svg('svg', { class: 'swatch', viewBox: '0 0 18 18', 'aria-hidden': 'true' });
  picture.append(svg('rect', { x: 2, y: 2, width: 14, height: 14, stroke: colour, 'stroke-dasharray': dash }));
  return picture;
}

/** Draws small boxes above large ones, so that the pointer reaches all, and labels of better objects above others. */
function drawBoxes(likely) {
  const { width, height } = size;
  const drawing = svg('svg', { viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' });
  const labels = likely.map(({ category, score }, index) => {
    const { colour } = styleOf(category);
    const label = element('span', 'label', `${names[category]} ${percent(score, 0)}`);
    Object.assign(label.style, { background: colour, color: colour === onDark ? '#fff' : '#000' });
    label.dataset.object = String(index);
    return label;
  });
  const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
  const bySize = [...likely.entries()].sort(([, one], [, other]) => area(other.box) - area(one.box));
  for (const [index, object] of bySize) drawing.append(boxOf(object, index));
  byId('boxes').replaceChildren(drawing, ...labels.reverse());
  placeLabels();
  highlight(-1);
}

function boxOf({ category, score, box: [x1, y1, x2, y2] }, index) {
  const { colour, dash } = styleOf(category);
  const sides = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
  const group = svg('g', { 'data-object': index, 'data-category': names[category], 'data-score': score });
  group.append(svg('rect', { ...sides, class: 'casing' })); // is seen on any picture
  group.append(svg('rect', { ...sides, class: 'line', stroke: colour, 'stroke-dasharray': dash }));
  group.addEventListener('mouseenter', () => highlight(index));
  group.addEventListener('mouseleave', () => highlight(focused()));
  group.addEventListener('click', (event) => {
    event.preventDefault(); // the picture would ask for another file
    byId('objects').children[index]?.firstChild.focus({ preventScroll: true }); // the picture stays in view
  });
  return group;
}

const mostCovered = 0.4; // of a label's area by the labels of better objects; one with less room shows when it is chosen

/** Puts each label at its box: within the picture and beside the labels of better objects. */
function placeLabels() {
  const layer = byId('boxes');
  const [wide, high] = [layer.clientWidth, layer.clientHeight];
  const scale = Math.min(wide / size.width, high / size.height);
  const [left, top] = [(wide - scale * size.width) / 2, (high - scale * size.height) / 2];
  const taken = [];
  for (const label of [...layer.querySelectorAll('.label')].reverse()) {
    const box = layer.querySelector(`g[data-object="${label.dataset.object}"] .line`);
    const sides = ['x', 'y', 'width', 'height'].map((name) => scale * Number(box.getAttribute(name)));
    const [x, y] = [left + sides[0], top + sides[1]];
    const chosen = roomFor(label, { x1: x, y1: y, x2: x + sides[2], y2: y + sides[3] }, [wide, high], taken);
    const isCrowded = coveredBy(taken, chosen) > mostCovered * chosen.width * chosen.height;
    label.classList.toggle('crowded', isCrowded);
    if (!isCrowded) taken.push(chosen);
    Object.assign(label.style, { left: `${chosen.x}px`, top: `${chosen.y}px` });
  }
}

/** The place of a label that covers least of the other ones; of several the first. */
function roomFor({ offsetWidth: width, offsetHeight: height }, { x1, y1, x2, y2 }, [wide, high], taken) {
  const within = ([x, y]) => ({
    x: Math.max(0, Math.min(x, wide - width)),
    y: Math.max(0, Math.min(y, high - height)),
    width,
    height,
  });
  const above = y1 >= height ? y1 - height : y1;
  const below = y2 + height <= high ? y2 : y2 - height;
  const places = [[x1, above], [x2 - width, above], [x1, below], [x2 - width, below], [x1, y1], [x2 - width, y1],
    [x1, y2 - height], [x2 - width, y2 - height], [(x1 + x2 - width) / 2, (y1 + y2 - height) / 2]]; // biome-ignore format: a table
  const covered = (one) => coveredBy(taken, one);
  return places.map(within).reduce((best, one) => (covered(one) < covered(best) ? one : best));
}

const coveredBy = (others, one) => others.reduce((sum, other) => sum + overlap(one, other), 0);

function overlap(one, other) {
  const across = Math.min(one.x + one.width, other.x + other.width) - Math.max(one.x, other.x);
  const down = Math.min(one.y + one.height, other.y + other.height) - Math.max(one.y, other.y);
  return Math.max(0, across) * Math.max(0, down);
}

/** The place of the object whose row has the focus; −1: none. */
const focused = () => [...byId('objects').children].findIndex((row) => row.firstChild === document.activeElement);

/** Highlights an object's box, label and row, and dims the others; −1: none. */
function highlight(index) {
  const layer = byId('boxes');
  layer.classList.toggle('choosing', index >= 0);
  for (const part of layer.querySelectorAll('[data-object]'))
    part.classList.toggle('chosen', part.dataset.object === String(index));
  [...byId('objects').children].forEach((row, place) => {
    row.classList.toggle('chosen', place === index);
  });
}

/** Arrows, Home and End go through the list; Escape leaves it. */
function moveFocus(event) {
  const rows = [...byId('objects').children];
  const place = focused();
  const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: rows.length - 1 }[event.key];
  if (event.key === 'Escape') document.activeElement.blur();
  if (next === undefined) return;
  event.preventDefault(); // the list would scroll
  rows[Math.max(0, Math.min(next, rows.length - 1))].firstChild.focus();
}

const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;

function element(name, className, text) {
  return Object.assign(document.createElement(name), { className, textContent: text });
}

function svg(name, attributes) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}
