"""Loads the kits with the trainers' own configuration code, and counts the rows that they find.

    python3 kits.py KIT TRAIN

KIT is the program `target/*/examples/kit`, TRAIN a `train.jsonl`.
"""
import contextlib
import dataclasses
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

import verdicts  # First: it puts the stand-ins in place.

import botocore.loaders
import botocore.model
import botocore.validate
import datasets
import yaml
from axolotl.utils.dict import DictDefault
from axolotl.utils.schemas.config import AxolotlInputConfig
from llamafactory.data.parser import get_dataset_list
from llamafactory.data.template import TEMPLATES
from llamafactory.hparams import DataArguments, FinetuningArguments, GeneratingArguments, ModelArguments
from transformers import Seq2SeqTrainingArguments
from trl import ModelConfig, ScriptArguments, SFTConfig
from trl.scripts.utils import DatasetMixtureConfig, TrlParser

MODELS = {
    "trl": ["meta-llama/Llama-3.2-1B"],
    "unsloth": ["meta-llama/Llama-3.2-1B", "some/model"],
    "axolotl": ["meta-llama/Llama-3.2-1B", "Qwen/Qwen2.5-0.5B", "Qwen/Qwen3-8B", "google/gemma-2-2b", "google/gemma-3-4b-it",
                "mistralai/Mistral-7B-v0.3", "microsoft/phi-4", "microsoft/Phi-4-mini-instruct", "microsoft/Phi-3-mini-4k-instruct", "some/model"],
    "bedrock-nova": ["meta-llama/Llama-3.2-1B"],
    "bedrock-llama": ["meta-llama/Llama-3.2-1B"],
    "together": ["meta-llama/Llama-3.2-1B"],
    "openai": ["gpt-4o-mini"],
}
MODELS["llama-factory"] = MODELS["axolotl"]
# Whose words are learned, and whether there is a validation file.
VARIANTS = [("assistant", False), ("assistant", True), ("all", False)]


def read_yaml(name):
    with open(name, encoding="utf-8") as file:
        return yaml.safe_load(file)


def only_fields_of(configuration, classes):
    known = {field.name for kind in classes for field in dataclasses.fields(kind)}
    unknown = set(configuration) - known
    assert not unknown, f"unknown keys: {unknown}"


def trl(_):
    # Without torch, the training arguments of `transformers` can't be made: their names are compared,
    # and the rest is parsed.
    configuration = read_yaml("trl.yaml")
    only_fields_of(configuration, [ScriptArguments, SFTConfig, ModelConfig, DatasetMixtureConfig])
    mixture = {key: configuration[key] for key in configuration if key in {"datasets", "dataset_name", "dataset_test_split"}}
    with open("mixture.yaml", "w", encoding="utf-8") as file:
        yaml.safe_dump(mixture, file)
    parser = TrlParser((ScriptArguments, DatasetMixtureConfig))
    script, listed = parser.parse_args_and_config(["--config", "mixture.yaml"])
    if listed.datasets:
        [entry] = listed.datasets
        return [len(datasets.load_dataset(entry.path, data_files=entry.data_files, split=entry.split))]
    loaded = datasets.load_dataset(script.dataset_name)
    return [len(loaded[script.dataset_train_split]), len(loaded[script.dataset_test_split])]


def axolotl(_):
    configuration = read_yaml("axolotl.yaml")
    known = AxolotlInputConfig.model_fields
    assert set(configuration) <= set(known), set(configuration) - set(known)
    with contextlib.redirect_stdout(io.StringIO()):
        read = AxolotlInputConfig(**DictDefault(configuration)).model_dump(exclude_none=True)
    entries = [*read["datasets"], *read.get("test_datasets", [])]
    return [len(datasets.load_dataset(entry["ds_type"], data_files=entry["path"], split=entry["split"])) for entry in entries]


def llama_factory(model):
    configuration = read_yaml("llama-factory.yaml")
    only_fields_of(configuration, [ModelArguments, DataArguments, FinetuningArguments, GeneratingArguments, Seq2SeqTrainingArguments])
    if model != "some/model":
        assert configuration["template"] in TEMPLATES, configuration["template"]
    names = [configuration[key] for key in ("dataset", "eval_dataset") if key in configuration]
    return [len(datasets.load_dataset("json", data_files=entry.dataset_name, split=entry.split))
            for entry in get_dataset_list(names, ".")]


def bedrock(_):
    with open("bedrock-job.json", encoding="utf-8") as file:
        job = json.load(file)
    description = botocore.loaders.Loader().load_service_model("bedrock", "service-2")
    operation = botocore.model.ServiceModel(description).operation_model("CreateModelCustomizationJob")
    report = botocore.validate.ParamValidator().validate(job, operation.input_shape)
    assert not report.has_errors(), report.generate_report()


def unsloth(_):
    with open("unsloth_sft.py", encoding="utf-8") as file:
        compile(file.read(), "unsloth_sft.py", "exec")


def together(_):
    subprocess.run(["sh", "-n", "together.sh"], check=True)


LOADERS = {
    "trl": trl, "axolotl": axolotl, "llama-factory": llama_factory, "bedrock-nova": bedrock, "bedrock-llama": bedrock,
    "unsloth": unsloth, "together": together, "openai": lambda _: None,
}


def check(kit, train, consumer, model, loss, has_validation):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(train, os.path.join(folder, "train.jsonl"))
        # Another file of a run's folder, which no loader must take for data.
        with open(os.path.join(folder, "processed.json"), "w", encoding="utf-8") as file:
            file.write("[]")
        names = ["train.jsonl"]
        if has_validation:
            shutil.copy(train, os.path.join(folder, "validation.jsonl"))
            names.append("validation.jsonl")
        os.chdir(folder)
        datasets.config.HF_DATASETS_CACHE = os.path.join(folder, "cache")
        subprocess.run([kit, consumer, model, loss, *names], check=True)
        with open("train.jsonl", "rb") as file:
            rows = sum(1 for _ in file)
        found = LOADERS[consumer](model)
        assert found is None or found == [rows] * len(names), f"{found} of {rows}"
        card = datasets.load_dataset(folder)
        splits = {name: len(split) for name, split in card.items()}
        wanted = {"train": rows} | ({"validation": rows} if has_validation else {})
        assert splits == wanted, splits
        os.chdir("/")


def main():
    kit, train = map(os.path.abspath, sys.argv[1:])
    begun = time.monotonic()
    good = True
    for consumer, models in MODELS.items():
        for model in models:
            for loss, has_validation in VARIANTS:
                try:
                    check(kit, train, consumer, model, loss, has_validation)
                except Exception as error:  # Whatever it raises, the kit is not taken.
                    good = False
                    print(f"{consumer:15} {model}: {type(error).__name__}: {error}")
        print(f"{consumer:15} {len(models)} models, with and without a validation file, for both losses")
    print(f"{time.monotonic() - begun:.1f} s")
    sys.exit(not good)


if __name__ == "__main__":
    main()
