"""Renders files with the chat templates that Axolotl ships, and counts the rows that they take.

    python3 templates.py FILE…

A row is taken if the template raises nothing and loses no text. Exits with 1 if any row isn't.
"""
import glob
import json
import os
import sys
import time

import verdicts  # First: it puts the stand-ins in place.

import axolotl.utils.chat_templates

# Of vision models, or for other tasks than conversation.
OTHERS = {"alpaca", "llava", "metharme", "command_a_rag", "command_a_tool_use"}


def templates():
    folder = os.path.join(os.path.dirname(axolotl.utils.chat_templates.__file__), "templates")
    for path in sorted(glob.glob(os.path.join(folder, "*.jinja"))):
        name = os.path.basename(path).removesuffix(".jinja")
        if name not in OTHERS:
            with open(path, encoding="utf-8") as file:
                yield name, file.read()


def takes(template, messages):
    try:
        text = verdicts.TOKENIZER.apply_chat_template(messages, chat_template=template, tokenize=False)
    except Exception:  # Whatever it raises, it refuses the row.
        return False
    return all(message["content"].strip() in text for message in messages)


def main():
    begun = time.monotonic()
    good = True
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line)["messages"] for line in file]
        refused = {}
        for name, template in templates():
            taken = sum(takes(template, messages) for messages in rows)
            if taken < len(rows):
                refused[name] = taken
        print(f"{path}: {len(rows)} rows, taken by all templates but {refused or 'none'}")
        good &= not refused
    print(f"{time.monotonic() - begun:.1f} s")
    sys.exit(not good)


if __name__ == "__main__":
    main()
