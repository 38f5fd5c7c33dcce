import compare from "./python/compare.py?raw";
import judge from "./python/judge.py?raw";
import latex from "./python/latex.py?raw";
import main from "./python/main.py?raw";
import mathRuler from "./python/math_ruler.py?raw";
import mathematics from "./python/mathematics.py?raw";
import numbers from "./python/numbers.py?raw";
import rules from "./python/rules.py?raw";
import structure from "./python/structure.py?raw";
import text from "./python/text.py?raw";
import { JUDGE_PROMPT, REPEAT_REQUEST } from "../language-models/judge-prompt.ts";

const head = `"""
The hybrid reward of a Thinktab run, for EasyR1 (v0.3.1 and main) and TRL. Python 3.9 or newer, nothing besides its library.

Overall = 0.7 accuracy + 0.3 format, or the weights that the answer column holds. Accuracy is by rule for multiple choice,
blanks, numbers, mathematics, yes or no, boxes and lists, by EasyR1's own r1v or math reward where the record asks for
these, and by a model for descriptions.

Rules give what Thinktab gives. Mathematics is read by the same steps, but the reading of single expressions imitates that
of the package which Thinktab uses. It is not known to differ for anything that has a value there. It may differ for slips
that neither gives a meaning: a sum without its limits, an absolute value left open, "--" in front of a letter, a subscript
of something that is no letter. Letters and compatibility forms are those of this Python's Unicode tables.

A model judges where these say so (without the first, descriptions get no verdict):
  THINKTAB_JUDGE_BASE_URL     such as http://localhost:8000/v1, compatible with OpenAI's chat completions
  THINKTAB_JUDGE_MODEL        its name there
  THINKTAB_JUDGE_API_KEY      sent as a bearer token
  THINKTAB_JUDGE_TIMEOUT      seconds of a request (120)
  THINKTAB_JUDGE_ATTEMPTS     requests of a judgement (3)
  THINKTAB_JUDGE_CONCURRENCY  requests at once (8)
"""

import concurrent.futures
import decimal
import email.utils
import functools
import http.client
import json
import math
import os
import re
import sys
import time
import unicodedata
import urllib.error
import urllib.request
from fractions import Fraction

REWARD_NAME = "thinktab"
REWARD_TYPE = "batch"
`;

/** The reward as one Python file: `compute_score` for EasyR1, `thinktab_reward` for TRL. */
export function pythonReward(): string {
  // JSON strings of plain text are Python's, too.
  const prompt = [
    `JUDGE_SYSTEM = ${JSON.stringify(JUDGE_PROMPT.system)}`,
    `JUDGE_USER = ${JSON.stringify(JUDGE_PROMPT.user)}`,
    `JUDGE_REPEAT = ${JSON.stringify(REPEAT_REQUEST)}`,
  ];
  const parts = [text, numbers, rules, latex, structure, compare, mathematics, mathRuler, judge, main];
  return `${[head + prompt.join("\n"), ...parts.map((part) => part.trim())].join("\n\n\n")}\n`;
}
