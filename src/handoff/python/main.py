# ---- The reward ------------------------------------------------------------------------------------------------------

RULES = {
    "multiple-choice": verify_multiple_choice,
    "fill-in-blank": verify_fill_in_blank,
    "number": verify_number,
    "math": verify_math,
    "yes-no": verify_yes_no,
    "iou": verify_iou,
    "set": verify_set,
}
PLAIN_WEIGHTS = [0.7, 0.3]


def _kind_by_form(answer):
    """For gold answers that are plain text: what they look like."""
    trimmed = trim(answer)
    lower = trimmed.lower()
    if rx(r"^(?:yes|no)[.!]?$").search(lower):
        return "yes-no"
    if rx(r"^\(?[A-H]\)?\.?$").search(trimmed):
        return "multiple-choice"
    box = r"^\[\s*-?[\d.]+(?:\s*,\s*-?[\d.]+){3}\s*\]$"
    if rx(r"bbox|<box>|box_start").search(lower) or rx(box).search(trimmed):
        return "iou"
    one = len(find_numbers(answer)) == 1
    if one and rx(r"^[-+−]?[$€£¥]?[\d.,]+(?:\s?[%\p{L}°]{1,12})?$").search(trimmed):
        return "number"
    if rx(r"\\[a-zA-Z]+|\$.+\$|[=^]|\d\s*[+*/]\s*\d").search(trimmed):
        return "math"
    return "fill-in-blank" if len(rx(r"\s+").split(trimmed)) <= 5 else "model-judge"


def read_row(ground_truth):
    """What the export wrote into the answer column; a plain text is a gold answer of the kind that it looks like."""
    try:
        row = json.loads(ground_truth)
        if isinstance(row, dict) and row.get("v") == 1 and isinstance(row.get("gold"), str):
            return row
    except ValueError:
        pass
    return {"v": 1, "kind": _kind_by_form(ground_truth), "gold": ground_truth, "weights": PLAIN_WEIGHTS}


def score_one(response, ground_truth, judge=ask_judge):
    """overall and accuracy (None without a verdict), format, and whether a judge failed."""
    row = read_row(str(ground_truth))
    kind = row["kind"]
    text = (row.get("prefill") or "") + response
    if kind in ("easyr1-r1v", "easyr1-math"):
        overall, accuracy, form = easy_r1(kind, text, row["gold"])
        return {"overall": overall, "accuracy": accuracy, "format": form, "judge_failed": 0}
    form = read_format(row.get("format") or "strict", text)
    said = extract_answer(text)
    failed = 0
    if said is None:
        accuracy = 0.0
    elif kind == "model-judge":
        accuracy = judge(row.get("question") or "", row["gold"], said)
        failed = int(accuracy is None)
    elif kind in RULES:
        accuracy = RULES[kind](said, row)
    else:
        accuracy = None
    weights = row.get("weights") or PLAIN_WEIGHTS
    overall = None if accuracy is None else weights[0] * accuracy + weights[1] * form
    return {"overall": overall, "accuracy": accuracy, "format": form, "judge_failed": failed}


def _score(response, ground_truth):
    """score_one; a sample that it fails at has no verdict, and does not end the run."""
    try:
        return score_one(_said(response), ground_truth)
    except Exception as error:
        print("reward.py: no verdict: %s: %s" % (type(error).__name__, str(error)[:200]), file=sys.stderr, flush=True)
        return {"overall": None, "accuracy": None, "format": 0.0, "judge_failed": 0}


def compute_score(reward_inputs):
    """
    EasyR1's batch reward: dictionaries with response and ground_truth in, dictionaries of numbers out. EasyR1 cannot
    leave a sample out. One without a verdict (a judge that failed, a gold answer of no use) gets the mean of its
    prompt's other samples, so that its advantage is zero, and counts in no_verdict.
    """
    if not isinstance(reward_inputs, list):
        raise ValueError("this is a batch reward: set worker.reward.reward_type to batch")
    with concurrent.futures.ThreadPoolExecutor(max_workers=int(_setting("CONCURRENCY", "8"))) as pool:
        scores = list(pool.map(lambda one: _score(one["response"], one["ground_truth"]), reward_inputs))
    known = {}
    for one, score in zip(reward_inputs, scores):
        if score["overall"] is not None:
            known.setdefault(str(one["ground_truth"]), []).append(score)
    for one, score in zip(reward_inputs, scores):
        score["no_verdict"] = int(score["overall"] is None)
        if score["no_verdict"]:
            others = known.get(str(one["ground_truth"]), [])
            for name in ("overall", "accuracy"):
                score[name] = sum(other[name] for other in others) / len(others) if others else 0.0
        for name in score:
            score[name] = float(score[name])
    return scores


def _said(completion):
    if isinstance(completion, str):
        return completion
    content = completion[-1]["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def thinktab_reward(completions, ground_truth, log_metric=None, **_):
    """TRL's reward function: a number for each completion, None where there is no verdict."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=int(_setting("CONCURRENCY", "8"))) as pool:
        scores = list(pool.map(_score, completions, ground_truth))
    if log_metric is not None and scores:
        for name in ("accuracy", "format", "judge_failed"):
            values = [score[name] for score in scores if score[name] is not None]
            if values:
                log_metric("thinktab/" + name, sum(values) / len(values))
    return [score["overall"] for score in scores]


def _serve():
    """One JSON object per line in (response, ground_truth), its score out: for checks of this file."""
    for line in sys.stdin:
        if line.strip():
            case = json.loads(line)
            print(json.dumps(score_one(case["response"], case["ground_truth"])), flush=True)


if __name__ == "__main__":
    _serve()
