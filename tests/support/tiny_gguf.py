"""A real model file for real servers: llama architecture, random weights, a few hundred kilobytes.

What it says is noise; what a server does with it is not: it loads, has a chat template with tools, counts tokens, overflows.
"""

from __future__ import annotations

from pathlib import Path

VOCABULARY = 256 + 4
_LAYERS, _WIDTH, _INNER, _HEADS = 2, 64, 128, 2
_CONTROL = ("<|end|>", "<|im_start|>", "<|im_end|>", "<|pad|>")

TEMPLATE = """{%- if tools %}<|im_start|>system
You may call tools. They are:
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools>
Answer with <tool_call>
{"name": <name>, "arguments": <object>}
</tool_call> to call one.<|im_end|>
{% endif %}{%- for message in messages %}<|im_start|>{{ message.role }}
{% if message.content %}{{ message.content }}{% endif %}{%- if message.tool_calls %}{%- for call in message.tool_calls %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{%- endfor %}{% endif %}<|im_end|>
{% endfor %}{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def write_tiny_gguf(path: Path, *, context: int = 8192, seed: int = 7, name: str = "tiny") -> Path:
    """Write the model. `context` is what it says it was trained for. The same seed gives the same bytes."""
    import gguf
    import numpy as np

    random = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name(name)
    writer.add_context_length(context)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(_LAYERS)
    writer.add_feed_forward_length(_INNER)
    writer.add_head_count(_HEADS)
    writer.add_head_count_kv(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_vocab_size(VOCABULARY)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokens(writer)

    def tensor(label: str, *shape: int) -> None:
        writer.add_tensor(label, (random.standard_normal(shape) * 0.05).astype(np.float32))

    def ones(label: str) -> None:
        writer.add_tensor(label, np.ones(_WIDTH, dtype=np.float32))

    tensor("token_embd.weight", VOCABULARY, _WIDTH)
    for layer in range(_LAYERS):
        block = f"blk.{layer}"
        ones(f"{block}.attn_norm.weight")
        ones(f"{block}.ffn_norm.weight")
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"{block}.{part}.weight", _WIDTH, _WIDTH)
        tensor(f"{block}.ffn_gate.weight", _INNER, _WIDTH)
        tensor(f"{block}.ffn_up.weight", _INNER, _WIDTH)
        tensor(f"{block}.ffn_down.weight", _WIDTH, _INNER)
    ones("output_norm.weight")
    tensor("output.weight", VOCABULARY, _WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add_tokens(writer: object) -> None:
    """A token a byte, as GPT-2 writes bytes, and four that steer the chat."""
    import gguf

    assert isinstance(writer, gguf.GGUFWriter)
    letters = _byte_letters()
    normal, control = int(gguf.TokenType.NORMAL), int(gguf.TokenType.CONTROL)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list([*letters, *_CONTROL])
    writer.add_token_types([normal] * 256 + [control] * len(_CONTROL))
    # The loader wants a list of merges; this one joins nothing that is a token.
    writer.add_token_merges([f"{letters[0]} {letters[1]}"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(258)
    writer.add_pad_token_id(259)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)


def _byte_letters() -> list[str]:
    """GPT-2's printable letter for each byte, in the order of the bytes."""
    printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    letters = {byte: chr(byte) for byte in printable}
    for spare, byte in enumerate(byte for byte in range(256) if byte not in letters):
        letters[byte] = chr(256 + spare)
    return [letters[byte] for byte in range(256)]
