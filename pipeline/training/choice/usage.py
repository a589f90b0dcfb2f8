"""How to use an exported folder without this package: text for model cards, run by a test."""

from dataclasses import dataclass

from pipeline.training.run import TrainSettings

_IDS = 'tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]'
_START = f"""import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer

tokenizer, encoder = AutoTokenizer.from_pretrained("."), AutoModel.from_pretrained(".").eval()
head = load_file("head.safetensors")
CLS, SEP = tokenizer.cls_token_id, tokenizer.sep_token_id

def ids(text):
    return {_IDS}

@torch.inference_mode()
def score(task, context, question, choice):
    stem = [CLS, tokenizer.convert_tokens_to_ids(f"[task: {{task}}]"), *ids(context), SEP]
    asked = [*ids(question), SEP] if question else []
"""
_SCORE = """    return float(hidden @ head["scoring.score.weight"][0] + head["scoring.score.bias"][0])
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """How an encoder wants to be called."""

    types: bool
    """Whether it takes token types."""
    first_position: int
    """Number of its first position."""
    head: str = ""
    """Lines between its hidden state and the last linear layer; see `ScoringHead.usage`."""


def usage(train: TrainSettings, reader: Reader, *, task: str) -> str:
    """Return Markdown with Python that scores choices, of this layout.

    Args:
        train: Names the layout.
        reader: The encoder.
        task: Any task, for the example.
    """
    lines = _shared_context(train, reader) if train.layout == "shared_context" else _whole(reader)
    example = f'print([score("{task}", "", "Which is larger?", c) for c in ("a mouse", "a house")])'
    return f"""Choices are scored with `torch`, `transformers` and `safetensors` alone, in this folder:

```python
{_START}{lines}{reader.head}{_SCORE}
{example}
```

The highest score is the answer; a softmax over the scores of a question gives probabilities. Where the
question has a blank, put each choice into it and give that text as the choice, with an empty question.
What is longer than the model was trained on loses the end of its context first."""


def _whole(reader: Reader) -> str:
    """Lines that read stem and choice as one sequence."""
    lines = ["option = [*asked, *ids(choice), SEP]"]
    if reader.types:
        lines.append("types = torch.tensor([[0] * len(stem) + [1] * len(option)])")
    types = ", token_type_ids=types" if reader.types else ""
    lines += [
        f"states = encoder(torch.tensor([stem + option]){types})",
        "hidden = states.last_hidden_state[0, 0]",
    ]
    return "".join(f"    {line}\n" for line in lines)


def _shared_context(train: TrainSettings, reader: Reader) -> str:
    """Lines that read the stem, which does not see the choice, and the choice, which sees both.

    With a [CLS] of its own the choice is read at it; it stands where the stem's [CLS] does.
    """
    own = train.readout == "own_cls"
    places = "*range(shared), 0, *range(shared, end - 1)" if own else "*range(end)"
    first = f" + {reader.first_position}" if reader.first_position else ""
    types = "[0] * len(stem) + [1] * len(asked) + "
    types += "[0] + [1] * (len(option) - 1)" if own else "[1] * len(option)"
    lines = [
        f"option = [{'CLS, ' if own else ''}*ids(choice), SEP]",
        "shared, end = len(stem + asked), len(stem + asked + option)",
        f"places = torch.tensor([[{places}]]){first}",
        "block = torch.tensor([0] * shared + [1] * len(option))",
    ]
    lines += [f"types = torch.tensor([{types}])"] if reader.types else []
    argument = ", token_type_ids=types" if reader.types else ""
    lines += [
        "row, seen = torch.tensor([stem + asked + option]), block[:, None] >= block",
        f"states = encoder(row, attention_mask=seen[None, None], position_ids=places{argument})",
        f"hidden = states.last_hidden_state[0, {'shared' if own else '-1'}]",
    ]
    return "".join(f"    {line}\n" for line in lines)
