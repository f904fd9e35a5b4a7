"""Writes a model folder that holds a tokenizer and no weights, for servers that simulate the model."""

import json
import sys
from pathlib import Path

from tokenizers import Tokenizer, models, pre_tokenizers

# The mocker emits ids up to about 2,000; an id without a word would make the answer empty.
VOCABULARY_SIZE = 4096
CONTEXT_TOKENS = 4096

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
special = ["<unk>", "<s>", "</s>"]
words = special + [f"word{index}" for index in range(VOCABULARY_SIZE - len(special))]
tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer.add_special_tokens(special)
tokenizer.save(str(folder / "tokenizer.json"))

template = "{% for message in messages %}{{ message['role'] }} {{ message['content'] }} {% endfor %}"
files = {
    "config.json": {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": VOCABULARY_SIZE,
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "intermediate_size": 128,
        "max_position_embeddings": CONTEXT_TOKENS,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "torch_dtype": "float16",
    },
    "generation_config.json": {"bos_token_id": 1, "eos_token_id": 2},
    "tokenizer_config.json": {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": "<unk>",
        "bos_token": "<s>",
        "eos_token": "</s>",
        "model_max_length": CONTEXT_TOKENS,
        "chat_template": template,
    },
}
for name, content in files.items():
    (folder / name).write_text(json.dumps(content))
