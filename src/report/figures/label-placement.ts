// Places the names of a scatter plot's points so that none covers another name, a point or a line. All sizes are in
// pixels.

export interface NamedPoint {
  readonly x: number;
  readonly y: number;
  /** The radius of the symbol. */
  readonly radius: number;
  /** The size of the name as text. */
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

/** A larger distance between symbol and text, in pixels, requires a leader line. */
const leaderFrom = 9;
const directions = 24;
const distances = [2, 4, 7, 11, 15, 21, 28, 36, 46, 58, 72, 90, 110]; // from the symbol's edge to the text

// The costs of conflicts, added to a name's distance in pixels.
const forbidden = 100_000;
const severe = 2_000;
const minor = 25;
const misleading = 60; // the name is nearer to another point than to its own

interface Candidate {
  readonly box: Box;
  readonly leader: Segment | undefined;
  /** The cost of this place apart from other names. */
  readonly cost: number;
}

export interface PlacedLabel {
  readonly box: Box;
  /** A thin line from a distant name to its point. */
  readonly leader: Segment | undefined;
}

/**
 * Returns a place for each name inside `frame`. In turns, every name moves to its cheapest place given the others,
 * until none moves. Of several orders of turns the cheapest result is used. The same points always give the same
 * places.
 */
export function placeLabels(points: readonly NamedPoint[], frame: Box, lines: readonly Segment[]): PlacedLabel[] {
  const candidates = points.map((point) => candidatesOf(point, points, frame, lines));
  const indices = points.map((_, index) => index);
  const crowd = points.map((point) => points.filter((other) => distance(point, other) < 60).length);
  const orders = [
    indices.toSorted((a, b) => crowd[b]! - crowd[a]!),
    indices.toSorted((a, b) => points[a]!.y - points[b]!.y),
    indices.toSorted((a, b) => points[b]!.y - points[a]!.y),
    indices.toSorted((a, b) => points[b]!.x - points[a]!.x),
  ];
  const placements = orders.map((order) => optimise(candidates, order));
  const best = placements.reduce((cheapest, next) => (next.cost < cheapest.cost ? next : cheapest));
  return best.chosen.map(({ box, leader }) => ({ box, leader }));
}

function optimise(candidates: readonly (readonly Candidate[])[], order: readonly number[]) {
  const chosen: Candidate[] = [];
  const others = (index: number) => chosen.filter((_, place) => place !== index);
  for (let round = 0, moved = true; moved && round < 12; round++) {
    moved = false;
    for (const index of order) {
      const best = cheapest(candidates[index]!, others(index));
      moved ||= best !== chosen[index];
      chosen[index] = best;
    }
  }
  // Conflicts of two names count twice, in every placement alike.
  return { chosen, cost: chosen.reduce((sum, place, index) => sum + totalCost(place, others(index)), 0) };
}

function cheapest(candidates: readonly Candidate[], others: readonly Candidate[]): Candidate {
  let best = candidates[0]!;
  let lowestCost = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    if (candidate.cost >= lowestCost) continue;
    const cost = totalCost(candidate, others);
    if (cost < lowestCost) [best, lowestCost] = [candidate, cost];
  }
  return best;
}

function totalCost(candidate: Candidate, others: readonly Candidate[]): number {
  const { box, leader } = candidate;
  const room = grow(box, 2);
  return others.reduce((cost, other) => {
    if (overlap(room, other.box)) cost += forbidden;
    if (leader && crosses(leader, other.box)) cost += severe;
    if (other.leader && crosses(other.leader, box)) cost += severe;
    if (leader && other.leader && intersect(leader, other.leader)) cost += severe;
    return cost;
  }, candidate.cost);
}

function candidatesOf(point: NamedPoint, points: readonly NamedPoint[], frame: Box, lines: readonly Segment[]) {
  return distances.flatMap((gap) =>
    Array.from({ length: directions }, (_, step): Candidate => {
      const angle = (2 * Math.PI * step) / directions;
      const [right, down] = [Math.cos(angle), Math.sin(angle)];
      const x = point.x + right * (point.radius + gap + point.width / 2);
      const y = point.y + down * (point.radius + gap + point.height / 2);
      const box = boxAround(x, y, point.width, point.height);
      const [endX, endY] = nearestIn(box, point);
      const far = gapTo(box, point);
      const leader = far > leaderFrom ? ([point.x, point.y, endX, endY] as const) : undefined;
      let cost = far + 4 * Math.abs(down) - (right > 0.5 ? 3 : 0); // prefers the sides of its point, first the right
      if (leader) cost += minor;
      if (!inside(box, frame)) cost += forbidden;
      for (const other of points) {
        if (overlap(box, boxAround(other.x, other.y, 2 * other.radius + 2, 2 * other.radius + 2))) cost += forbidden;
        const rim = boxAround(other.x, other.y, 2 * other.radius, 2 * other.radius);
        if (leader && other !== point && crosses(leader, rim)) cost += severe;
        if (other !== point && gapTo(box, other) <= gapTo(box, point)) cost += misleading;
      }
      for (const line of lines) {
        if (crosses(line, box)) cost += severe;
        if (leader && intersect(leader, line)) cost += minor;
      }
      return { box, leader, cost };
    }),
  );
}

const nearestIn = ({ left, right, top, bottom }: Box, { x, y }: NamedPoint) =>
  [clamp(x, left, right), clamp(y, top, bottom)] as const;

/** Returns the distance from a box to the edge of a point's symbol. */
function gapTo(box: Box, point: NamedPoint): number {
  const [x, y] = nearestIn(box, point);
  return Math.hypot(x - point.x, y - point.y) - point.radius;
}

const clamp = (value: number, minimum: number, maximum: number) => Math.min(Math.max(value, minimum), maximum);

const distance = (one: NamedPoint, other: NamedPoint) => Math.hypot(one.x - other.x, one.y - other.y);

function boxAround(x: number, y: number, width: number, height: number): Box {
  return { left: x - width / 2, right: x + width / 2, top: y - height / 2, bottom: y + height / 2 };
}

const grow = ({ left, right, top, bottom }: Box, by: number): Box => {
  return { left: left - by, right: right + by, top: top - by, bottom: bottom + by };
};

export const overlap = (one: Box, other: Box): boolean =>
  one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

const inside = (box: Box, frame: Box): boolean =>
  box.left >= frame.left && box.right <= frame.right && box.top >= frame.top && box.bottom <= frame.bottom;

/** Whether a segment passes through a box or touches it. */
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
