"""The HTML report, as `validate` writes it, in a real browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from importer import __version__
from tests.cli.shop import MAPPING, Shop, good_row
from tests.reports.browser import Screen, Tab, tab

EVIL = "</script><script>document.title = 'taken'</script><img src=http://example.com/x onerror=alert(1)>"
ROWS = [
    good_row(1),
    ("00002", "", "wip", "b@example.com"),
    ("00003", EVIL, "wip", "c@example.com"),
    ("00004", "A blank that can't be seen", "Open\u00a0", "d@example.com"),
    ("00001", "The first row's key", "Open", "e@example.com"),
    ("00006", "Too many", "Open", "f@example.com", "a cell more"),
    ("00007", "No address", "Open", "not an address"),
]
# (row, column, code), in the manifest's order
FOUND = [
    ("Row 3 · Subject", "missing-value"),
    ("Row 3 · State", "not-allowed"),
    ("Row 4 · State", "not-allowed"),
    ("Row 5 · State", "not-allowed"),
    ("Row 6 · ID", "duplicate-key"),
    ("Row 7", "too-many-cells"),
    ("Row 8 · Email", "not-an-email"),
]
NARROW = Screen(width=420, height=800)


def look(
    shop: Shop,
    address: str,
    steps: Callable[[Tab], Awaitable[None]],
    *,
    screen: Screen | None = None,
    name: str = "tickets.csv",
    flags: tuple[str, ...] = (),
) -> None:
    """Write the report, open it and follow some steps; the page must cause no error and no request."""
    ended = shop.do("validate", name, "-m", "mapping.yaml", "--report", "problems.html", *flags)
    assert ended.code in (0, 1), ended.err

    async def go() -> None:
        async with opened(address, shop.path("problems.html").as_uri(), screen) as page:
            await steps(page)

    asyncio.run(go())


@asynccontextmanager
async def opened(address: str, url: str, screen: Screen | None = None) -> AsyncIterator[Tab]:
    async with tab(address, screen) as page:
        await page.open(url)
        await page.until("document.querySelector('#counts').innerText")
        yield page
        assert page.complaints == []
        assert page.requests == [url]


@pytest.fixture
def manifest(shop: Shop) -> None:
    """A manifest with problems of many kinds."""
    shop.manifest(ROWS)


async def listed(page: Tab) -> list[tuple[str, str]]:
    """Return the place and the code of each problem in the list."""
    await page.until(
        "document.querySelector('.item') || document.querySelector('#status').innerText.startsWith('0 of')"
    )
    places = await page.texts(".item .where")
    return list(zip(places, await page.texts(".item .code"), strict=True))


@pytest.mark.usefixtures("manifest")
def test_the_page_shows_the_files_and_the_counts(shop: Shop, browser_address: str):
    """The head has the file, its format, the version and the time; the list has every problem in the manifest's order."""

    async def steps(page: Tab) -> None:
        assert await page.value("document.title") == "Problems in tickets.csv"
        assert await page.text("#counts") == "7 problems in 6 of 7 rows."
        facts = " ".join((await page.text("#facts")).split())
        assert re.search(
            r"Manifest tickets\.csv Format CSV.*UTF-8, comma-separated Mapping mapping\.yaml Checked 20\d\d-", facts
        )
        assert __version__ in facts
        assert await listed(page) == FOUND
        assert await page.texts(".card h3") == [
            "State: 'wip' and 1 other value in 3 rows",
            "Subject: empty in row 3",
            "ID: '00001' in row 6",
            "Too many cells in row 7",
            "Email: 'not an address' in row 8",
        ]

    look(shop, browser_address, steps)


@pytest.mark.usefixtures("manifest")
def test_a_card_has_everything_about_a_kind(shop: Shop, browser_address: str):
    """A card shows name, code, advice, all values and the YAML at once; its values and its button filter the list."""

    async def steps(page: Tab) -> None:
        card = (await page.texts(".card"))[0]
        assert "value not allowed not-allowed · 3 problems" in card
        assert card.count("add the value to values") == 1
        assert await page.texts(".card:first-child .values button") == ["wip2", "OpenNBSP1"]
        assert "Or replace the rule of 'State' in mapping.yaml, line 8, and fill in 1 value:" in card
        assert "wip:  # 2 rows" in await page.text(".card:first-child pre")
        await page.click(".card .show", "Show its 3 rows")
        await page.until("document.activeElement.id == 'list'")
        assert await listed(page) == [each for each in FOUND if each[1] == "not-allowed"]
        await page.click(".values button", "NBSP")
        await page.until("document.querySelectorAll('.item').length == 1")
        assert await listed(page) == [("Row 5 · State", "not-allowed")]
        assert await page.text("#status") == "1 of 7 problems, those with the value OpenNBSP"
        assert await page.texts(".values [aria-pressed=true]") == ["OpenNBSP1"]
        await page.click("#show-all")
        assert await listed(page) == FOUND
        await page.value(
            "(() => { const it = document.querySelector('#kind'); it.selectedIndex = 2; it.dispatchEvent(new Event('change')) })()"
        )
        assert await listed(page) == [("Row 3 · Subject", "missing-value")]

    look(shop, browser_address, steps)


@pytest.mark.usefixtures("manifest")
def test_the_yaml_is_copied(shop: Shop, browser_address: str):
    """The button copies the lines unchanged, or selects them where the page may not write to the clipboard."""

    async def steps(page: Tab) -> None:
        lines = await page.text(".card pre")
        copied = "(navigator.clipboard.writeText = async text => { window.copied = text })"
        await page.value(f"{copied} && 0")
        await page.click(".card .small", "Copy")
        await page.until("document.querySelector('.card .small').innerText == 'Copied'")
        assert await page.value("window.copied") == lines
        await page.value("(navigator.clipboard.writeText = async () => { throw Error('forbidden') }) && 0")
        await page.value("(document.execCommand = () => false) && 0")
        await page.click(".card .small", "Copied")
        await page.until("document.querySelector('.card .small').innerText == 'Selected: press Ctrl+C'")
        assert await page.value("String(getSelection())") == lines
        await page.click("#all-fixes button")
        await page.until("document.querySelector('#all-fixes pre')")
        whole = await page.text("#all-fixes pre")
        assert whole.startswith('version: 1\ninclude: "mapping.yaml"\ncolumns:\n  State:\n')
        shop.path("fixed.yaml").write_text(
            whole.replace("wip: ", "wip: Open").replace("default:", "default: None"), "utf-8"
        )
        assert "duplicates: first" in whole

    look(shop, browser_address, steps)
    ended = shop.do("validate", "tickets.csv", "-m", "fixed.yaml")
    assert "rows         7: 2 rejected\n" in ended.out, "only too many cells and no address are left"


def test_many_kinds_and_values_are_unfolded(shop: Shop, browser_address: str):
    """At first a page has 30 cards with 12 values each; buttons, which move the focus to the next one, show the rest."""
    columns = [f"Column {number}" for number in range(40)]
    rules = "\n".join(f"  {column}: {{field: CustomData.C{at}, one_of: [Open]}}" for at, column in enumerate(columns))
    shop.path("mapping.yaml").write_text(
        f"version: 1\nsource: s\nkey: ID\ncolumns:\n  ID: CustomData.Id\n  E: LeadDetail.EmailAddress\n{rules}\n",
        encoding="utf-8",
    )
    rows = [",".join([str(row), "a@example.com", *[f"v{row}"] * 40]) for row in range(20)]
    shop.path("wide.csv").write_text("\n".join([",".join(["ID", "E", *columns]), *rows, ""]), encoding="utf-8")

    async def steps(page: Tab) -> None:
        assert await page.value("document.querySelectorAll('.card').length") == 30
        await page.value("document.querySelector('#more-kinds').focus()")
        await page.press("Enter")
        assert await page.value("document.querySelectorAll('.card').length") == 40
        assert await page.value("document.activeElement.closest('.card') == document.querySelectorAll('.card')[30]")
        assert await page.value("document.querySelector('#more-kinds').hidden")
        assert (await page.texts(".card:first-child .values button"))[12:] == ["and 8 more"]
        await page.click(".card:first-child .more")
        assert len(await page.texts(".card:first-child .values button")) == 20
        assert await page.value("document.activeElement.innerText") == "v121"

    look(shop, browser_address, steps, name="wide.csv")


@pytest.mark.usefixtures("manifest")
def test_columns_and_text_are_searched(shop: Shop, browser_address: str):
    """A column filters its problems; a text is found in all cells of a row, in messages and in codes."""

    async def steps(page: Tab) -> None:
        await page.value(
            "(() => { const it = document.querySelector('#column'); it.value = '=State'; it.dispatchEvent(new Event('change')) })()"
        )
        assert await listed(page) == [each for each in FOUND if "State" in each[0]]
        await page.click("#show-all")
        await page.press("/")
        await page.type("B@EXAMPLE.com")
        await page.until("document.querySelector('#status').innerText == '2 of 7 problems'")
        assert await listed(page) == FOUND[:2]
        await page.value("document.querySelector('#search').select()")
        await page.type("duplicate-key")
        await page.until("document.querySelector('#status').innerText == '1 of 7 problems'")
        assert await listed(page) == [("Row 6 · ID", "duplicate-key")]
        await page.value("document.querySelector('#search').select()")
        await page.type("nowhere to be found")
        await page.until("document.querySelector('#status').innerText == '0 of 7 problems'")
        assert await page.text("#row-body") == "No problem matches the filters."

    look(shop, browser_address, steps)


@pytest.mark.usefixtures("manifest")
def test_a_row_is_shown_with_its_problems_highlighted(shop: Shop, browser_address: str):
    """The pane shows all cells of a row, the wrong ones highlighted, all its problems, and what to do."""

    async def steps(page: Tab) -> None:
        await page.click(".item", "Row 3 · State")
        await page.until("document.querySelector('#row-title').innerText.toLowerCase() == 'row 3'")
        assert await page.texts("#row tr th") == ["ID", "Subject", "State", "Email"]
        assert await page.texts("#row tr td") == ["00002", "empty", "wip", "b@example.com"]
        assert await page.texts("#row tr.wrong th") == ["Subject", "State"]
        assert await page.texts("#row mark") == ["empty", "wip"]
        assert await page.texts("#row .problem .name + .code") == ["missing-value", "not-allowed"]
        assert "Fill the cell" in await page.text("#row .problem")
        await page.click(".item", "Row 7")
        await page.until("document.querySelector('#row-title').innerText.toLowerCase() == 'row 7'")
        assert await page.texts("#row tr.wrong") == ["cell 5, without a column\ta cell more"]

    look(shop, browser_address, steps)


@pytest.mark.usefixtures("manifest")
def test_cells_never_become_markup(shop: Shop, browser_address: str):
    """Tags, scripts and pictures in a cell are shown as text; nothing runs or loads."""

    async def steps(page: Tab) -> None:
        await page.click(".item", "Row 4")
        await page.until("document.querySelector('#row-title').innerText.toLowerCase() == 'row 4'")
        assert EVIL in await page.texts("#row td")
        assert await page.value("document.title") == "Problems in tickets.csv"
        assert await page.value("document.images.length") == 0

    look(shop, browser_address, steps)


@pytest.mark.usefixtures("manifest")
def test_the_pages_policy_forbids_foreign_content(shop: Shop, browser_address: str):
    """A script that is added to the page does not run, and the page can't send anything."""

    async def steps(page: Tab) -> None:
        await page.value(
            "(() => { const it = document.createElement('script'); it.textContent = 'document.title = 1'; document.body.append(it) })()"
        )
        assert await page.value("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'refused')") == "refused"
        assert await page.value("document.title") == "Problems in tickets.csv"
        assert len(page.complaints) >= 2
        assert all("Content Security Policy" in each for each in page.complaints)
        page.complaints.clear()

    look(shop, browser_address, steps)


@pytest.mark.usefixtures("manifest")
def test_the_keyboard_reaches_everything(shop: Shop, browser_address: str):
    """Arrows, Home and End move through the list, Enter goes to the row, and Escape back to the list.

    A screen reader gets the position and the number of items. What scrolls can have the focus.
    """

    async def steps(page: Tab) -> None:
        await page.value("document.querySelector('#list').focus()")
        await page.press("ArrowDown", "ArrowDown")
        chosen = "document.getElementById(document.querySelector('#list').getAttribute('aria-activedescendant'))"
        assert await page.value(f"{chosen}.querySelector('.where').innerText") == "Row 4 · State"
        await page.press("End")
        assert (
            await page.value(
                f"[{chosen}.getAttribute('aria-posinset'), {chosen}.getAttribute('aria-setsize')].join(' of ')"
            )
            == "7 of 7"
        )
        await page.press("Home")
        assert await page.value(f"{chosen}.getAttribute('aria-selected')") == "true"
        await page.press("Enter")
        assert await page.value("document.activeElement.id") == "row"
        await page.press("Escape")
        assert await page.value("document.activeElement.id") == "list"
        assert await page.value("[...document.querySelectorAll('#row, .fix pre')].every(each => each.tabIndex === 0)")
        unnamed = "[...document.querySelectorAll('input, select, button, nav, section, aside, [role=listbox]')].filter(each => !(each.innerText || each.labels?.length || each.getAttribute('aria-labelledby'))).map(each => each.id)"
        assert await page.value(unnamed) == []

    look(shop, browser_address, steps)


@pytest.mark.usefixtures("manifest")
def test_a_narrow_screen_shows_everything(shop: Shop, browser_address: str):
    """Nothing is wider than a phone; a row opens over the list, and closes by its button and by Escape."""

    async def steps(page: Tab) -> None:
        assert await page.value("document.documentElement.scrollWidth") <= NARROW.width
        cards = "[...document.querySelectorAll('#kinds, .card, .values')]"
        assert await page.value(f"{cards}.every(each => each.scrollHeight <= each.clientHeight + 1)")
        assert await page.value(f"{cards}.every(each => each.getBoundingClientRect().right <= {NARROW.width})")
        await page.click(".item", "Row 3 · State")
        await page.until("document.querySelector('#row').classList.contains('open')")
        assert await page.value("document.activeElement.id") == "close"
        assert await page.value("document.documentElement.scrollWidth") <= NARROW.width
        await page.click("#close")
        assert await page.value("getComputedStyle(document.querySelector('#row')).display") == "none"
        await page.press("Enter")
        assert await page.value("getComputedStyle(document.querySelector('#row')).display") == "block"
        await page.press("Escape")
        assert await page.value("getComputedStyle(document.querySelector('#row')).display") == "none"

    look(shop, browser_address, steps, screen=NARROW)


@pytest.mark.usefixtures("manifest")
def test_the_page_prints_the_listed_problems(shop: Shop, browser_address: str):
    """The print has all cards and a table of the listed problems, without buttons and scrolling boxes."""

    async def steps(page: Tab) -> None:
        await page.click(".card .show")
        await page.until("document.querySelectorAll('.item').length == 3")
        await page.value("dispatchEvent(new Event('beforeprint'))")
        await page.call("Emulation.setEmulatedMedia", media="print")
        assert [text.split("\t")[:3] for text in await page.texts("#paper tbody tr")] == [
            ["3", "State", "not-allowed"],
            ["4", "State", "not-allowed"],
            ["5", "State", "not-allowed"],
        ]
        assert len(await page.texts(".card")) == 5
        assert "wip:  # 2 rows" in await page.text(".card pre")
        assert await page.value("getComputedStyle(document.querySelector('#found')).display") == "none"
        buttons = "[...document.querySelectorAll('.button')].filter(each => each.offsetParent).length"
        assert await page.value(buttons) == 0
        assert (await page.pdf()).startswith(b"%PDF")

    look(shop, browser_address, steps)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.usefixtures("manifest")
def test_texts_can_be_read_in_light_and_dark(shop: Shop, browser_address: str, scheme: str):
    """Every text has a contrast of at least 4.5 : 1 with its background (WCAG 2, AA)."""
    script = """(() => {
      const light = colour => { const part = colour.match(/[\\d.]+/g).slice(0, 3).map(each => each / 255)
        .map(each => each <= .04045 ? each / 12.92 : ((each + .055) / 1.055) ** 2.4);
        return .2126 * part[0] + .7152 * part[1] + .0722 * part[2] };
      const behind = each => { for (; each; each = each.parentElement) {
        const colour = getComputedStyle(each).backgroundColor; if (!/, 0\\)$/.test(colour)) return colour } };
      const texts = [...document.querySelectorAll('body *')].filter(each =>
        each.offsetParent && [...each.childNodes].some(child => child.nodeType === 3 && child.data.trim()));
      return texts.map(each => { const both = [light(getComputedStyle(each).color), light(behind(each))].sort((a, b) => b - a);
        return [(both[0] + .05) / (both[1] + .05), each.className + ' ' + each.innerText] }).sort((a, b) => a[0] - b[0])
    })()"""

    async def steps(page: Tab) -> None:
        await page.click(".values button")
        await page.until("document.querySelector('#row td') && document.activeElement.id == 'list'")
        contrasts = await page.value(script)
        assert len(contrasts) > 30
        assert contrasts[0][0] >= 4.5, contrasts[0]

    look(shop, browser_address, steps, screen=Screen(scheme=scheme))


def test_only_visible_items_are_in_the_page(shop: Shop, browser_address: str):
    """Few of thousands of problems are in the page; the end of the list can be reached, read and filtered."""
    shop.manifest([(f"{number:05}", "s", f"wrong {number}", f"{number}@example.com") for number in range(1, 5_001)])

    async def steps(page: Tab) -> None:
        await page.until("document.querySelectorAll('.item').length")
        await page.value("document.querySelector('#list').focus()")
        await page.press("End")
        await page.until("document.querySelector('#row-title').innerText.toLowerCase() == 'row 5001'")
        assert await page.texts("#row mark") == ["wrong 5000"]
        assert await page.value("document.querySelectorAll('.item').length") < 60
        await page.value("document.querySelector('#search').focus()")
        await page.type("wrong 4321")
        await page.until("document.querySelector('#status').innerText == '1 of 5,000 problems'")
        assert await listed(page) == [("Row 4322 · State", "not-allowed")]

    look(shop, browser_address, steps)


def test_the_page_counts_the_rows_that_were_not_checked(shop: Shop, browser_address: str):
    """Rows that the user did not select are not called good."""
    shop.manifest(3)

    async def steps(page: Tab) -> None:
        assert await page.text("#counts") == "No problem in 3 rows; 2 rows not selected and not checked."

    look(shop, browser_address, steps, flags=("--rows", "2"))


def test_a_page_without_problems_says_so(shop: Shop, browser_address: str):
    """Without problems there is one sentence, and no empty list."""
    shop.manifest(3)

    async def steps(page: Tab) -> None:
        assert await page.text("#counts") == "No problem in 3 rows."
        assert await page.value("getComputedStyle(document.querySelector('#main')).display") == "none"

    look(shop, browser_address, steps)


def test_names_in_any_script_are_shown(shop: Shop, browser_address: str):
    """Columns and cells in any script, with quotes, line breaks and invisible characters, are shown unchanged."""
    column, cell = "Bétreff «ж» 件名 <b>", 'אבג\u200b\n"quoted" 🖨 &amp; '
    shop.path("mapping.yaml").write_text(
        f"version: 1\nsource: s\nkey: ID\ncolumns:\n  ID: CustomData.Id\n  E: LeadDetail.EmailAddress\n"
        f"  '{column}': {{field: Status, one_of: [Open]}}\n",
        encoding="utf-8",
    )
    quoted = cell.replace('"', '""')
    shop.path("names.csv").write_text(f'ID,E,{column}\n1,a@example.com,"{quoted}"\n', encoding="utf-8", newline="")

    async def steps(page: Tab) -> None:
        await page.until("document.querySelector('#row td')")
        assert await page.texts("#row tr.wrong th") == [column]
        shown = await page.value("document.querySelector('#row tr.wrong td').textContent")
        assert shown == 'אבגZWSP\n"quoted" 🖨 &amp;␠'

    look(shop, browser_address, steps, name="names.csv")


def test_a_wrong_cell_is_scrolled_into_view(shop: Shop, browser_address: str):
    """In a row of a hundred cells, the pane scrolls to the wrong one."""
    more = [f"Column {number}" for number in range(100)]
    shop.path("mapping.yaml").write_text(
        "version: 1\nsource: s\nkey: ID\ncolumns:\n  ID: CustomData.Id\n  E: LeadDetail.EmailAddress\n"
        f"  Last: {{field: Status, one_of: [Open]}}\nignore: [{', '.join(more)}]\n",
        encoding="utf-8",
    )
    cells = ["1", "a@example.com", *more, "wip"]
    shop.path("wide.csv").write_text(f"ID,E,{','.join(more)},Last\n{','.join(cells)}\n", encoding="utf-8")

    async def steps(page: Tab) -> None:
        await page.click(".card .show")
        await page.until("document.activeElement.id == 'list' && document.querySelector('#row mark')")
        place = "(box => [box.top, box.bottom])(document.querySelector('#row mark').getBoundingClientRect())"
        top, bottom = await page.value(place)
        assert 0 < top < bottom < Screen().height

    look(shop, browser_address, steps, name="wide.csv")


def test_a_page_that_is_damaged_says_so(shop: Shop, browser_address: str):
    """If the data can't be read, as in a truncated file, the page says what to do."""
    shop.manifest([("00001", "", "Open", "a@example.com")])
    shop.do("validate", "tickets.csv", "-m", "mapping.yaml", "--report", "problems.html")
    text = shop.path("problems.html").read_text(encoding="utf-8")
    shop.path("problems.html").write_text(text.replace('class="rows">', 'class="rows">AAAA'), encoding="utf-8")

    async def go() -> None:
        async with opened(browser_address, shop.path("problems.html").as_uri()) as page:
            await page.until("document.querySelector('#counts').innerText.includes('write the report as .csv')")
            await page.until("true")
            page.complaints.clear()

    asyncio.run(go())


def test_the_page_shows_what_the_mapping_leaves_out(shop: Shop, browser_address: str):
    """Excluded rows, and the columns that patterns ignore."""
    mapping = f"{MAPPING}rows: {{only: {{State: Open}}}}\nignore: ['Old *']\n"
    shop.path("mapping.yaml").write_text(mapping, encoding="utf-8")
    shop.path("tickets.csv").write_text(
        "ID,Subject,State,Email,Old A,Old B\n1,a,Open,a@example.com,,\n2,b,Closed,b@example.com,,\n", encoding="utf-8"
    )

    async def steps(page: Tab) -> None:
        facts = " ".join((await page.text("#facts")).split())
        assert "Excluded rows 1 Ignored by patterns Old * (2 columns)" in facts

    look(shop, browser_address, steps)
