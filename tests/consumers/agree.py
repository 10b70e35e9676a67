"""Compares what our checker says to files with what the consumers' own code says.

    python3 agree.py CHECK [FILE…]

CHECK is the program `target/*/examples/check`. Each row of `rows.py` is a file of its own; FILE is
one that each consumer of `messages` must take with every row. Exits with 1 if we take a row that a
consumer refuses, or refuse one that it takes, but for what is known to be checked by services alone.
"""
import json
import os
import subprocess
import sys
import tempfile
import time

import rows
import verdicts

REPEATS = 10

# Rules that the service has and the client's code has not, or that are ours to keep.
STRICTER = {
    # Checked when the file has arrived.
    "together": {"extra-column", "first-not-user", "not-alternating", "no-assistant", "several-systems", "system-not-first",
                 "unknown-role", "weight-not-0-or-1", "missing-messages", "empty-messages", "message-not-an-object",
                 "missing-role", "missing-content", "content-not-text", "wrong-shape"},
    # The documentation's, not the older client's; and rows of plain text are another kind of training.
    "together-1": {"first-not-user", "system-not-first", "no-assistant", "missing-messages"},
    "openai": {"last-not-assistant", "weight-not-0-or-1"},
    "bedrock-nova": {"reserved-word", "content-not-text", "no-assistant"},
    "bedrock-llama": {"first-not-user", "not-alternating", "last-not-assistant", "no-assistant"},
    # A template for any role and any content teaches something else than was meant.
    "trl": {"no-assistant", "unknown-role"},
    "axolotl": set(),
    "llama-factory": {"content-not-text", "no-assistant"},
}
# The newer client passes over empty lines.
LOOSER = {("together-1", "empty lines")}
# Readers differ on which one counts.
STRICTER_EVERYWHERE = {"duplicate-key"}


def ours(check, path, consumer):
    consumer = "together" if consumer == "together-1" else consumer
    run = subprocess.run([check, path, consumer], capture_output=True, check=True)
    report = json.loads(run.stdout)
    broken = {rule["rule"] for rule in report["rules"] if rule["severity"] == "refused"}
    return report["rows"] - report["refused_rows"], broken


def theirs(consumer, path):
    try:
        return verdicts.VERDICTS[consumer](path), ""
    except Exception as error:  # Whatever it raises, it refuses the file.
        return 0, f"{type(error).__name__}: {error}".split("\n")[0][:90]


def compare(check, consumer, cases, folder):
    agreed, stricter, wrong = 0, 0, []
    for name, row in cases.items():
        path = os.path.join(folder, "rows.jsonl")
        with open(path, "wb") as file:
            file.write((row + b"\n") * REPEATS)
        accepted, broken = ours(check, path, consumer)
        accepted = accepted > 0 and not broken
        kept, words = theirs(consumer, path)
        takes = kept >= REPEATS
        if accepted == takes or (consumer, name) in LOOSER:
            agreed += 1
        elif takes and broken <= STRICTER[consumer] | STRICTER_EVERYWHERE:
            stricter += 1
        else:
            wrong.append(f"{name}: we {'take' if accepted else 'refuse'} it ({', '.join(sorted(broken))}), they "
                         f"{'take' if takes else 'refuse'} it ({words})")
    print(f"{consumer:15} agreed on {agreed}, stricter by known rules {stricter}, wrong {len(wrong)}")
    for line in wrong:
        print("   ", line)
    return not wrong


def take_whole(check, consumer, path):
    with open(path, "rb") as file:
        count = sum(1 for _ in file)
    accepted, broken = ours(check, path, consumer)
    kept, words = theirs(consumer, path)
    print(f"{consumer:15} {os.path.basename(path)}: of {count} rows we take {accepted}, they {kept} {words}")
    return accepted == kept == count and not broken


def main():
    check, *files = sys.argv[1:]
    begun = time.monotonic()
    good = True
    for consumer in verdicts.VERDICTS:
        is_bedrock = consumer.startswith("bedrock")
        if is_bedrock and not verdicts.samples_folder():
            print(f"{consumer:15} passed over: BEDROCK_SAMPLES names no clone of aws-samples/amazon-bedrock-samples")
            continue
        with tempfile.TemporaryDirectory() as folder:
            good &= compare(check, consumer, rows.BEDROCK if is_bedrock else rows.MESSAGES, folder)
        for path in files:
            if is_bedrock == (".bedrock." in os.path.basename(path)):
                good &= take_whole(check, consumer, path)
    print(f"{time.monotonic() - begun:.1f} s")
    sys.exit(not good)


if __name__ == "__main__":
    main()
