"""What the consumers' own code says to a file: how many of its rows they keep.

Each function takes a path and returns the number of rows kept; an exception refuses the file.
"""
import contextlib
import importlib.util
import json
import logging
import os
import sys
import tempfile
import types

import stand_ins

# The trainers disagree on the version of `transformers`; what is used here is in all of them.
os.environ["DISABLE_VERSION_CHECK"] = "1"
stand_ins.install()

import datasets  # noqa: E402
import transformers  # noqa: E402
from axolotl.prompt_strategies.chat_template import StrategyLoader  # noqa: E402
from axolotl.utils.chat_templates import get_chat_template  # noqa: E402
from axolotl.utils.dict import DictDefault  # noqa: E402
from llamafactory.data.converter import get_dataset_converter  # noqa: E402
from llamafactory.data.parser import get_dataset_list  # noqa: E402
from together.lib.utils.files import check_file  # noqa: E402
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402
from trl.data_utils import maybe_convert_to_chatml  # noqa: E402

logging.disable(logging.WARNING)
datasets.disable_progress_bars()


def load(path):
    with tempfile.TemporaryDirectory() as cache:
        data = datasets.load_dataset("json", data_files=path, split="train", cache_dir=cache)
        return data.to_list()


def has_conversations(rows):
    return "conversations" in rows[0]


def byte_tokenizer():
    """A tokenizer of single bytes, with the turns of ChatML."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={byte: index for index, byte in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="<|im_end|>")
    fast.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    fast.chat_template = get_chat_template("chatml")
    return fast


TOKENIZER = byte_tokenizer()


def trl(path):
    rows = [maybe_convert_to_chatml(row) for row in load(path)]
    for row in rows:
        # What its trainer tokenizes.
        TOKENIZER.apply_chat_template(row["messages"], tokenize=True)
    return len(rows)


def axolotl(path, template=None):
    configuration = DictDefault({"sequence_len": 1 << 20, "train_on_inputs": False, "eot_tokens": ["<|im_end|>"], "chat_template": template or "chatml"})
    dataset = {"field_messages": "messages", "roles_to_train": ["assistant"], "train_on_eos": "turn"}
    rows = load(path)
    if has_conversations(rows):
        dataset["field_messages"] = "conversations"
        if "from" in rows[0]["conversations"][0]:
            dataset["message_property_mappings"] = {"role": "from", "content": "value"}
    strategy = StrategyLoader()(TOKENIZER, configuration, dataset)
    kept = 0
    for row in rows:
        labels = strategy.tokenize_prompt(row)["labels"]
        kept += any(label != -100 for label in labels)
    return kept


def llama_factory(path):
    info = {"resonare": {
        "file_name": path, "formatting": "sharegpt", "columns": {"messages": "messages"},
        "tags": {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"},
    }}
    rows = load(path)
    if has_conversations(rows):
        # Its defaults are for this form.
        del info["resonare"]["columns"]
        if "from" in rows[0]["conversations"][0]:
            del info["resonare"]["tags"]
    [attributes] = get_dataset_list(["resonare"], info)
    converter = get_dataset_converter(attributes.formatting, attributes, types.SimpleNamespace(media_dir=""))
    rows = [converter(row) for row in rows]
    # What its processor takes: an odd number of messages before one answer.
    return sum(len(row["_prompt"]) % 2 == 1 and len(row["_response"]) == 1 for row in rows)


def together(path):
    report = check_file(path)
    if not report["is_check_passed"]:
        raise ValueError(report["message"])
    return report["num_samples"]


def older_together():
    """The check of the client before version 2, which looked at what the service now looks at.

    It is installed in a folder of its own, since both are the package `together`.
    """
    folder = os.path.join(sys.prefix, "together-1", "together")
    current = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "together"}
    for name in current:
        del sys.modules[name]
    try:
        package, kinds = types.ModuleType("together"), types.ModuleType("together.types")
        package.__path__ = [folder]
        kinds.FilePurpose = types.SimpleNamespace(FineTune="fine-tune", Eval="eval")
        sys.modules |= {"together": package, "together.types": kinds}
        spec = importlib.util.spec_from_file_location("together_1_files", os.path.join(folder, "utils", "files.py"))
        module = importlib.util.module_from_spec(spec)
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            spec.loader.exec_module(module)
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "together"]:
            del sys.modules[name]
        sys.modules |= current
    # A bar for each file.
    module.tqdm = lambda items, **_: items
    return module.check_file


check_file_1 = older_together()


def together_1(path):
    report = check_file_1(path)
    if not report["is_check_passed"]:
        raise ValueError(report["message"])
    return report["num_samples"]


def openai(path):
    """The checks that OpenAI's cookbook prints for a file of chats, as facts."""
    keys = {"role", "content", "name", "function_call", "tool_calls", "tool_call_id", "weight"}
    roles = {"system", "user", "assistant", "function", "tool", "developer"}
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    if len(rows) < 10:
        raise ValueError("fewer than ten")

    def good(message):
        content = message.get("content")
        calls = "function_call" in message or "tool_calls" in message
        return (
            set(message) <= keys and message.get("role") in roles
            and (calls or (isinstance(content, str) and content != ""))
        )

    return sum(
        isinstance(row, dict) and isinstance(row.get("messages"), list) and row["messages"] != []
        and all(isinstance(message, dict) and good(message) for message in row["messages"])
        and any(message["role"] == "assistant" for message in row["messages"])
        for row in rows
    )


def samples_folder():
    """A clone of aws-samples/amazon-bedrock-samples; without one, Bedrock is passed over."""
    return os.environ.get("BEDROCK_SAMPLES")


def bedrock_module(name, path):
    folder = os.path.join(samples_folder(), "custom-models/bedrock-fine-tuning")
    location = os.path.join(folder, path)
    sys.path.insert(0, os.path.dirname(location))
    spec = importlib.util.spec_from_file_location(name, location)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_quietly(function, arguments):
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        function(arguments)


def bedrock_nova(path):
    module = bedrock_module("nova", "nova/understanding/dataset_validation/nova_ft_dataset_validator.py")
    run_quietly(module.validate_converse_dataset, types.SimpleNamespace(input_file=path, model_name="lite"))
    with open(path, encoding="utf-8") as file:
        return sum(1 for _ in file)


def bedrock_llama(path):
    # Its constants are enumerations that Python 3.11 has.
    module = bedrock_module("llama", "meta-llama/dataset_validation/dataset_validation.py")
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    module.validate_record_count(len(rows), "train")
    for index, row in enumerate(rows):
        module.validate_converse(row, index)
    return len(rows)


VERDICTS = {
    "trl": trl,
    "axolotl": axolotl,
    "llama-factory": llama_factory,
    "together": together,
    "together-1": together_1,
    "openai": openai,
    "bedrock-nova": bedrock_nova,
    "bedrock-llama": bedrock_llama,
}
