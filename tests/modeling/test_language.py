import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, GPTNeoXConfig, GPTNeoXForCausalLM

import pipeline.modeling.language as language
from pipeline.modeling.encoder import Architecture
from pipeline.modeling.language import LanguageModel, LineInputs, leak, segment_mask
from pipeline.modeling.language_load import EndTokens, small_language, use_flex_attention

SMALL = Architecture(2, 32, 2, 0.0)


def small(kind="causal", seed=1):
    special = EndTokens(1, 2, 0)
    return small_language(kind, SMALL, vocabulary=50, max_tokens=32, special=special, seed=seed)


def gpt2(attention="sdpa"):
    config = GPT2Config(
        vocab_size=50, n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=1,
        eos_token_id=2, attn_implementation=attention,
    )  # fmt: skip
    return LanguageModel(GPT2LMHeadModel(config), "causal")


def neox():
    config = GPTNeoXConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=32,
    )  # fmt: skip
    return LanguageModel(GPTNeoXForCausalLM(config), "causal")


@pytest.mark.parametrize(
    "model",
    [small, gpt2, neox, lambda: gpt2("eager")],
    ids=["llama", "gpt2", "neox", "gpt2-eager"],
)
def test_packed_documents_do_not_leak(model, monkeypatch):
    built = model().train()
    for name, parameter in sorted(built.named_parameters()):
        torch.manual_seed(len(name))
        torch.nn.init.normal_(parameter, std=0.2)
    assert leak(built) < 1e-5
    assert built.training
    exact = language.segment_mask
    monkeypatch.setattr(language, "segment_mask", lambda s, a: exact(s.clamp(max=1), a))
    assert leak(built) > 1e-2


def test_the_block_mask_is_the_same_mask():
    """The kernel itself needs a compiler; what it is told to look at does not."""
    segment = torch.tensor([[0, 0, 1, 1, 2, -1], [1, 1, 2, 2, 2, 2]])
    block = segment_mask(segment, "flex_attention")
    index = [torch.arange(6)[:, None], torch.arange(6)[None]]
    for line in range(2):
        told = block.mask_mod(torch.tensor(line), torch.tensor(0), *index)
        assert torch.equal(told, segment_mask(segment, "sdpa")[line, 0])


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_flex_attention_gives_the_costs_of_the_dense_mask():
    """Compiles for the CPU; the forward pass alone, since PyTorch has no backward for it there."""
    dense, flex = small().eval(), small().eval()
    use_flex_attention(flex)
    assert flex.transformer.config._attn_implementation == "flex_attention"
    ids = torch.arange(4, 36)[None]
    place = torch.cat([torch.arange(12), torch.arange(20)])[None]
    segment = torch.tensor([[1] * 12 + [2] * 20])
    at = torch.tensor([0, 5, 11, 12, 30])
    inputs = LineInputs(ids, place, segment, torch.zeros_like(at), at, ids[0, at + 1])
    with torch.inference_mode():
        torch.testing.assert_close(flex(inputs).cost_M, dense(inputs).cost_M, rtol=0, atol=1e-5)


def test_the_mask_keeps_segments_apart_and_lets_all_see_what_is_shared():
    seen = segment_mask(torch.tensor([[0, 0, 1, 2, 2, -1]]), "sdpa")
    assert seen[0, 0].int().tolist() == [
        [1, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0],
        [1, 1, 0, 1, 0, 0],
        [1, 1, 0, 1, 1, 0],
        [1, 1, 0, 0, 0, 1],
    ]
    added = segment_mask(torch.tensor([[1, 2]]), "eager")
    lowest = torch.finfo(torch.float32).min
    assert added[0, 0].tolist() == [[0.0, lowest], [lowest, 0.0]]


def test_costs_are_those_of_the_model_s_own_logits():
    model = gpt2().eval()
    ids = torch.tensor([[5, 6, 7, 8], [9, 10, 11, 0]])
    place = torch.arange(4).expand(2, 4)
    segment = torch.tensor([[1, 1, 1, 1], [1, 1, 1, -1]])
    line, at, answer = torch.tensor([0, 0, 1]), torch.tensor([1, 2, 1]), torch.tensor([7, 8, 11])
    found = model(LineInputs(ids, place, segment, line, at, answer))
    logits = model.transformer(ids).logits
    assert logits.shape == (2, 4, 50)  # without asked places the head gives all
    expected = -logits.log_softmax(-1)[line, at, answer]
    torch.testing.assert_close(found.cost_M, expected)
    assert found.top_M.tolist() == (logits[line, at].argmax(-1) == answer).tolist()


@pytest.mark.parametrize("kind", ["causal", "seq2seq"])
def test_tied_weights_are_in_the_state_once(kind):
    model, other = small(kind), small(kind, seed=2)
    state = model.state_dict()
    pointers = [value.data_ptr() for value in state.values()]
    assert len(set(pointers)) == len(pointers)
    table = model.embeddings.weight
    assert model.transformer.get_output_embeddings().weight is table
    assert (
        sum(value is table or value.data_ptr() == table.data_ptr() for value in state.values()) == 1
    )
    assert not torch.equal(other.embeddings.weight, table)
    other.load_state_dict(state)
    assert torch.equal(other.embeddings.weight, table)
    assert other.transformer.get_output_embeddings().weight is other.embeddings.weight
    named = language.trained_parameters(model)
    assert list(named) == sorted(named)
    assert sum(p is table for p in named.values()) == 1
