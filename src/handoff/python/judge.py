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


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The key is for the address that was given, and for no other."""

    def redirect_request(self, *_):
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _ask(messages):
    body = {"model": _setting("MODEL", ""), "messages": messages, "temperature": 0, "max_tokens": 1024, "stream": False}
    headers = {"content-type": "application/json"}
    key = _setting("API_KEY", "")
    if key:
        headers["authorization"] = "Bearer " + key
    url = _setting("BASE_URL", "").rstrip("/") + "/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode("utf-8"), headers)
    timeout = float(_setting("TIMEOUT", "120"))
    deadline = time.monotonic() + timeout
    pieces = []
    # The timeout is of each wait for bytes: a reply that trickles in has to be ended besides.
    with _OPENER.open(request, timeout=timeout) as response:
        while not pieces or pieces[-1]:
            pieces.append(response.read1(65536))
            if time.monotonic() > deadline:
                raise TimeoutError("the judge did not finish in time")
    reply = json.loads(b"".join(pieces))["choices"][0]["message"]["content"] or ""
    if not isinstance(reply, str):
        raise ValueError("the judge's reply is no text")
    return reply


def _pause(attempt, asked=None):
    """Seconds before another attempt: what Retry-After asks for, up to a minute, or ever longer."""
    if re.match(r"^\s*\d+\s*$", asked or ""):
        return min(60.0, float(asked))
    try:
        return max(0.0, min(60.0, email.utils.parsedate_to_datetime(asked).timestamp() - time.time()))
    except (TypeError, ValueError, IndexError, OverflowError):
        return min(30.0, 0.5 * 2**attempt)


def ask_judge(question, gold, answer):
    """A grade; None when the judge failed after all attempts, or none is named."""
    if not _setting("BASE_URL", ""):
        return None
    texts = {"question": question, "gold": gold, "answer": answer}
    user = re.sub(r"\{(question|gold|answer)\}", lambda match: _harmless(texts[match.group(1)]), JUDGE_USER)
    begin = [{"role": "system", "content": JUDGE_SYSTEM}, {"role": "user", "content": user}]
    messages = begin
    attempts = int(_setting("ATTEMPTS", "3"))
    for attempt in range(attempts):
        asked = None
        try:
            reply = _ask(messages)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in (408, 409, 425, 429):
                return None
            asked = error.headers.get("Retry-After")
        except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
            pass
        else:
            grade = parse_grade(reply)
            if grade is not None:
                return grade
            said = {"role": "assistant", "content": reply[-2000:]}
            messages = begin + [said, {"role": "user", "content": JUDGE_REPEAT}]
            continue
        if attempt + 1 < attempts:
            time.sleep(_pause(attempt, asked))
    return None
