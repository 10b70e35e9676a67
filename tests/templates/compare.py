"""Renders chats with `transformers` and with the crate `resonare-chat-template`, and compares.

    python3 compare.py RENDER COUNT_CHATS TEMPLATES TRAIN.jsonl…

RENDER and COUNT_CHATS are the example programs of those names. TEMPLATES is a folder: each `*.jinja` in it is a
template, and so is each folder with a `tokenizer_config.json`. The blocks of every TRAIN.jsonl are
rendered with every template, beside the messages of this file; where `transformers` refuses, the crate
has to refuse with the same words. Where a folder has a `tokenizer.json` too, COUNT_CHATS has to count as many
tokens as `apply_chat_template(tokenize=True)` returns. Small templates of this file, one for each feature of the language,
come first. Exits with 1 if anything differs.
"""
import datetime
import json
import pathlib
import subprocess
import sys
import time

import jinja2
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

# What a template may ask for by name where it comes without a configuration.
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
TODAY = datetime.datetime(2024, 7, 26)


class StoppedClock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return TODAY


chat_template_utils.datetime = StoppedClock


def turns(*contents, system=None):
    roles = ("user", "assistant")
    messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(contents)]
    return ([{"role": "system", "content": system}] if system is not None else []) + messages


# Contents that templates treat in ways of their own.
ODD = [
    "", " ", "\n", "  both ends \n", "\tTab\u00a0", "\x1c\x1fseparators\x1d", "\x0b\x85 lines \u2028", "\u200d", "\ufeffmark",
    "Grüße, мир, 世界, 🙂👩‍👩‍👧, ẞß ŉ ǆ", "{{ braces }} {% if %} {# no #} }}", "<think>a</think>b", "</think>", "a</think>\n\nb</think> c",
    "<|im_end|>", "<|im_start|>user\nhi<|im_end|>", "<s></s>[INST] x [/INST]", "<start_of_turn>model", "'single' \"double\" \\back",
    "None", "a\r\nb\rc\n\n", "x" * 30_000, ("word " * 2_000).strip(), "[TOOL_CALLS]", "/no_think", "/think", "&<>'\"",
]

MADE = [
    turns("Hello", "Hi"), turns("Hello", "Hi", system="Be brief."), turns("Hello", "Hi", system=""), turns("Hello"), turns("Hello", system="s"),
    turns("a", "b", "c", "d", "e", "f"), turns("a", "b", "c"), turns("a", "b", "c", "d", system=" s "),
    [{"role": "assistant", "content": "first"}, {"role": "user", "content": "second"}],
    [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}],
    [{"role": "assistant", "content": "a"}, {"role": "assistant", "content": "b"}],
    [{"role": "system", "content": "alone"}],
    [{"role": "user", "content": "a"}, {"role": "system", "content": "late"}, {"role": "assistant", "content": "b"}],
    [{"role": "narrator", "content": "a"}], [{"role": "user", "content": "a"}, {"role": "tool", "content": "b"}],
    *[turns(text, "answer") for text in ODD], *[turns("question", text) for text in ODD], *[turns("q", "a", system=text) for text in ODD],
    *[turns(text, text, text, text, system=text) for text in ODD], turns(*(["go on", "…"] * 300)),
]

# One line each of the language that templates are written in; `x` is the content of the first message.
# Known to differ, and in no real template: `%` on a text (fails), characters that Python shows as escapes
# when a whole list is written, the filters `urlencode` and `wordcount`, `int` of what is no number.
FEATURES = [
    "{{ x }}", "{{ x | trim }}", "{{ x.strip() }}|{{ x.lstrip() }}|{{ x.rstrip() }}|{{ x.strip('\\n ab') }}", "{{ x | upper }}{{ x.lower() }}{{ x | lower }}",
    "{{ x | tojson }}", "{{ x | tojson(ensure_ascii=true) }}", "{{ messages | tojson(indent=2) }}", "{{ messages | tojson(separators=(',', ':'), sort_keys=true) }}",
    "{{ {'b': [1, 2.5, none, true, 1e20, 1e-7, {}], 'a': []} | tojson(indent=4) }}", "{{ {'b': 1, 'a': {'d': 2, 'c': []}} | tojson(sort_keys=true) }}",
    "{{ x.split() | tojson }}", "{{ x.split('\\n') | tojson }}", "{{ x.split('</think>')[-1] }}", "{{ x.split('</think>', 1) | tojson }}", "{{ x.split(None, 1) | tojson }}", "{{ x.rsplit(None, 1) | tojson }}",
    "{{ x.rsplit('n', 1) | tojson }}", "{{ x.splitlines() | tojson }}", "{{ x.splitlines(true) | tojson }}", "{{ x.partition('n') | tojson }}", "{{ x.rpartition('n') | tojson }}",
    "{{ x.split('') }}", "{{ x.removeprefix('<') }}{{ x.removesuffix('>') }}", "{{ x.isspace() }}{{ x.isdigit() }}{{ x.isupper() }}",
    "{{ x.startswith('<') }}{{ x.endswith(('>', 'b')) }}", "{{ x.find('n') }} {{ x.rfind('n') }} {{ x.count('n') }}", "{{ x.replace('n', 'm') }}{{ x.replace('n', 'mm', 1) }}",
    "{{ x | replace('n', 'm') }}", "{{ x | length }}", "{{ x[0] }}", "{{ x[:3] }}|{{ x[-3:] }}|{{ x[::-1] }}|{{ x[1:-1] }}", "{{ x[::2] }}",
    "{{ 'n' in x }}{{ 'n' not in x }}", "{{ x ~ 1 ~ none ~ true ~ 1.0 }}", "{{ x + 'y' }}", "{{ x + 1 }}", "{{ x * 2 }}", "{{ x == 'Hello' }}{{ x != '' }}{{ x < 'b' }}",
    "{{ messages | tojson }}", "{{ [x] | tojson }}", "{{ ['a', 1, none, true, 1.5, 'it\\'s'] }}{{ {'k': ['v']} }}{{ ('t', 1) }}", "{{ {'k': x} | tojson }}", "{{ (x, 1) | tojson }}", "{{ (1,) }}", "{{ none }}{{ true }}{{ false }}{{ 1.0 }}{{ 7 // 2 }}{{ -7 // 2 }}{{ -7 % 3 }}{{ 7 / 2 }}{{ 2 ** 3 }}",
    "{{ nothing }}", "{{ nothing.more }}", "{{ nothing + 'x' }}", "{{ nothing | length }}", "{{ nothing | default('d') }}{{ '' | default('d', true) }}{{ none | default('d') }}",
    "{{ 'x' in nothing }}", "{% for y in nothing %}{{ y }}{% else %}empty{% endfor %}", "{{ nothing == 1 }}", "{{ nothing is none }}", "{{ nothing[0] }}", "{{ nothing() }}",
    "{{ x is string }}{{ x is iterable }}{{ x is sequence }}{{ x is mapping }}{{ x is number }}{{ x is defined }}{{ x is none }}{{ x is boolean }}",
    "{{ messages is string }}{{ messages is iterable }}{{ messages is sequence }}{{ messages is mapping }}", "{{ messages[0] is iterable }}{{ messages[0] is sequence }}{{ messages[0] is mapping }}",
    "{{ nothing is string }}{{ nothing is iterable }}{{ nothing is sequence }}{{ nothing is mapping }}{{ none is iterable }}{{ 1 is sequence }}",
    "{{ true is true }}{{ 1 is true }}{{ false is false }}{{ 1 is integer }}{{ 1.5 is float }}{{ true is integer }}{{ 2 is even }}{{ 3 is odd }}{{ x is eq('Hello') }}{{ x is in(['Hello']) }}",
    "{{ tools is defined }}{{ tools is none }}{{ documents }}{{ add_generation_prompt }}", "{{ bos_token }}{{ eos_token }}{{ cls_token }}", "{{ bos_token + x }}", "{{ cls_token + x }}",
    "{{ messages[0]['role'] }}{{ messages[0].role }}{{ messages[-1].content }}{{ messages[0].get('role') }}{{ messages[0].get('no') }}{{ messages[0].get('no', 'd') }}",
    "{{ messages[0].no is defined }}{{ 'no' in messages[0] }}{{ 'role' in messages[0] }}", "{{ messages[99] }}", "{{ messages[99].role }}", "{{ messages[0].items() | list | tojson }}{{ messages[0].keys() | list }}",
    "{% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in messages[0] | dictsort %}{{ k }}={{ v }};{% endfor %}", "{{ messages[0] | items | list | tojson }}",
    "{{ messages | length }}{{ messages | count }}", "{{ (messages | first).role }}{{ (messages | last).role }}", "{{ messages[1:] | length }}{{ messages[:1] | tojson }}{{ messages[::-1] | tojson }}",
    "{{ messages | map(attribute='role') | list }}", "{{ messages | map(attribute='role') | join(', ') }}", "{{ messages | map('length') | list }}",
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | rejectattr('role', 'equalto', 'user') | list | length }}",
    "{{ messages | selectattr('role', 'in', ['user']) | map(attribute='content') | list | tojson }}", "{{ messages | selectattr('no') | list }}{{ messages | selectattr('no', 'defined') | list }}",
    "{{ ['b', 'a', 'c'] | sort }}{{ ['b', 'a', 'b'] | unique | list }}{{ [3, 1] | max }}{{ [3, 1] | min }}{{ [1, 2] | sum }}{{ [1, 2] | reverse | list }}",
    "{{ 'a b' | title }}{{ 'aB' | capitalize }}{{ 'aB'.title() }}{{ 'aB'.capitalize() }}{{ '3' | int }}{{ '2.5' | float }}{{ 2.5 | round }}{{ -3 | abs }}",
    "{{ x | string }}{{ 1 | string }}{{ none | string }}{{ x | list | length }}", "{{ x | indent(2) }}", "{{ x | indent(2, true) }}", "{{ 'a%sb%d' | format('x', 3) }}", "{{ '{} {}'.format(x, 1) }}",
    "{% for m in messages %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.previtem is defined }}{{ loop.nextitem is defined }}{% endfor %}",
    "{% for m in messages %}{{ loop.cycle('a', 'b') }}{{ loop.changed(m.role) }}{% endfor %}", "{% for m in messages if m.role == 'user' %}{{ loop.index }}{{ m.content }}{% endfor %}",
    "{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.role }}{% break %}{% endfor %}", "{% for i in range(3) %}{{ i }}{% endfor %}{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}{% for i in range(messages | length - 1, -1, -1) %}{{ messages[i].role }}{% endfor %}",
    "{% set n = 1 %}{% for m in messages %}{% set n = n + 1 %}{{ n }}{% endfor %}{{ n }}", "{% set ns = namespace(n=0, l=[]) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% set ns.l = ns.l + [m.role] %}{% endfor %}{{ ns.n }}{{ ns.l }}",
    "{% for m in messages %}{% if loop.first %}{% set seen = 1 %}{% endif %}{{ seen is defined }}{% endfor %}", "{% if true %}{% set n = 2 %}{% endif %}{{ n }}",
    "{% macro f(a, b='d') %}{{ a }}{{ b }}{{ late }}{% endmacro %}{% set late = 'L' %}{{ f(x) }}{{ f(x, b='e') }}{{ f(b=1, a=2) }}", "{% macro f() %}{{ caller() }}{% endmacro %}{% call f() %}inner{% endcall %}",
    "{% set t %}  {{ x }}  {% endset %}[{{ t }}][{{ t | trim }}]", "{% filter upper %}abc{{ x }}{% endfilter %}", "{% with a = x %}{{ a }}{% endwith %}{{ a is defined }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a = 1, 2 %}{{ a }}", "{% set a = x if x else 'none' %}{{ a }}", "{% set a = 'y' if false %}{{ a }}",
    "{% raw %}{{ x }}{% endraw %}", "a\n  {# note #}\n  b\n", "a\n  {%- if true -%}\n  b  {% endif %}\n c\n\n", "  {% if true %}\n    x\n  {% endif %}\n  y", "  {%+ if true %}  x{%+ endif %}", "{% if true -%}\n\n x {%- endif %}\n", "{{- x -}}  \n z", "line\r\n{% if true %}\r\n  b\r\n{% endif %}\r\nc",
    "{% generation %}{{ x }}{% endgeneration %}", "a  {%- generation -%}  {{ x }}  {%- endgeneration -%}  b", "  {% generation %}\n{{ x }}\n  {% endgeneration %}\nb", "{% for m in messages %}{% generation %}{{ loop.index }}{{ m.content }}{% set z = 1 %}{% endgeneration %}{{ z is defined }}{% endfor %}",
    "{{ strftime_now('%d %b %Y') }}", "{{ strftime_now('%A %B %-d %H:%M:%S %y %j %p %%') }}", "{{ raise_exception('No ' ~ x) }}", "{% if messages | length > 1 %}{{ raise_exception('Too many!') }}{% endif %}ok", "{% macro f() %}{{ raise_exception('in a macro') }}{% endmacro %}{{ f() }}",
    "{{ 'a\\tb\\n\\x41\\u00e9\\'\\\\d\\.' }}", "{{ \"it's\" }}{{ 'say \"x\"' }}", "{{ 'a' 'b' }}", "{{ 1_000 }}{{ 0x1f }}", "{{ 1 < 2 < 3 }}{{ 1 < 2 > 3 }}{{ not true }}{{ true and x }}{{ '' or x }}", "{{ dict(a=1, b=x) | tojson }}{{ dict(a=1).a }}", "{{ {'a': 1}.a }}{{ {'a': 1}['a'] }}{{ {'a': {'b': 2}}.a.b }}",
    "{{ [1, 2, 3][1:] + [4] }}{{ [1] == [1] }}{{ 1 in [1] }}{{ 'a' in {'a': 1} }}", "{{ x | safe }}", "{{ messages | batch(2) | list | length }}", "{{ x | first }}{{ x | last }}", "{{ messages | groupby('role') | length }}",
]


class Ours:
    """An example program, asked line by line."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, requests):
        """Answers to many requests, which one buffer holds at a time."""
        answers = []
        for request in requests:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
            answers.append(json.loads(self.process.stdout.readline()))
        return answers


def tokenizer(template, tokens):
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=template, **tokens)


def theirs(reference, messages, tokenize=False):
    try:
        given = reference.apply_chat_template(messages, tokenize=tokenize, add_generation_prompt=False, return_dict=False)
        return {"tokens": len(given)} if tokenize else {"text": given}
    except jinja2.exceptions.TemplateError as error:
        # Jinja's own errors are of derived classes.
        if type(error) is jinja2.exceptions.TemplateError:
            return {"refused": str(error)}
        return {"failed": f"{type(error).__name__}: {error}"}
    except Exception as error:  # whatever Python raises
        return {"failed": f"{type(error).__name__}: {error}"}


def same(one, other):
    return one == other or ("failed" in one and "failed" in other)


def templates(folder):
    """Name, what the crate reads, the reference and its tokens, of each template in the folder."""
    configuration = json.dumps(TOKENS)
    for path in sorted(folder.rglob("*.jinja")):
        template = path.read_text(encoding="utf-8")
        name = str(path.relative_to(folder))
        yield name, {"chat_template": template, "tokenizer_config": configuration}, tokenizer(template, TOKENS), TOKENS
    for path in sorted(folder.rglob("tokenizer_config.json")):
        text = path.read_text(encoding="utf-8")
        configured = json.loads(text)
        if configured.get("chat_template"):
            texts = {key: value["content"] if isinstance(value, dict) else value for key, value in configured.items() if key.endswith("_token")}
            tokens = {key: value for key, value in texts.items() if isinstance(value, str)}
            yield str(path.parent.relative_to(folder)), {"tokenizer_config": text}, tokenizer(configured["chat_template"], tokens), tokens


def compare(ours, files, reference, chats):
    """How many chats each refused, how many differ, and the first that does."""
    found = ours.ask([files])[0]
    got = ours.ask({"messages": chat} for chat in chats)
    refused, different, first = 0, 0, None
    for chat, mine in zip(chats, got):
        other = theirs(reference, chat)
        refused += "text" not in other
        if not same(mine, other):
            different += 1
            first = first or (chat, mine, other, found)
    return refused, different, first


def compare_marked(marked, reference, tokens, chats):
    """How many chats the template with marked turns writes otherwise, or doesn't mark as it should, and the first."""
    other = tokenizer(marked, tokens)
    different, first = 0, None
    for chat in chats:
        own, mine = theirs(reference, chat), theirs(other, chat)
        problem = None if same(own, mine) else (own, mine)
        # What a template of its publisher's marks is the publisher's to say.
        if "text" in own and not problem and marked != reference.chat_template:
            _, spans = chat_template_utils.render_jinja_template([chat], chat_template=marked, return_assistant_tokens_mask=True, **tokens)
            learned = [own["text"][start:end] for start, end in spans[0]]
            said = [message["content"].strip() for message in chat if message["role"] == "assistant"]
            if len(learned) != len(said) or not all(text in part for text, part in zip(said, learned)):
                problem = learned
        if problem:
            different += 1
            first = first or (chat, problem)
    return different, first


def compare_counts(program, folder, chats):
    """How many chats have other counts, and the first that has."""
    reference = PreTrainedTokenizerFast.from_pretrained(folder)
    different, first = 0, None
    for chat, mine in zip(chats, Ours(program, str(folder)).ask({"messages": chat} for chat in chats)):
        other = theirs(reference, chat, tokenize=True)
        if mine.get("tokens") != other.get("tokens"):
            different += 1
            first = first or (chat, mine, other)
    return different, first


def shown(first):
    chat, mine, other, found = first
    lines = [f"    found    {str(found)[:300]}", f"    messages {json.dumps(chat, ensure_ascii=False)[:300]}"]
    if "text" in mine and "text" in other:
        at = next((n for n, (a, b) in enumerate(zip(mine["text"], other["text"])) if a != b), min(len(mine["text"]), len(other["text"])))
        start = max(0, at - 60)
        mine, other = mine["text"][start:at + 60], other["text"][start:at + 60]
    lines += [f"    ours     {str(mine)[:300]!r}", f"    theirs   {str(other)[:300]!r}"]
    return "\n".join(lines)


def main():
    program, counter, folder, *files = sys.argv[1:]
    ours = Ours(program)
    total = 0
    for feature in FEATURES:
        template = "{% set x = messages[0].content %}" + feature
        files_of = {"chat_template": template, "tokenizer_config": json.dumps(TOKENS)}
        _, different, first = compare(ours, files_of, tokenizer(template, TOKENS), MADE)
        total += different
        if different:
            print(f"{different:6} differ: {feature}\n{shown(first)}")
    print(f"{len(FEATURES)} features of the language with {len(MADE)} chats each: {total} differences")

    blocks = []
    for name in files:
        with open(name, encoding="utf-8") as file:
            blocks += [json.loads(line)["messages"] for line in file]
    chats = MADE + blocks
    # Turns that alternate, without texts that look like a template's own.
    plain = MADE[:9] + blocks[::10]
    print(f"{len(MADE)} made chats and {len(blocks)} blocks with each template:")
    print(f"{'template':64} {'chats':>6} {'refused':>7} {'differ':>6} {'marked':>8} {'seconds':>7}")
    for name, request, reference, tokens in templates(pathlib.Path(folder)):
        start = time.monotonic()
        refused, different, first = compare(ours, request, reference, chats)
        template = ours.ask([request])[0].get("marked")
        wrong, problem = compare_marked(template, reference, tokens, plain) if template else (0, None)
        marked = "no" if not template else "differs" if wrong else "as it was" if template == reference.chat_template else "yes"
        print(f"{name[-64:]:64} {len(chats):6} {refused:7} {different:6} {marked:>9} {time.monotonic() - start:7.1f}")
        if different:
            print(shown(first))
        if wrong:
            print(f"    {wrong} marked otherwise, the first: {str(problem)[:600]}")
        total += different + wrong
        sys.stdout.flush()
    print(f"{'tokens counted':64} {'chats':>6} {'differ':>14} {'seconds':>7}")
    for path in sorted(pathlib.Path(folder).rglob("tokenizer.json")):
        start = time.monotonic()
        different, first = compare_counts(counter, path.parent, chats)
        print(f"{str(path.parent.relative_to(folder)):64} {len(chats):6} {different:14} {time.monotonic() - start:7.1f}")
        if different:
            print(f"    {str(first)[:600]}")
        total += different
        sys.stdout.flush()
    sys.exit(total > 0)


if __name__ == "__main__":
    main()
