"""Gives what `resonare prepare --for CONSUMER` wrote to the consumer's own code.

    python3 outputs.py RESONARE FOLDER

RESONARE is the command, FOLDER holds the folders of runs, each named EXPORT-CONSUMER-WAY. Both our check and the
consumer must take every row of it, for training or for validation; its Parquet files must have the same rows, and
the trainer's own configuration code must take the kit. Exits with 1 otherwise.
"""
import contextlib
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import verdicts  # First: it puts the stand-ins in place.

import datasets
import kits

# Of the whole file; a sample has few rows.
COUNTS = {"too-few-rows"}


def file_of(split, consumer):
    return f"{split}.bedrock.jsonl" if consumer.startswith("bedrock") else f"{split}.jsonl"


def judges(consumer):
    """The names of those that can be asked."""
    if consumer.startswith("bedrock") and not verdicts.samples_folder():
        return []
    named = {"together": ["together", "together-1"], "unsloth": ["trl"]}
    return named.get(consumer, [consumer])


def ours(resonare, folder, consumer):
    """The rows of each split that our check finds, and whether it finds them too few."""
    command = [resonare, "check", folder, f"--for={consumer}", "--json"]
    answer = json.loads(subprocess.run(command, capture_output=True).stdout)
    rows, are_few = {}, False
    for split, file in zip(["train", "validation"], answer["files"]):
        report = file["report"]
        broken = {rule["rule"] for rule in report["rules"] if rule["severity"] == "refused"} - COUNTS
        assert report["refused_rows"] == 0 and not broken, f"we refuse it: {broken}"
        rows[split] = report["rows"]
        are_few |= any(rule["rule"] in COUNTS for rule in report["rules"])
    return rows, are_few


def same_in_parquet(folder, split, cache):
    with open(os.path.join(folder, f"{split}.jsonl"), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    data = datasets.load_dataset(
        "parquet", data_files=os.path.join(folder, f"{split}.parquet"), split="train", cache_dir=cache,
    )
    without_nulls = [{"messages": [{key: value for key, value in message.items() if value is not None}
                                   for message in row["messages"]]} for row in data.to_list()]
    assert without_nulls == rows, f"the rows of {split}.parquet are others"


def check(resonare, folder):
    export, consumer_and_way = os.path.basename(folder).split("-", 1)
    consumer, way = consumer_and_way.rsplit("-", 1)
    rows, are_few = ours(resonare, folder, consumer)
    assert all(rows.values()), "there are no rows"
    assert export == "sample" or ("validation" in rows) == (way == "split"), "it is not split as it should be"
    if not are_few:
        for judge in judges(consumer):
            for split in rows:
                kept = verdicts.VERDICTS[judge](os.path.join(folder, file_of(split, consumer)))
                assert kept == rows[split], f"{judge} takes {kept} of {rows[split]} rows"
    with tempfile.TemporaryDirectory() as temporary:
        for split in rows:
            same_in_parquet(folder, split, temporary)
        # The loaders leave files of their own. A kit may name the folder.
        copy = os.path.join(temporary, os.path.basename(folder))
        shutil.copytree(folder, copy)
        datasets.config.HF_DATASETS_CACHE = temporary
        with contextlib.chdir(copy):
            found = kits.LOADERS[consumer]("some/model")
        loaded = datasets.load_dataset(copy)
    splits = {name: len(split) for name, split in loaded.items()}
    assert splits == rows, f"the folder is loaded as {splits} of {rows} rows"
    assert found is None or found == list(rows.values()), f"the kit finds {found} of {rows} rows"
    return sum(rows.values())


def main():
    resonare, parent = map(os.path.abspath, sys.argv[1:])
    folders = [os.path.dirname(path) for path in sorted(glob.glob(os.path.join(parent, "*", "train.jsonl")))]
    begun = time.monotonic()
    rows, wrong = 0, 0
    for folder in folders:
        try:
            rows += check(resonare, folder)
        except Exception as error:  # Whatever it raises, it refuses the run.
            wrong += 1
            print(f"{os.path.basename(folder)}: {type(error).__name__}: {error}")
    print(f"{len(folders)} runs, {rows} rows, {wrong} not taken, {time.monotonic() - begun:.1f} s")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
