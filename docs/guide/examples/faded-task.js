/** @typedef {import("thinktab").TaskExample & { answer: string }} FadedExample */

/** @type {[name: string, rgb: number[]][]} */
const colours = [
  ["red", [215, 55, 50]],
  ["green", [60, 160, 75]],
  ["blue", [50, 95, 205]],
  ["yellow", [230, 195, 50]],
];
const ground = 235;

/**
 * Faded squares on a light ground, and one question. A module of its own: it is imported in the workers that draw
 * examples and compute rewards, so it uses nothing of the page.
 * @param {{ size?: number }} options what a recipe gives besides `name` and `url`
 * @returns {import("thinktab").Task<FadedExample>}
 */
export default function fadedTask({ size = 48 } = {}) {
  return {
    name: "faded",
    description: "What colour is the faded square?",

    // A pure function of seed and split: no Math.random, no clock. Otherwise no run could be repeated.
    example(seed, split = "train") {
      const random = randomOf(`${split} ${seed}`);
      const [answer, rgb] = colours[Math.floor(random() * colours.length)];
      return {
        id: `faded/${split}/${seed}`,
        answer,
        messages: [
          {
            role: "user",
            content: [
              { type: "image", image: drawSquare(size, rgb, random) },
              { type: "text", text: "what colour is the square ?" },
            ],
          },
        ],
      };
    },

    // Evaluations count the part `accuracy`; every part becomes a curve.
    reward({ text }, { answer }) {
      const said = /<answer>(.*?)<\/answer>/.exec(text)?.[1].trim();
      const right = said === answer ? 1 : 0;
      return { value: right, parts: { accuracy: right, answered: said === undefined ? 0 : 1 } };
    },
  };
}

/** @param {number} size @param {number[]} rgb @param {() => number} random */
function drawSquare(size, rgb, random) {
  const share = 0.3 + 0.4 * random();
  const faded = rgb.map((value) => value + share * (ground - value));
  const side = size / 2;
  const left = Math.floor(random() * side);
  const top = Math.floor(random() * side);
  const data = new Uint8Array(3 * size * size).fill(ground);
  for (let y = top; y < top + side; y++) {
    for (let x = left; x < left + side; x++) data.set(faded, 3 * (y * size + x));
  }
  return { width: size, height: size, data };
}

/** Numbers of 0 to 1, the same for the same text: mulberry32, begun by an FNV-1a hash. @param {string} text */
function randomOf(text) {
  let state = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) state = Math.imul(state ^ text.charCodeAt(i), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
