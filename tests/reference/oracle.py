"""The pipeline's rules once more, slowly and plainly, to compare the real one with.

    python3 oracle.py EXPORT OUT_DIR [--key=value ...]

Writes train.jsonl, processed.json and a stats.json with what the rules say about numbers. It reads
valid JSON only, counts with tiktoken, and holds everything in memory.
"""
import base64
import datetime
import json
import os
import re
import sys

import tiktoken
import tiktoken_ext.openai_public as public

DEFAULTS = {
    "target_name": None, "system_prompt": None, "date_limit": None, "chat_type": ["personal_chat"],
    "convo_block_threshold_secs": 3600, "min_tokens_per_block": 300, "max_tokens_per_block": 800,
    "message_delimiter": ">>>", "token_budget": "content", "role_order": "as_is",
    "tokenizer": "o200k_base",
}


def encoding(name, vocabularies):
    """An encoding from a local .tiktoken file; the package would fetch it."""
    with open(os.path.join(vocabularies, name + ".tiktoken"), "rb") as file:
        ranks = {base64.b64decode(token): int(rank) for token, rank in map(bytes.split, file)}
    original = public.load_tiktoken_bpe
    public.load_tiktoken_bpe = lambda *_, **__: ranks
    try:
        return tiktoken.Encoding(**getattr(public, name)())
    finally:
        public.load_tiktoken_bpe = original


def chats_of(export):
    if isinstance(export, list):
        return export, None, 0
    if "chats" in export:
        chats = export["chats"]
        chats = chats if isinstance(chats, list) else chats["list"]
        left = len(export.get("left_chats", {}).get("list", []))
        return chats, export.get("personal_information", {}).get("user_id"), left
    return [export], None, 0


def parse_date(text):
    date = datetime.datetime.fromisoformat(text)
    return date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)


def text_of(message):
    parts = message.get("text_entities")
    if parts is None:
        parts = message.get("text") or ""
        parts = [parts] if isinstance(parts, str) else parts
    text = "".join(part if isinstance(part, str) else part.get("text") or "" for part in parts)
    return (text + (message.get("sticker_emoji") or "")).strip().replace("\n", " ")


def shifted(number):
    return {number, number - 2**32} if 2**32 <= number < 2**33 else {number}


def ids(from_id):
    if isinstance(from_id, int):
        return shifted(from_id)
    found = re.fullmatch(r"user(\d+)", from_id or "")
    return {int(found[1])} if found else set()


def kept_messages(chat, limit, dropped):
    kept = []
    for message in chat["messages"]:
        if message.get("type") in ("service", "unsupported"):
            dropped(message["type"])
        elif not message.get("from"):
            dropped("no_sender")
        elif not text_of(message):
            dropped("no_text")
        else:
            unix = message.get("date_unixtime")
            date = parse_date(message["date"])
            time = float(unix) if unix is not None else date.timestamp()
            if limit and (time < parse_date(limit).timestamp() if re.search(r"(Z|[+-]\d\d:\d\d)$", limit)
                          else date.replace(tzinfo=None) < datetime.datetime.fromisoformat(limit)):
                dropped("before_date_limit")
                continue
            kept.append({"time": time, "date": message["date"], "text": text_of(message),
                         "from": message["from"], "ids": ids(message.get("from_id"))})
    return sorted(kept, key=lambda message: message["time"])


def merge(block, delimiter, system):
    out = [{"timestamp": None, "role": "system", "content": system}] if system else []
    previous = None
    for message in block:
        line = f"{delimiter} {message['text']}" if delimiter else message["text"]
        if message["role"] == previous:
            out[-1]["content"] += "\n" + line
        else:
            out.append({"timestamp": message["date"], "role": message["role"], "content": line})
        previous = message["role"]
    return out


def run(export, config, count):
    chats, owner, left = chats_of(export)
    funnel = {"chats": {"read": left, "dropped": {}}, "messages": {"read": 0, "in_blocks": 0, "dropped": {}}}

    def drop(kind, reason, number=1):
        if number:
            reasons = funnel[kind]["dropped"]
            reasons[reason] = reasons.get(reason, 0) + number

    drop("chats", "left_chat", left)
    usable = []
    for chat in chats:
        funnel["chats"]["read"] += 1
        reason = None
        if "name" not in chat or "messages" not in chat:
            reason = "missing_name_or_messages"
        elif not isinstance(chat["name"], str) or not chat["name"]:
            reason = "without_name"
        elif chat.get("type", "personal_chat") not in config["chat_type"]:
            reason = "chat_type"
        messages = len(chat.get("messages") or [])
        funnel["messages"]["read"] += messages
        if reason:
            drop("chats", reason)
            drop("messages", reason, messages)
        else:
            usable.append((chat, kept_messages(chat, config["date_limit"], lambda why: drop("messages", why))))
    target = config["target_name"]
    if target is None and owner is None:
        speakers, contacts = set(), set()
        for chat, messages in usable:
            if chat.get("type", "personal_chat") == "personal_chat":
                contacts |= shifted(chat.get("id", -1)) | {chat.get("id", -1)}
                speakers |= {min(message["ids"]) for message in messages}
        (owner,) = speakers - contacts
    target_id = re.fullmatch(r"user(\d+)", target or f"user{owner}")

    low, high = config["min_tokens_per_block"], config["max_tokens_per_block"]
    delimiter, system = config["message_delimiter"].strip(), config["system_prompt"]

    def rendered(block):
        return sum(count(message["content"]) for message in merge(block, delimiter, system))

    def content(block):
        return sum(message["tokens"] for message in block)

    measure = rendered if config["token_budget"] == "rendered" else content
    processed = []
    for chat, messages in usable:
        blocks, block, last = [], [], None
        for message in messages:
            is_target = int(target_id[1]) in message["ids"] if target_id else message["from"] == target
            message["role"] = "assistant" if is_target else "user"
            message["tokens"] = count(message["text"])
            near = last is not None and message["time"] - last <= config["convo_block_threshold_secs"]
            if block and near and measure(block + [message]) <= high:
                block.append(message)
            else:
                if block:
                    blocks.append(block)
                block = [message]
            last = message["time"]
        blocks.append(block)
        kept = []
        for block in filter(None, blocks):
            tokens = measure(block)
            if tokens > high:
                drop("messages", "message_too_long", len(block))
            elif tokens < low:
                drop("messages", "block_too_short", len(block))
            elif config["role_order"] == "user_first":
                roles = [message["role"] for message in block]
                start = roles.index("user") if "user" in roles else len(roles)
                end = max((i + 1 for i, role in enumerate(roles) if role == "assistant"), default=0)
                if end <= start:
                    drop("messages", "no_exchange", len(block))
                elif measure(block[start:end]) < low:
                    drop("messages", "block_too_short", len(block))
                else:
                    drop("messages", "role_order", len(block) - (end - start))
                    kept.append(block[start:end])
            else:
                kept.append(block)
        if not kept:
            drop("chats", "no_blocks")
            continue
        funnel["messages"]["in_blocks"] += sum(map(len, kept))
        processed.append({
            "contact_name": chat["name"], "chat_type": chat.get("type", "personal_chat"), "num_blocks": len(kept),
            "blocks": [{"messages": merge(block, delimiter, system)} for block in kept],
        })
    funnel["chats"]["kept"] = len(processed)
    tokens, minutes = [], []
    for chat in processed:
        for block in chat["blocks"]:
            tokens.append(sum(count(message["content"]) for message in block["messages"]))
            dates = [parse_date(message["timestamp"]) for message in block["messages"] if message["timestamp"]]
            minutes.append((dates[-1] - dates[0]).total_seconds() / 60)
    stats = {"num_chats": len(processed), "num_blocks": len(tokens)}
    for name, values in (("tokens_per_block", tokens), ("duration_minutes_per_block", minutes)):
        stats["min_" + name] = min(values, default=None)
        stats["max_" + name] = max(values, default=None)
        stats["avg_" + name] = sum(values) / len(values) if values else None
    stats["funnel"] = funnel
    return processed, stats


def main():
    path, out_dir = sys.argv[1:3]
    config = dict(DEFAULTS)
    vocabularies = os.environ["TIKTOKEN_VOCABULARIES"]
    for argument in sys.argv[3:]:
        key, value = argument.removeprefix("--").split("=", 1)
        key = key.replace("-", "_")
        if key == "chat_type":
            config[key] = value.split(",")
        else:
            config[key] = int(value) if isinstance(DEFAULTS[key], int) else value
    counter = encoding(config["tokenizer"], vocabularies)
    cache = {}

    def count(text):
        if text not in cache:
            cache[text] = len(counter.encode(text, disallowed_special=()))
        return cache[text]

    with open(path, encoding="utf-8") as file:
        processed, stats = run(json.load(file), config, count)
    os.makedirs(out_dir, exist_ok=True)
    with open(os.path.join(out_dir, "processed.json"), "w", encoding="utf-8") as out:
        json.dump(processed, out, ensure_ascii=False)
    with open(os.path.join(out_dir, "train.jsonl"), "w", encoding="utf-8") as out:
        for chat in processed:
            for block in chat["blocks"]:
                messages = [{"role": m["role"], "content": m["content"]} for m in block["messages"]]
                out.write(json.dumps({"messages": messages}, ensure_ascii=False, separators=(",", ":")) + "\n")
    with open(os.path.join(out_dir, "stats.json"), "w", encoding="utf-8") as out:
        json.dump(stats, out)


if __name__ == "__main__":
    main()
