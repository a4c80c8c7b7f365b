// COCO's JSON as what is evaluated, by the shortest way, without the reader.

import type { Detection } from '../../src/coco/box.ts';
import type { Truth } from '../../src/coco/coco-evaluation.ts';

export interface Case {
  groundTruth: {
    images: { id: number }[];
    categories: { id: number }[];
    annotations: {
      id: number;
      image_id: number;
      category_id: number;
      bbox: [number, number, number, number];
      area: number;
      iscrowd: number;
    }[];
  };
  detections: { image_id: number; category_id: number; bbox: [number, number, number, number]; score: number }[];
  expected: Record<string, number>;
}

export function fromJson({ groundTruth, detections }: Case): { truth: Truth; detections: Detection[] } {
  const ids = groundTruth.images.map(({ id }) => id).sort((one, other) => one - other);
  const categories = groundTruth.categories.map(({ id }) => id);
  const pictures = ids.map((id) => ({
    boxes: groundTruth.annotations
      .filter(({ image_id }) => image_id === id)
      .map(({ id, category_id, bbox: [x, y, width, height], area, iscrowd }) => ({
        ...{ x, y, width, height, area, id },
        category: categories.indexOf(category_id),
        crowd: iscrowd === 1,
      })),
  }));
  const found = detections.map(({ image_id, category_id, bbox: [x, y, width, height], score }) => ({
    ...{ x, y, width, height, score },
    picture: ids.indexOf(image_id),
    category: categories.indexOf(category_id),
  }));
  return { truth: { categories, pictures }, detections: found };
}
