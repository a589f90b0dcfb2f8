"""The schemas are a contract: a change of one must be deliberate."""

from pipeline import schema
from pipeline.contract.order import ORDER


def test_the_example_schema_is_as_agreed():
    assert schema.VERSION == 1
    assert [(f.name, str(f.type), f.nullable) for f in schema.EXAMPLE] == [
        ("example_id", "string", False),
        ("task", "dictionary<values=string, indices=int32, ordered=0>", False),
        ("form", "dictionary<values=string, indices=int32, ordered=0>", False),
        ("context", "string", False),
        ("question", "string", False),
        ("choices", "list<item: string>", False),
        ("label", "int32", True),
        ("target", "string", True),
        ("labels", "list<item: int32>", True),
        ("prefix", "dictionary<values=string, indices=int32, ordered=0>", False),
        ("content_hash", "fixed_size_binary[16]", False),
    ]


def test_a_position_of_an_order_takes_five_bytes():
    assert sum(field.type.bit_width for field in ORDER) == 40


def test_the_prefix_names_the_task():
    assert schema.prefix_token("sums") == "[task: sums]"
