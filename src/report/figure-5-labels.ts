// Where the names of a scatter plot's points go, so that none covers another, a point or a line. Plain geometry in pixels.

export interface NamedPoint {
  readonly x: number;
  readonly y: number;
  /** Of the point's symbol. */
  readonly radius: number;
  /** Of its name as text. */
  readonly width: number;
  readonly height: number;
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

export type Segment = readonly [x1: number, y1: number, x2: number, y2: number];

/** From a name back to its point, where the two are too far apart to be read as one. */
const leaderFrom = 9; // pixels between symbol and text
const directions = 24;
const distances = [2, 4, 7, 11, 15, 21, 28, 36, 46, 58, 72, 90, 110]; // from the symbol's rim to the text

// Costs weigh against a name's distance in pixels: what may never be, what may hardly be, what is only a pity.
const never = 100_000;
const hardly = 2_000;
const pity = 25;

interface Candidate {
  readonly box: Box;
  readonly leader: Segment | undefined;
  /** What this place costs whatever the other names do. */
  readonly cost: number;
}

export interface Placed {
  readonly box: Box;
  /** A thin line that says which point a distant name belongs to. */
  readonly leader: Segment | undefined;
}

/**
 * A place for each name inside `frame`. Every name takes the cheapest of its places given the others', in turns, until none
 * moves; the crowded ones choose first. The same points always give the same places.
 */
export function placeLabels(points: readonly NamedPoint[], frame: Box, lines: readonly Segment[]): Placed[] {
  const candidates = points.map((point) => candidatesOf(point, points, frame, lines));
  const chosen: (Candidate | undefined)[] = points.map(() => undefined);
  const crowd = (index: number) => points.filter((other) => distance(points[index]!, other) < 60).length;
  const order = points.map((_, index) => index).sort((a, b) => crowd(b) - crowd(a) || a - b);
  for (let round = 0; round < 12; round++) {
    let moved = false;
    for (const index of order) {
      const others = chosen.filter((other, place) => other && place !== index) as Candidate[];
      const best = cheapest(candidates[index]!, others);
      moved ||= best !== chosen[index];
      chosen[index] = best;
    }
    if (!moved) break;
  }
  return chosen.map((place) => ({ box: place!.box, leader: place!.leader }));
}

function cheapest(candidates: readonly Candidate[], others: readonly Candidate[]): Candidate {
  let best = candidates[0]!;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    let cost = candidate.cost;
    for (const other of others) {
      if (cost >= least) break;
      if (overlap(grown(candidate.box, 2), other.box)) cost += never;
      if (candidate.leader && crosses(candidate.leader, other.box)) cost += hardly;
      if (other.leader && crosses(other.leader, candidate.box)) cost += hardly;
      if (candidate.leader && other.leader && intersect(candidate.leader, other.leader)) cost += hardly;
    }
    if (cost < least) [best, least] = [candidate, cost];
  }
  return best;
}

function candidatesOf(point: NamedPoint, points: readonly NamedPoint[], frame: Box, lines: readonly Segment[]) {
  return distances.flatMap((gap) =>
    Array.from({ length: directions }, (_, step): Candidate => {
      const angle = (2 * Math.PI * step) / directions;
      const [right, down] = [Math.cos(angle), Math.sin(angle)];
      const x = point.x + right * (point.radius + gap + point.width / 2);
      const y = point.y + down * (point.radius + gap + point.height / 2);
      const box = boxAround(x, y, point.width, point.height);
      const [endX, endY] = [clamp(point.x, box.left, box.right), clamp(point.y, box.top, box.bottom)];
      const far = Math.hypot(endX - point.x, endY - point.y) - point.radius;
      const leader = far > leaderFrom ? ([point.x, point.y, endX, endY] as const) : undefined;
      let cost = far + 4 * Math.abs(down) - (right > 0.5 ? 3 : 0); // beside its point, rather to the right
      if (leader) cost += pity;
      if (!inside(box, frame)) cost += never;
      for (const other of points) {
        if (overlap(box, boxAround(other.x, other.y, 2 * other.radius + 2, 2 * other.radius + 2))) cost += never;
        const rim = boxAround(other.x, other.y, 2 * other.radius, 2 * other.radius);
        if (leader && other !== point && crosses(leader, rim)) cost += hardly;
      }
      for (const line of lines) {
        if (crosses(line, box)) cost += hardly;
        if (leader && intersect(leader, line)) cost += pity;
      }
      return { box, leader, cost };
    }),
  );
}

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most);

const distance = (one: NamedPoint, other: NamedPoint) => Math.hypot(one.x - other.x, one.y - other.y);

function boxAround(x: number, y: number, width: number, height: number): Box {
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

const grown = ({ left, right, top, bottom }: Box, by: number): Box => {
  return { left: left - by, right: right + by, top: top - by, bottom: bottom + by };
};

export const overlap = (one: Box, other: Box): boolean =>
  one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

const inside = (box: Box, frame: Box): boolean =>
  box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;

/** Whether a segment passes through a box, or touches it. */
export function crosses([x1, y1, x2, y2]: Segment, { left, top, right, bottom }: Box): boolean {
  const within = (x: number, y: number) => x > left && x < right && y > top && y < bottom;
  if (within(x1, y1) || within(x2, y2)) return true;
  const diagonals: Segment[] = [
    [left, top, right, bottom],
    [left, bottom, right, top],
  ];
  return diagonals.some((diagonal) => intersect([x1, y1, x2, y2], diagonal));
}

function intersect([ax, ay, bx, by]: Segment, [cx, cy, dx, dy]: Segment): boolean {
  const side = (px: number, py: number, qx: number, qy: number, rx: number, ry: number) =>
    Math.sign((qx - px) * (ry - py) - (qy - py) * (rx - px));
  return (
    side(ax, ay, bx, by, cx, cy) * side(ax, ay, bx, by, dx, dy) < 0 &&
    side(cx, cy, dx, dy, ax, ay) * side(cx, cy, dx, dy, bx, by) < 0
  );
}
