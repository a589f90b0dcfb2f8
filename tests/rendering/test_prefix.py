from pipeline.rendering.prefix import prefixes


def test_prefixes_come_in_name_order_whatever_order_the_tasks_have():
    expected = [("apples", "[task: apples]"), ("pears", "[task: pears]")]
    assert list(prefixes(["pears", "apples"]).items()) == expected
    assert list(prefixes({"apples", "pears"}).items()) == expected


def test_a_task_named_twice_has_one_prefix():
    assert prefixes(["a", "a"]) == {"a": "[task: a]"}
