"""How to use an exported language model without this package: text for model cards."""

_CAUSAL = """import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModelForCausalLM.from_pretrained(".").eval()

def ids(text):
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

@torch.inference_mode()
def score(task, text, option):
    start = [i for i in (%(bos)s, %(prefix)s) if i is not None]
    context, written = start + ids(text), ids(option) + [tokenizer.eos_token_id]
    logits = model(torch.tensor([context + written])).logits[0, len(context) - 1 : -1]
    return float(logits.log_softmax(-1)[range(len(written)), written].sum())
"""

_PAIRS = """import torch
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

tokenizer, model = AutoTokenizer.from_pretrained("."), AutoModelForSeq2SeqLM.from_pretrained(".").eval()

def ids(text):
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]

@torch.inference_mode()
def score(task, text, option):
    start = [i for i in (%(prefix)s,) if i is not None]
    read = [*start, *ids(text), tokenizer.eos_token_id]
    written = torch.tensor([ids(option) + [tokenizer.eos_token_id]])
    logits = model(torch.tensor([read]), labels=written).logits[0]
    return float(logits.log_softmax(-1)[range(written.shape[1]), written[0]].sum())
"""


def text_usage(kind: str, *, task: str, begins: bool, prefix: bool) -> str:
    """Return Markdown with Python that ranks options.

    Args:
        kind: `causal` or `seq2seq`.
        task: Any task, for the example.
        begins: Whether a text begins with a token of its own.
        prefix: Whether a task's prefix stands in front of every input.
    """
    code = (_CAUSAL if kind == "causal" else _PAIRS) % {
        "bos": "tokenizer.bos_token_id" if begins else "None",
        "prefix": 'tokenizer.convert_tokens_to_ids(f"[task: {task}]")' if prefix else "None",
    }
    example = (
        'question = "Which is larger?\\nOptions: a mouse | a house\\nAnswer:\\n"\n'
        f'print([score("{task}", question, option) for option in ("a mouse", "a house")])'
    )
    return f"""Options are ranked with `torch`, `transformers` and `safetensors` alone, in this folder:

```python
{code}
{example}
```

A score is the log-probability of the option and of the text's end after it; the highest is the answer.
Divided by the number of tokens, end included, it is the score called `mean`."""
