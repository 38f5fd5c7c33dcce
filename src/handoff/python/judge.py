# ---- Judge: an OpenAI-compatible endpoint, named by environment variables --------------------------------------------


def _setting(name, default):
    return os.environ.get("THINKTAB_JUDGE_" + name, default)


def _harmless(text):
    return rx(r"<(?=\s*\/?\s*(?:question|reference|candidate|grade)\b)", "i").sub("‹", text)


def parse_grade(reply):
    """0, 0.5 or 1 where the reply holds exactly one grade; else None."""
    text = re.sub(r"^\s*<think>.*?</think>", "", reply, count=1, flags=re.DOTALL)
    tags = rx(r"<\s*\/?\s*grade\b[^>]*>?", "i").findall(text)
    grades = re.findall("<grade>([^<]*)</grade>", text)
    if len(tags) != 2 or len(grades) != 1:
        return None
    return {"0": 0.0, "0.5": 0.5, "1": 1.0}.get(trim(grades[0]))


def _ask(messages):
    body = {"model": _setting("MODEL", ""), "messages": messages, "temperature": 0, "max_tokens": 1024, "stream": False}
    headers = {"content-type": "application/json"}
    key = _setting("API_KEY", "")
    if key:
        headers["authorization"] = "Bearer " + key
    url = _setting("BASE_URL", "").rstrip("/") + "/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode("utf-8"), headers)
    with urllib.request.urlopen(request, timeout=float(_setting("TIMEOUT", "120"))) as response:
        return json.load(response)["choices"][0]["message"]["content"] or ""


def ask_judge(question, gold, answer):
    """A grade; None when the judge failed after all attempts, or none is named."""
    if not _setting("BASE_URL", ""):
        return None
    texts = {"question": question, "gold": gold, "answer": answer}
    user = re.sub(r"\{(question|gold|answer)\}", lambda match: _harmless(texts[match.group(1)]), JUDGE_USER)
    begin = [{"role": "system", "content": JUDGE_SYSTEM}, {"role": "user", "content": user}]
    messages = begin
    for attempt in range(int(_setting("ATTEMPTS", "3"))):
        try:
            reply = _ask(messages)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in (408, 409, 425, 429):
                return None
            time.sleep(min(30.0, 0.5 * 2**attempt))
            continue
        except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
            time.sleep(min(30.0, 0.5 * 2**attempt))
            continue
        grade = parse_grade(reply)
        if grade is not None:
            return grade
        messages = begin + [{"role": "assistant", "content": reply[-2000:]}, {"role": "user", "content": JUDGE_REPEAT}]
    return None
