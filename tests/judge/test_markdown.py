"""Guidelines as HTML."""

from judge import markdown


def test_paragraphs_lists_bold_and_italic():
    text = "Read **all** first,\nthen *judge*.\n\n- one\n  goes on\n- two\nand then"

    assert markdown.render(text) == (
        "<p>Read <strong>all</strong> first,\nthen <em>judge</em>.</p>"
        "<ul><li>one\ngoes on</li><li>two</li></ul><p>and then</p>"
    )


def test_markup_in_a_guideline_is_text():
    assert markdown.render("<b>**&**</b>") == "<p>&lt;b&gt;<strong>&amp;</strong>&lt;/b&gt;</p>"


def test_a_star_between_spaces_is_a_star():
    assert markdown.render("2 * 3 * 4") == "<p>2 * 3 * 4</p>"


def test_nothing_gives_nothing():
    assert markdown.render(" \n\n ") == ""
