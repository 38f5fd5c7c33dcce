import { expect, test } from "vitest";
import { iou, parseBoxes, verifyIou } from "../../../src/rl/verifiers/iou.ts";

const box = [10, 20, 30, 40];

test.each([
  "[10, 20, 30, 40]",
  "The box is [10,20,30,40].",
  "(10, 20, 30, 40)",
  "10, 20, 30, 40",
  "(10,20),(30,40)",
  "[[10, 20], [30, 40]]",
  "<box>(10,20),(30,40)</box>",
  "<|box_start|>(10,20),(30,40)<|box_end|>",
  '{"bbox_2d": [10, 20, 30, 40], "label": "car 3"}',
  '```json\n[{"bbox_2d": [10, 20, 30, 40]}]\n```',
  '{"x1": 10, "y1": 20, "x2": 30, "y2": 40}',
  '{"bbox": [[10, 20], [30, 40]]}',
  "[10.0, 2e1, 30, 40.00]",
  "x1=10 y1=20 x2=30 y2=40",
])("one box: %s", (text) => {
  expect(parseBoxes(text)).toEqual([box]);
});

test("several boxes, and none", () => {
  expect(parseBoxes("[[10,20,30,40],[1,2,3,4]]")).toEqual([box, [1, 2, 3, 4]]);
  expect(parseBoxes("[10,20,30,40] and [1,2,3,4]")).toEqual([box, [1, 2, 3, 4]]);
  expect(parseBoxes('[{"bbox_2d":[10,20,30,40]},{"bbox_2d":[1,2,3,4]}]')).toEqual([box, [1, 2, 3, 4]]);
  for (const text of ["", "none", "[1,2,3]", "[1,2,3,4,5]", "bbox_2d"]) expect(parseBoxes(text)).toEqual([]);
});

test("intersection over union", () => {
  expect(iou([0, 0, 2, 2], [1, 1, 3, 3])).toBeCloseTo(1 / 7, 12);
  expect(iou([0, 0, 2, 2], [0, 0, 2, 2])).toBe(1);
  expect(iou([0, 0, 1, 1], [1, 0, 2, 1])).toBe(0);
  expect(iou([0, 0, 1, 1], [2, 2, 3, 3])).toBe(0);
  expect(iou([2, 2, 0, 0], [0, 0, 2, 2])).toBe(0); // its corners are swapped: no area
});

test.each([
  ["[0,0,10,10]", "[0,0,10,10]", 1, 1],
  ["[0,0,10,10]", "[0,0,10,5]", 1, 0.5],
  ["[0,0,10,10]", "[0,0,10,4]", 0, 0.4],
  ["[0,0,10,10]", "[20,20,30,30]", 0, 0],
  ["[0,0,10,10]", "left of the tree", 0, 0],
  ["[0,0,10,10]", "[0,0,10,10] or [20,20,30,30]", 1, 0.5],
  ["[[0,0,10,10],[20,20,30,30]]", "[[20,20,30,30],[0,0,10,10]]", 1, 1],
  ["[0,0,0,10]", "[0,0,10,10]", null, null],
  ["the car", "[0,0,10,10]", null, null],
])("gold %s, response %s: %s, graded %s", (answer, response, score, graded) => {
  expect(verifyIou({ answer, response }).score).toBe(score);
  expect(verifyIou({ answer, response }, { threshold: 0, graded: true }).score).toBe(graded);
});

test("another threshold", () => {
  const input = { answer: "[0,0,10,10]", response: "[0,0,10,6]" };
  expect(verifyIou(input, { threshold: 0.7 }).score).toBe(0);
  expect(verifyIou(input, { threshold: 0.5, graded: true }).score).toBeCloseTo(0.6, 12);
});
