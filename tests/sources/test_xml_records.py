import pytest

from pipeline.errors import SourceError
from pipeline.sources.xml_records import read_xml


def read(text, element="item", encoding=None):
    data = text if isinstance(text, bytes) else text.encode()
    return read_xml(data, element=element, encoding=encoding, where="t.xml")


PAIRS = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE corpus SYSTEM "corpus.dtd">
<corpus version="1.0">
  <item id="1" asks-for="cause"><p>One &amp; two.</p><a1>x</a1><a2/></item>
  <item id="2"><p>
    Three.
  </p><a1>y</a1><a2>z</a2></item>
</corpus>"""


def test_attributes_and_children_of_an_element_are_columns():
    assert read(PAIRS).frame.to_dicts() == [
        {"@id": "1", "@asks-for": "cause", "p": "One & two.", "a1": "x", "a2": "",
         "corpus": {"@version": "1.0"}, "__row__": 0},
        {"@id": "2", "@asks-for": None, "p": "Three.", "a1": "y", "a2": "z",
         "corpus": {"@version": "1.0"}, "__row__": 1},
    ]  # fmt: skip


QUESTIONS = """<data><text id="f1"><body>B1</body><questions>
 <q id="0">How?<a ok="yes">1</a><a>2</a></q><q id="1">Why?<a>3</a></q></questions></text>
 <text id="f2"><body>B2</body><questions><q id="2">Who?</q></questions></text></data>"""


def test_what_lies_around_an_element_stays_at_its_path():
    frame = read(QUESTIONS, "q").frame
    assert frame["data"].to_list() == [
        {"text": {"@id": "f1", "body": "B1"}},
        {"text": {"@id": "f1", "body": "B1"}},
        {"text": {"@id": "f2", "body": "B2"}},
    ]
    assert frame["#text"].to_list() == ["How?", "Why?", "Who?"]


def test_a_child_that_repeats_anywhere_is_a_list_everywhere():
    assert read(QUESTIONS, "q").frame["a"].to_list() == [
        [{"@ok": "yes", "#text": "1"}, {"@ok": None, "#text": "2"}],
        [{"@ok": None, "#text": "3"}],
        [],
    ]


def test_repeated_children_of_text_alone_are_a_list_of_texts():
    frame = read("<d><item><c>x</c><c>y</c></item><item><c>z</c></item></d>").frame
    assert frame["c"].to_list() == [["x", "y"], ["z"]]


def test_a_single_record_is_a_record():
    assert read("<d><item><p>x</p></item></d>").frame["p"].to_list() == ["x"]


def test_the_root_itself_may_be_the_record():
    assert read("<item a='1'>x</item>").frame.rows() == [("1", "x", 0)]


def test_elements_of_text_alone_are_records():
    assert read("<d><item>x</item><item>y</item></d>").frame["d"].to_list() == [
        {"item": "x"},
        {"item": "y"},
    ]


def test_the_declared_encoding_counts_unless_the_card_names_one():
    text = "<?xml version='1.0' encoding='iso-8859-1'?><d><item a='\u00e9'/></d>"
    assert read(text.encode("latin-1")).frame["@a"][0] == "\u00e9"
    assert read(text.encode(), encoding="utf-8").frame["@a"][0] == "\u00e9"


def test_a_named_character_of_html_is_that_character():
    text = '<!DOCTYPE d SYSTEM "d.dtd"><d><item><p>a&eacute;b</p></item></d>'
    assert read(text).frame["p"][0] == "a\u00e9b"


def test_text_that_elements_interrupt_is_read_in_order():
    text = "<d><item>the <b>big</b> <i>red</i> dog</item><item>a <b>cat</b></item></d>"
    assert read(text).frame["#text"].to_list() == ["the big red dog", "a cat"]


def test_a_question_before_its_answers_does_not_hold_them():
    text = "<d><item>Who? <a>Ann</a> <a>Bob</a></item></d>"
    assert read(text).frame["#text"].to_list() == ["Who?"]


def test_names_keep_the_prefix_of_their_namespace():
    text = '<d xmlns="u" xmlns:q="v"><item q:a="1" xml:lang="en"><q:b>x</q:b></item></d>'
    assert read(text).frame.columns == ["@q:a", "@xml:lang", "q:b", "__row__"]


def test_entities_that_multiply_are_refused():
    inner = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 9))
    text = f'<!DOCTYPE d [<!ENTITY a0 "ha">{inner}]><d><item a="&a8;"/></d>'
    with pytest.raises(SourceError, match="amplification"):
        read(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE d [<!ENTITY x "boom">]><d><item>&x;</item></d>', "declares the entity 'x'"),
        ('<!DOCTYPE d [<!ENTITY x SYSTEM "/etc/passwd">]><d/>', "declares the entity 'x'"),
        ('<!DOCTYPE d [<!ENTITY % x SYSTEM "x.dtd"> %x;]><d/>', "declares the entity 'x'"),
        ('<!DOCTYPE d SYSTEM "d.dtd"><d><item>&nope;</item></d>', "entity '&nope;' is not defined"),
        ("<d><item>", "t.xml: not well-formed XML: Premature end of data in tag item line 1"),
        ("<d><item>a & b</item></d>", "not well-formed"),
        (b"<d><item>\xff</item></d>", "not well-formed XML: Invalid bytes in character encoding"),
        ("<d>" * 300 + "</d>" * 300, "Excessive depth in document: 256"),
        ("<?xml version='1.0' encoding='nonsense'?><d/>", "Unsupported encoding: nonsense"),
        (
            '<!DOCTYPE d SYSTEM "d.dtd"><d><item a="x &eacute;"/></d>',
            "an attribute holds an entity that is not defined",
        ),
        ("<d><x><item/></x><item/></d>", "occurs in several places: d/item, d/x/item"),
    ],
)
def test_unsafe_or_broken_xml_is_an_error(text, message):
    with pytest.raises(SourceError) as error:
        read(text)
    assert message in str(error.value)


def test_a_missing_element_gets_the_nearest_name():
    with pytest.raises(SourceError) as error:
        read(PAIRS, "itm")
    assert "no element named 'itm'" in str(error.value)
    assert error.value.remedy == "set `element` on the card; did you mean 'item'?"


def test_a_card_without_element_is_told_which_there_are():
    with pytest.raises(SourceError) as error:
        read(PAIRS, None)
    assert "known: a1, a2, corpus, item, p" in str(error.value)
