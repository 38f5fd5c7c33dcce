import { beforeAll, describe, expect, test } from "vitest";
import { loadMathEngine, type MathEngine } from "../../../src/rl/verifiers/math-engine.ts";
import { verifyMath } from "../../../src/rl/verifiers/math.ts";
import { extractAnswer } from "../../../src/rl/verifiers/verdict.ts";

let engine: MathEngine;
beforeAll(async () => {
  engine = await loadMathEngine();
});

function score(answer: string, response: string): number | null {
  return verifyMath({ answer, response: extractAnswer(response).text ?? "" }, engine).score;
}

/** Whether a prediction is right, one case a line: "T gold ;; prediction". */
function table(cases: string): [right: boolean, gold: string, predicted: string][] {
  return cases
    .trim()
    .split("\n")
    .map((line) => {
      const [gold, predicted] = line.trim().slice(2).split(" ;; ");
      return [line.trim().startsWith("T"), gold, predicted];
    });
}

/** Verdicts that Math-Verify gives with its defaults; the two traps among them (8 and 11) are ours. */
const executed = String.raw`
  T $\frac{1}{2}$ ;; 0.5
  T $50\%$ ;; $0.5$
  T $12.5\%$ ;; \boxed{\frac{1}{8}}
  T $12$ ;; \boxed{12\text{ cm}^2}
  F $12\text{ cm}$ ;; \boxed{12\text{ m}}
  F $y=5$ ;; \boxed{x=5}
  F $x+y=5$ ;; \boxed{5}
  F $(1,2)$ ;; \boxed{(2,1)}
  F $[1,2]$ ;; \boxed{(1,2)}
  F $(1,2)$ ;; \boxed{1<x<2}
  T $x \neq 0$ ;; \boxed{(-\infty,0)\cup(0,\infty)}
  F $[3,\infty)$ ;; \boxed{x\ge 3}
  F $2\sqrt{2}$ ;; \boxed{2.83}
  T $\pi$ ;; \boxed{3.14159265}
  T $\sin^2 x+\cos^2 x$ ;; \boxed{1}
  F $30^\circ$ ;; \boxed{\frac{\pi}{6}}
  T $B$ ;; \boxed{\text{(B)}}
  T $3\times 10^{-3}$ ;; \boxed{0.003}
  T $2+3i$ ;; \boxed{3i+2}
  F $4$ ;; First $x=3$. Then \boxed{3}. Wait, \boxed{4}
  F 4 ;; It is four
  T $7$ ;; <think>maybe 8</think><answer>7</answer>
  T $7$ ;; <think>the answer is 8</think><answer> 7 </answer>`;

const kinds: Record<string, string> = {
  "tiny numbers are not zero, and Euler's number before a sign is no power of ten": String.raw`
    T $6.63\times 10^{-34}$ ;; \boxed{6.63\cdot 10^{-34}}
    F $6.63\times 10^{-34}$ ;; \boxed{1.6\times 10^{-19}}
    F $2\times 10^{-12}$ ;; \boxed{0}
    F $0.0000000000001$ ;; \boxed{0}
    T $2e+5x$ ;; \boxed{5x+2e}
    F $2e+5x$ ;; \boxed{200000x}
    T $3e-3y$ ;; \boxed{3(e-y)}`,
  "percent is a hundredth, and never the bare number": String.raw`
    T $50\%$ ;; 50 percent
    T $50\%$ ;; 50%
    F $50\%$ ;; $50$
    F $50$ ;; $50\%$
    T $28\%$ ;; $\boxed{28}$ pct
    T $0.5\%$ ;; \boxed{0.005}
    T $150\%$ ;; \boxed{1.5}
    F $33.3\%$ ;; \boxed{\frac{1}{3}}
    T $60\%$ ;; \boxed{\frac{60}{100}}
    T $0.6$ ;; 60%`,
  "a unit may be left out; two that differ are not the same, and none is converted": String.raw`
    T $12\text{ cm}$ ;; \boxed{12}
    T $12$ ;; 12 apples
    T $12\text{ cm}$ ;; \boxed{12\text{ centimeters}}
    F $12\text{ cm}$ ;; \boxed{12\text{ cm}^2}
    F $1\text{ m}$ ;; \boxed{100\text{ cm}}
    F $\frac{1}{2}\text{ hour}$ ;; 30 minutes
    F $90\text{ km/h}$ ;; \boxed{25\text{ m/s}}
    T $12\text{ square meters}$ ;; \boxed{12\text{ m}^2}
    T $\$5$ ;; \boxed{5}
    T $15\mbox{ cm}^2$ ;; $$\frac{1}{2}\times 3 \times 10 = \boxed{15\mbox{ cm}^2}.$$
    T $6\pi$ ;; \boxed{6\pi \text{ square units}}
    T $125$ miles ;; The distance is $\boxed{125\textnormal{ miles}}.$`,
  "degrees are dropped, not converted": String.raw`
    T $30^\circ$ ;; \boxed{30}
    T $30$ ;; \boxed{30^{\circ}}
    T $30^\circ$ ;; 30°
    T $30^\circ$ ;; \boxed{30 \text{ degrees}}
    F $\frac{\pi}{4}$ ;; \boxed{45^\circ}
    T $\sin 30^\circ$ ;; 0.5`,
  "sets have no order; several boxes and formulas near each other are one": String.raw`
    T $\{1,2\}$ ;; \boxed{2,1}
    T $\{1,2\}$ ;; \boxed{1} and \boxed{2}
    T $\{1,2\}$ ;; \boxed{1 \text{ and } 2}
    T $\{3,4\}$ ;; First $x=3$. Then \boxed{3}. Wait, \boxed{4}
    T $4$ ;; \boxed{4}. So \boxed{4}
    F $\{1,2\}$ ;; \boxed{2}
    F $\{1,2,3\}$ ;; \boxed{\{1,2,3,4\}}
    T $\{1,1,2\}$ ;; \boxed{\{2,1\}}
    T $\{\frac12, 2\}$ ;; \boxed{\{2, 0.5\}}
    F $\{\emptyset\}$ ;; \boxed{\emptyset}
    T $\emptyset$ ;; \boxed{\{\}}
    T $\pm 2$ ;; \boxed{2,-2}
    F $\pm 2021$ ;; $2021$
    T $x=\pm 2$ ;; \boxed{\{2,-2\}}
    T $\{1\pm\sqrt{5},-2\}$ ;; \boxed{\{-2, 1+\sqrt5, 1-\sqrt5\}}
    T $(1,2),(3,4)$ ;; \boxed{(3,4),(1,2)}
    T $1$ and $2$ and $3$ ;; $\boxed{1,2,3}$
    F $4$ ;; \boxed{5}, far away from which, after sentences and sentences that say this and that of it, is \boxed{3}`,
  "intervals by their ends and brackets; pairs by their order": String.raw`
    T $[1,2)$ ;; \boxed{[1,2)}
    F $[1,2)$ ;; \boxed{[1,2]}
    T $(1,2)$ ;; \boxed{\{1,2\}}
    F $(2,1)$ ;; \boxed{\{1,2\}}
    F $(2,1)$ ;; \boxed{(1,2)}
    T $(5,3)$ ;; \boxed{[5,3]}
    T $(1,2,3)$ ;; \boxed{1,2,3}
    F $(1,2,3)$ ;; \boxed{(3,2,1)}
    T $\left(1,\frac{9}{2}\right)$ ;; $(1,4.5)$
    T $x\in[1,2]$ ;; \boxed{[1,2]}
    T $(0,\infty)\cup(-\infty,0)$ ;; \boxed{(-\infty,0)\cup(0,\infty)}
    T $[0,1]\cup[1,2]$ ;; \boxed{[0,2]}
    F $(0,1)\cup(1,2)$ ;; \boxed{(0,2)}
    T $\mathbb{R}\setminus\{0\}$ ;; \boxed{(-\infty,0)\cup(0,\infty)}
    T $(-\infty,\infty)$ ;; \boxed{\mathbb{R}}
    F $(0,a)$ ;; \boxed{[0,a)}
    T $(a,b)\cup(c,d)$ ;; \boxed{(a,b)\cup(c,d)}`,
  "inequalities flip, are negated and scaled; an interval answers one, not the reverse": String.raw`
    T $x\ge 3$ ;; \boxed{[3,\infty)}
    F $x\ge 3$ ;; \boxed{(3,\infty)}
    T $x\ge 3$ ;; \boxed{3\le x}
    F $x\ge 3$ ;; \boxed{x>3}
    T $-x<3$ ;; \boxed{x>-3}
    T $x>2$ ;; \boxed{2x+1>5}
    F $x>1$ ;; \boxed{y>1}
    F $x>3$ ;; \boxed{3}
    T $1\le x\le 2$ ;; \boxed{[1,2]}
    F $1\le x\le 2$ ;; \boxed{[1,2.001]}
    T $1\le x\le 2$ ;; \boxed{2\ge x\ge 1}
    T $1\leq|z|\leq \frac{3}{2}$ ;; $z \in \left[-\frac{3}{2}, -1\right] \cup \left[1, \frac{3}{2}\right]$
    T $0<f(x)<1$ ;; $(0,1)$
    T $x<1 \text{ or } x>2$ ;; \boxed{(-\infty,1)\cup(2,\infty)}
    F $x<1 \text{ or } x>2$ ;; \boxed{(-\infty,1)\cup(3,\infty)}
    T $x != 3$ ;; We find that $x \neq 3$.
    T $x >= 5$ ;; Therefore $x \geq 5$ is the solution.`,
  "equations: an assignment is its value, a chain its last": String.raw`
    T $x=5$ ;; \boxed{5}
    T $5$ ;; \boxed{x=5}
    T $5=x$ ;; \boxed{x=5}
    T $a=b=5$ ;; \boxed{5}
    T $x = 1/3$ ;; $x = 5+5+1 = 1/3 \approx 11$
    T $11$ ;; $x\approx11$
    T $f(x)=x^2$ ;; \boxed{x^2}
    F $f(x)$ ;; $f(y)$
    T $y=2x+3$ ;; \boxed{2x-y+3=0}
    F $y=2x+3$ ;; \boxed{y=2x-3}
    T $2x+4y-3=0$ ;; $y=-\frac{1}{2}x+\frac{3}{4}$
    T $x^2/4 + y^2/3 = 1$ ;; $x^2/16 + y^2/12 = 1/4$
    F $a^2 + b = 0$ ;; $0$
    F $7 = 11a+c$ ;; $11a+c$
    T $x=2,y=3$ ;; \boxed{(2,3)}
    T $x=2,y=3$ ;; \boxed{y=3,x=2}
    T $(p,q)=(3,2)$ ;; \boxed{(3, 2)}
    T $n=1, 2, 3$ ;; $n=1, 2, 3$
    F $n=2, 3, 4$ ;; $n=1, 2, 3$
    T $\frac{NO}{BO}=\frac{1}{\sqrt{6}}$ ;; $\frac{1}{\sqrt{6}}$
    T $S_{MBCN}:S=7:32$ ;; $\boxed{7:32}$
    T $|AB|=1$ ;; $1$`,
  "complex numbers": String.raw`
    F $2+3i$ ;; \boxed{2-3i}
    F $2i$ ;; \boxed{2}
    T $(1+i)^2$ ;; \boxed{2i}
    T $e^{i\pi}$ ;; \boxed{-1}
    T $\frac{1}{2}+\frac{\sqrt{3}}{2}i$ ;; \boxed{\frac{1+i\sqrt{3}}{2}}
    T $\sqrt{-4}$ ;; \boxed{2i}`,
  "matrices entry by entry": String.raw`
    T $\begin{pmatrix}1&2\\3&4\end{pmatrix}$ ;; $\left[\begin{array}{cc}1 & 2 \\3 & 4\end{array}\right]$
    F $\begin{pmatrix}1&2\\3&4\end{pmatrix}$ ;; \boxed{\begin{pmatrix}1&3\\2&4\end{pmatrix}}
    T $\begin{pmatrix}\frac12\\2\end{pmatrix}$ ;; \boxed{\begin{pmatrix}0.5\\2\end{pmatrix}}
    F $\begin{pmatrix}1\\2\end{pmatrix}$ ;; \boxed{\begin{pmatrix}1&2\end{pmatrix}}
    F $\begin{pmatrix}1\\2\end{pmatrix}$ ;; \boxed{(1,2)}
    T $\begin{vmatrix}1&2\\3&4\end{vmatrix}$ ;; -2`,
  "thousands, decimal commas, powers of ten, mixed numbers": String.raw`
    T 1234 ;; 1,234
    T $1{,}234$ ;; 1234
    T 1234567 ;; $1\,234\,567$
    T $11111111100$ ;; $\boxed{11,\! 111,\! 111,\! 100}$
    F $32349$ ;; $\boxed{32, 349}$
    T 1000 ;; 1 000
    T 1.5 ;; 1,5
    F 12 ;; 1,2
    T 0,111 ;; 0.111
    T 1000.99 ;; so the number is 10 which is 1,000.99m²
    T $3\times 10^{5}$ ;; \boxed{300,000}
    T $1.2\times10^{3}$ ;; 1.2e3
    F $1.5\times10^{4}$ ;; \boxed{1.5\times10^{5}}
    F $3.1\times10^{-9}$ ;; \boxed{3.2\times10^{-9}}
    T $6.022\times 10^{23}$ ;; \boxed{602200000000000000000000}
    T $3\frac{1}{2}$ ;; \boxed{\frac{7}{2}}
    T 3 1/2 ;; 3.5
    F $3\frac{1}{2}$ ;; \boxed{\frac{3}{2}}
    T $-1\frac{1}{2}$ ;; -1.5`,
  "decimals to six places, everything else exactly": String.raw`
    F $\frac{1}{3}$ ;; 0.333
    T $\frac{1}{3}$ ;; 0.333333
    T $0.\overline{3}$ ;; \boxed{\frac{1}{3}}
    T $0.1\overline{6}$ ;; \boxed{\frac16}
    F $0.300001$ ;; 0.3
    T $0.3000004$ ;; 0.3
    T $\sqrt2$ ;; \boxed{1.41421356}
    F $\sqrt2$ ;; \boxed{1.4142}
    F $\pi$ ;; \boxed{\frac{22}{7}}
    F $10^{20}$ ;; 100000000000000000001
    T $2^{64}-1$ ;; \boxed{18446744073709551615}
    F $2^{64}-1$ ;; \boxed{18446744073709551616}
    F $\frac{1}{1000000007}$ ;; \boxed{\frac{1}{1000000009}}
    F $e^{-30}$ ;; 0
    T $\sin\pi$ ;; 0
    T 0 ;; $\sin\pi$
    F $4$ ;; $\tan(\frac{\pi}{2})$
    F $4$ ;; $\frac{1}{\sin\pi}$
    F $4$ ;; $\sqrt2\cdot10^{30}-\sqrt2\cdot10^{30}$
    F $\tan(\frac{\pi}{2})$ ;; 4`,
  expressions: String.raw`
    T $(x+1)^2$ ;; \boxed{x^2+2x+1}
    T $\frac{x^2-1}{x-1}$ ;; \boxed{x+1}
    T $\frac{\sqrt{3}}{3}$ ;; \boxed{\frac{1}{\sqrt{3}}}
    T $\tan^2(y)+1$ ;; $\sec^2(y)$
    F $\ln(x^2)$ ;; \boxed{2\ln x}
    T $\log_4 8$ ;; \boxed{\frac32}
    T $10!$ ;; 3628800
    T $\binom{5}{2}$ ;; 10
    T $\sum_{k=1}^{10} k$ ;; \boxed{55}
    T $\tan^{-1}(1)$ ;; \boxed{\frac{\pi}{4}}
    F $x^{2}$ ;; \boxed{x^3}
    F $\frac{1}{23}$ ;; \boxed{\frac{12}{3}}
    F $x+2n+1$ ;; $x+1$
    F $4$ ;; $4\sqrt{2}$
    T $\sqrt[3]{-8}$ ;; -2
    T $x_1$ ;; \boxed{x_{1}}
    T $\frac{9}{4}\pi$ ;; Therefore $\boxed{\frac94\pi}$.
    T x^12 ;; $x^{12}$`,
  words: String.raw`
    T $\text{red}$ ;; \boxed{\text{Red}}
    F $\text{no}$ ;; \boxed{\text{yes}}
    F $\text{on}$ ;; no
    T $\text{Tuesday}$ ;; Tuesday
    T $\text{Evelyn}$ ;; Evelyn is faster. Therefore, $\boxed{\text{Evelyn}}$ is our answer.
    T $xy$ ;; \boxed{yx}
    F $d$ ;; $\text{E}$`,
  "where the answer is looked for": String.raw`
    T 4 ;; The answer is 4.
    T $42$ ;; Answer: 42
    T $42$ ;; **42**
    T $42$ ;; So \(x = 42\).
    T $10455$ ;; She gets $\boxed{255}$ more. Final Answer: The final answer is $10,455$. I hope it is correct.
    T $120$ ;; Final Answer: The volume of $ABCDEFGH$ is 120. I hope it is correct.
    F 2 ;; AZYUK2A
    T 2/3 ;; Therefore, the probability that Alice wins the game is 2/3.`,
};

describe("Math-Verify's verdicts", () => {
  test.each(table(executed))("%s: %s and %s", (right, gold, predicted) => {
    expect(score(gold, predicted)).toBe(right ? 1 : 0);
  });
});

describe.each(Object.entries(kinds))("%s", (_, cases) => {
  test.each(table(cases))("%s: %s and %s", (right, gold, predicted) => {
    expect(score(gold, predicted)).toBe(right ? 1 : 0);
  });
});

test("a verdict says what was read and against what", () => {
  expect(verifyMath({ answer: "$12$", response: "So \\boxed{13}" }, engine)).toEqual({
    score: 0,
    extracted: "13",
    why: "the box differs from the gold answer 12",
  });
  expect(verifyMath({ answer: " ", response: "4" }, engine).score).toBeNull();
  expect(verifyMath({ answer: "4", response: "" }, engine)).toMatchObject({ score: 0, extracted: null });
});

describe("takes little time whatever it is given", () => {
  const hostile = {
    "open brackets": "(".repeat(60),
    "open brackets with numbers": "(1+".repeat(100),
    "open braces": "\\frac{".repeat(300),
    "closed depth": "(".repeat(200) + "1" + ")".repeat(200),
    braces: "{".repeat(2000),
    bars: "|x".repeat(200),
    towers: "9^{9^{9^{9^{9}}}}",
    factorials: "9!!!!!!!!!!!!!",
    "a large power": "10^{99999999}",
    sums: "\\sum_{k=1}^{99999999} k",
    "nested sums": "\\sum_{i=1}^{999}\\sum_{j=1}^{999}\\sum_{k=1}^{999} i j k",
    letters: "ab".repeat(1500),
    signs: "-".repeat(3000),
    digits: "9".repeat(3900),
    commas: "1,".repeat(1900),
    spaces: " ".repeat(100_000),
    "spaces between letters": "a" + " ".repeat(100_000) + "b",
    "spaces between boxes": "\\boxed{a" + " ".repeat(100_000) + "b}",
    exclamations: "!".repeat(100_000) + "a",
    words: "the answer is ".repeat(20_000),
    boxes: "\\boxed{".repeat(20_000),
    dollars: "$x$ and ".repeat(20_000),
    thousands: "1,234".repeat(20_000),
    relations: "x<".repeat(150) + "1",
    matrices: "\\begin{pmatrix}".repeat(100),
  };

  test.each(Object.entries(hostile))("%s", (_, response) => {
    const begin = performance.now();
    for (const answer of ["$4$", response]) {
      const { score: verdict } = verifyMath({ answer, response }, engine);
      expect([0, 1, null]).toContain(verdict);
    }
    expect(performance.now() - begin).toBeLessThan(20_000);
  });
});
