"""Rows that break one rule each, and some that break none."""
import json


def dump(value):
    return json.dumps(value, ensure_ascii=False).encode()


def messages(*turns, **more):
    return dump({"messages": [turn if isinstance(turn, dict) else say(turn) for turn in turns], **more})


def say(role, content="text", **more):
    return {"role": role, "content": content, **more}


def bedrock(*turns, **more):
    turns = [turn if isinstance(turn, dict) else part(turn) for turn in turns]
    return dump({"schemaVersion": "bedrock-conversation-2024", **more, "messages": turns})


def part(role, text="text"):
    return {"role": role, "content": [{"text": text}]}


# Name, row. Each file is one row, repeated until there are as many as a consumer wants.
MESSAGES = {
    "an exchange": messages("user", "assistant"),
    "a system prompt": messages("system", "user", "assistant"),
    "four turns": messages("user", "assistant", "user", "assistant"),
    "text of many scripts": messages(say("user", "héllo 你好 🙂\n>>> \"x\" \\ \t"), "assistant"),
    "the assistant first": messages("assistant", "user", "assistant"),
    "the user last": messages("user", "assistant", "user"),
    "the assistant alone": messages("assistant"),
    "the user alone": messages("user"),
    "the user twice": messages("user", "user", "assistant"),
    "the assistant twice": messages("user", "assistant", "assistant"),
    "a system prompt in the middle": messages("user", "system", "assistant"),
    "two system prompts": messages("system", "system", "user", "assistant"),
    "an unknown role": messages("user", "bot"),
    "an empty list": messages(),
    "no list": dump({"text": "hello"}),
    "messages that are no list": dump({"messages": "hello"}),
    "a message that is no object": dump({"messages": ["hello"]}),
    "no role": messages({"content": "text"}, "assistant"),
    "no content": messages({"role": "user"}, "assistant"),
    "content that is a number": messages(say("user", 1), say("assistant", 2)),
    "content that is null": messages(say("user", None), say("assistant", None)),
    "empty content": messages("user", say("assistant", "")),
    "another column": messages("user", "assistant", id=7),
    "a weight": messages(say("user", weight=0), say("assistant", weight=1)),
    "a weight of 2": messages(say("user", weight=0), say("assistant", weight=2)),
    "an unknown key": messages("user", say("assistant", mood="good")),
    "a training field": messages(say("user", train=False), say("assistant", train=True)),
    "a key twice": b'{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"}],"messages":[]}',
    "no JSON": b"{'messages': []}",
    "half a row": messages("user", "assistant")[:-3],
    "no object": b"[1, 2]",
    "not UTF-8": b'{"messages":[{"role":"user","content":"\xff"},{"role":"assistant","content":"b"}]}',
    "Windows line ends": messages("user", "assistant") + b"\r",
    "empty lines": messages("user", "assistant") + b"\n",
    "conversations by role": dump({"conversations": [say("user"), say("assistant")]}),
    "the form of ShareGPT": dump({"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}),
}

BEDROCK = {
    "an exchange": bedrock("user", "assistant"),
    "a system prompt": bedrock("user", "assistant", system=[{"text": "Be Ren."}]),
    "four turns": bedrock("user", "assistant", "user", "assistant"),
    "no version": dump({"messages": [part("user"), part("assistant")]}),
    "another version": bedrock("user", "assistant", schemaVersion="2023"),
    "the assistant first": bedrock("assistant", "user", "assistant"),
    "the user last": bedrock("user", "assistant", "user"),
    "the user alone": bedrock("user"),
    "the user twice": bedrock("user", "user", "assistant"),
    "an unknown role": bedrock("user", "bot"),
    "a system message among the turns": bedrock("system", "user", "assistant"),
    "two system prompts": bedrock("user", "assistant", system=[{"text": "a"}, {"text": "b"}]),
    "a system prompt that is text": bedrock("user", "assistant", system="Be Ren."),
    "empty content": bedrock("user", part("assistant", "")),
    "a reserved word": bedrock(part("user", "he said Bot: hi"), "assistant"),
    "content that is text": dump({"messages": [say("user"), say("assistant")]}),
    "content without parts": bedrock("user", {"role": "assistant", "content": []}),
    "another column": bedrock("user", "assistant", id=7),
    "an empty list": bedrock(),
    "no list": dump({"schemaVersion": "bedrock-conversation-2024"}),
    "no JSON": b"{'messages': []}",
    "empty lines": bedrock("user", "assistant") + b"\n",
    "Windows line ends": bedrock("user", "assistant") + b"\r",
    "the form of messages": messages("user", "assistant"),
}
