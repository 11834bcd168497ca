"""Converts HTML to the text that a reader sees, and back; markup is recognized by the rules of browsers."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.validation.expensive_html import flat_text, is_expensive
from importer.validation.html_text import from_text, to_text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two<br>lines</p>", "One\n\nTwo\nlines"),
        ("<div>a</div><div>b</div><div><br></div><div>c</div>", "a\nb\n\nc"),
        ("a<br><br>b<br></p>", "a\n\nb"),
        ("<p>a<br></p><p>b</p>", "a\n\nb"),
        ("<h1>Head</h1>text<hr>more", "Head\n\ntext\nmore"),
        ("  a\n   b\t<b>c</b>d  <i> e</i> ", "a b cd e"),
        ("<ul><li>One</li><li>Two<ul><li>In</li></ul></li></ul>end", "- One\n- Two\n  - In\n\nend"),
        ("<ol><li><p>a</p></li><li>b<br>c</li></ol><ol><li>d</li></ol>", "1. a\n\n2. b\n  c\n\n1. d"),
        ("<li>lost</li>", "- lost"),
        ("<ul><li></li><li>x</li></ul>", "- x"),
        ("a<blockquote>b<br>c<blockquote>d</blockquote></blockquote>e", "a\n\n> b\n> c\n\n> > d\n\ne"),
        ("<table><tr><th>A</th> <th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", "A | B\n1 | 2"),
        ("<table><tr><td></td><td> x </td><td></td></tr></table>", "x"),
        ("<pre>\na\n  b  c\n\nd</pre>e", "a\n  b  c\n\nd\n\ne"),
        ("<img src=x.png alt=Screenshot> <img src=y.png>", "Screenshot"),
        ("x<script>alert(1)</script><style>p {}</style><!-- y --><template>z</template>", "x"),
        ("<html><head><title>T</title></head><body>B</body></html>", "B"),
        ("<?xml version='1.0' encoding='utf-16'?><p>a</p>", "a"),
        ("<frameset><frame></frameset>", ""),
        ("<o:p>&nbsp;</o:p><p>Word</p>", "Word"),
    ],
)
def test_html_becomes_the_visible_text(html: str, text: str):
    """Paragraphs, line breaks, lists, quotes and tables are recognisable; invisible parts are left out."""
    assert to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<a href='https://example.com/a?b=1&amp;c=2'>here</a>.", "here (https://example.com/a?b=1&c=2)."),
        ("<a href='https://example.com/'>https://example.com</a>", "https://example.com"),
        ("<a href='mailto:mina@example.com'>mina@example.com</a>", "mina@example.com"),
        ("<a href='mailto:mina@example.com'>Mina</a>", "Mina (mailto:mina@example.com)"),
        ("<a href='https://example.com/i'><img src=i.png></a>", "(https://example.com/i)"),
        ("<a href='#top'>up</a> <a>none</a> <a href='javascript:void(0)'>js</a>", "up none js"),
    ],
)
def test_link_targets_are_kept(html: str, text: str):
    """A link's target follows its text, unless the text contains it."""
    assert to_text(html) == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("&lt;b&gt; &amp;lt; &euro; &#128512; &#x1F600; &bogus;<br>", "<b> &lt; € 😀 😀 &bogus;"),
        ("&lt;p&gt;Hello &lt;b&gt;you&lt;/b&gt;&lt;/p&gt;&lt;p&gt;a &amp;lt; b&lt;/p&gt;", "Hello you\n\na < b"),
        ("&amp;lt;div&amp;gt;a&amp;lt;br&amp;gt;b&amp;lt;/div&amp;gt;", "a\nb"),
        ("&#60;p&#62;Hello&#60;/p&#62;", "Hello"),
        ("Use the &lt;p&gt; tag", "Use the <p> tag"),
        ("&lt;mina@example.com&gt; wrote &lt;none&gt;", "<mina@example.com> wrote <none>"),
        ("<p>Write &lt;p&gt;x&lt;/p&gt;</p>", "Write <p>x</p>"),
        ("&euro; 5 &amp; more\nsecond line", "€ 5 & more\nsecond line"),
        ("a < b, 3<4 & c > d\n  e  ", "a < b, 3<4 & c > d\n  e"),
        ("plain\r\ntext\rof three", "plain\ntext\nof three"),
        ("From: Mina <mina@example.com><br>See <https://example.com/a>", "From: Mina <mina@example.com>\nSee <https://example.com/a>"),
        ("<p>unclosed <b>bold", "unclosed bold"),
        ("a</p>b<p", "a\n\nb"),
        *((empty, "") for empty in ("<p></p>", "<p>&nbsp;</p>", "<br>", "<div><br></div>", "<img src=x>", "\n \n")),
    ],
)  # fmt: skip
def test_text_that_is_not_quite_html(html: str, text: str):
    """Entities once, text without tags with its lines, addresses in angle brackets, and unpaired tags."""
    assert to_text(html) == text


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<username> forgot his password, if a<b then stop, because c", None),
        ("if a<b and c>d, or p<q", None),
        ("see <PROJ-123> for more", None),
        ("Hello <Mina Meier>\nthanks", None),
        ("<none>", None),
        ("<i/o error> and <a@example.com>, <b@example.com>", None),
        ("<3 </3 <> </> <!> <?> <-", None),
        ("<p>see <PROJ-123> if a<b</p>", "see <PROJ-123> if a<b"),
        ("Dear <b>Mr <unknown></b><br/>a<b then <i>stop</i>", "Dear Mr <unknown>\na<b then stop"),
        ('<p title="a > <b>">x</p><td nowrap>y', "x\n\ny"),
        ("<P\nCLASS='x'>One</P>two<BR /><svg viewBox='0 0 1 1'/>", "One\n\ntwo"),
        ("<i>one</i><a href='https://example.com/cut", "one"),
        ("one<a href='https://example.com/cut", None),
        ("<!-- <none> --><![if !mso]>x<![endif]><!DOCTYPE html>", "x"),
        ("<script>if (a<b) x('<none>')</script>y", "y"),
    ],
)
def test_words_that_only_look_like_tags_are_kept(cell: str, text: str | None):
    """Words in angle brackets that are no element's name stay; a cell of only such words keeps its line breaks."""
    assert to_text(cell) == (cell if text is None else text)


@pytest.mark.parametrize("part", ['<b "', "<b '\"", "<p =", "<div ", "<", "<a href='<a href=\""])
def test_unclosed_tags_take_no_time(part: str):
    """A cell of nothing else is read in a moment."""
    begun = time.process_time()
    to_text(part * 20_000)
    assert time.process_time() - begun < 5


@pytest.mark.parametrize("tag", ["b", "div", "blockquote", "ul><li", "table><tr><td"])
def test_deeply_nested_text_is_kept(tag: str):
    """Mails quoted many times nest deeper than some parsers follow."""
    assert to_text(f"<{tag}>" * 3_000 + "deep").endswith("deep")


_OPEN_LETTERS = "".join(f"<b class=c{number}>" for number in range(2_000))
_ATTRIBUTES = " ".join(f"a{number}=1" for number in range(20_000))


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 50_000 + "deep",
        "<blockquote>deep " * 40_000,
        "<ul><li>deep" * 40_000,
        "<b></i>" * 20_000 + "deep",
        f"<p>{_OPEN_LETTERS}{'<p>deep' * 2_000}",
        f"<p {_ATTRIBUTES}>deep",
    ],
    ids=["unclosed", "quotes", "lists", "never paired", "reopened letters", "attributes"],
)
def test_expensive_html_is_not_parsed(html: str):
    """HTML that would cost minutes or gigabytes still gives its words, each once."""
    assert is_expensive(html)
    text = to_text(html)
    assert text.endswith("deep")
    assert text.count("deep") == html.count("deep")
    assert len(text) <= len(html)


@pytest.mark.parametrize(
    "html",
    [
        "<p>unclosed<br>as of old <img src=x>" * 5_000,
        "<table>" + "<tr><td><b>a</b><td><font color=red>b</font>" * 5_000 + "</table>",
        "<div><blockquote>" * 200 + "<p>quoted <i>again</i></p>" * 5_000 + "</blockquote></div>" * 200,
        f"<p>Look: <img alt=Screenshot src='data:image/png;base64,{'A/+b' * 50_000}'> " + "<p>words " * 2_000,
    ],
    ids=["open paragraphs", "a large table", "a long thread", "a picture in it"],
)
def test_long_html_as_programs_write_it_is_parsed(html: str):
    """Length alone does not count as expensive: links, lists and quotes of long threads are kept."""
    assert not is_expensive(html)


def test_expensive_html_gives_only_visible_words():
    """Blocks are lines, entities are decoded, and invisible parts are left out."""
    html = (
        "<title>t</title><p>One &amp;<br>two</p> <style>p {}</style><!-- > --><ul><li>a <b>b</b>\n c</li></ul>&lt;d> <x"
    )
    assert flat_text(html) == "One &\ntwo\na b c\n<d>"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one", "<p>one</p>"),
        ("a\nb\r\nc\n\n\nd\n", "<p>a<br>b<br>c</p><p>d</p>"),
        ("<b> & \"q\" 'q'", "<p>&lt;b&gt; &amp; \"q\" 'q'</p>"),
        ("  in\n a  b", "<p>&nbsp; in<br>&nbsp;a&nbsp; b</p>"),
        ("\tx", "<p>&nbsp;&nbsp;&nbsp; x</p>"),
    ],
)
def test_text_becomes_html_that_looks_the_same(text: str, html: str):
    """Paragraphs, line breaks and blanks survive, and nothing in the text becomes markup."""
    assert from_text(text) == html


LINES = st.text(st.sampled_from("ab<>&;\"'/!= -#\n\u00e9"), max_size=40)


@settings(deadline=None)
@given(LINES)
def test_text_to_html_and_back_is_the_same_text(text: str):
    """Except for blanks at line ends, and the number of blank lines between two paragraphs."""
    lines = [line.rstrip() for line in text.split("\n")]
    expected = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    assert to_text(from_text(text)) == expected


@settings(deadline=None)
@given(st.text(st.sampled_from("ab<>&;\"'/! =\n") | st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_cell_becomes_a_text(text: str):
    """The result is always a text, and the same text every time."""
    assert to_text(text) == to_text(text)


@pytest.mark.parametrize("sign", ["=", "= ", "/ ", "<", '"', "<p ", '<p "', "<a "])
def test_very_many_signs_are_read_in_time(sign: str) -> None:
    """Long runs of signs that look like tags are read without backtracking, which would take hours."""
    assert to_text(f"<b>deep</b> <p {sign * (300_000 // len(sign))}<x of it").startswith("deep")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("<p>Hi<u1:p></u1:p></p>", "Hi"),
        ('<p><at id="0">Mina</at> hi</p>', "Mina hi"),
        ('<p>a</p><attachment id="9f"></attachment>', "a"),
        ('<p>x</p><ac:link><ri:user ri:key="1"/></ac:link>', "x"),
        ('<svg><circle cx="1"/></svg><p>x</p>', "x"),
        ("<p/ >x", "x"),
    ],
)
def test_forms_that_only_programs_write_are_tags(cell: str, text: str) -> None:
    """A prefix, an attribute in quotes, an end tag: users don't write such text."""
    assert to_text(cell) == text
