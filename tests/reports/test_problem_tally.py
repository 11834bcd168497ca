"""Problems grouped by kind, and the words for a kind."""

from __future__ import annotations

import pytest

from importer.models import Problem
from importer.reports import ProblemTally, problem_lines
from importer.reports.problem_tally import ProblemKind, ValueExamples
from importer.reports.problem_text import kind_data, kind_title
from importer.runtime.events import ProblemsFound


def problem(row: int, value: str | None = "wip", **changes) -> Problem:
    """A cell of the column State that is not allowed."""
    defaults = {
        "code": "not-allowed",
        "column": "State",
        "message": f"State: {value!r} is not one of Open",
        "hint": "Mend it.",
    }
    return Problem(row=row, value=value, **{**defaults, **changes})


def kinds(*problems: Problem) -> tuple[ProblemKind, ...]:
    tally = ProblemTally()
    tally.listen(ProblemsFound(rows=[each.row for each in problems], problems=problems, columns=(), cells=list))
    return tally.kinds()


def lines(*problems: Problem) -> list[str]:
    return list(problem_lines(kinds(*problems)))


def test_one_problem_takes_three_lines() -> None:
    """What is where, the details, and what to do; no count and no list of one."""
    assert lines(problem(2)) == [
        "State: 'wip' in row 2: value not allowed (not-allowed)",
        "    'wip' is not one of Open",
        "    Mend it.",
    ]


def test_a_kind_has_its_rows_and_values() -> None:
    """A kind has its most frequent value, its rows, its first message, and its values with how often each came."""
    values = ["new", *["wip"] * 3, *["Open\u00a0"] * 2]
    assert lines(*(problem(row, value) for row, value in enumerate(values, start=2))) == [
        "State: 'wip' and 2 other values in 6 rows: value not allowed (not-allowed)",
        "    row 2: 'new' is not one of Open",
        "    also in rows 3, 4, 5, 6, 7",
        r"    3 different values: 'wip' (3), 'Open\xa0' (2), 'new' (1)",
        "    Mend it.",
    ]


@pytest.mark.parametrize(
    ("values", "title"),
    [
        (["wip"], "State: 'wip' in row 2"),
        (["wip"] * 3, "State: 'wip' in 3 rows"),
        (["wip", "wip", "new"], "State: 'wip' and 1 other value in 3 rows"),
        (["a", "b", "c"], "State: 3 different values in 3 rows"),
        ([f"v{at}" for at in range(3_000)], "State: more than 1,000 different values in 3,000 rows"),
        (["x" * 60], f"State: '{'x' * 40}'… in row 2"),
        ([None, None], "State: value not allowed in 2 rows"),
        (["", " "], "State: value not allowed in 2 rows"),
        (["\x1b[2J\u202e"], r"State: '\x1b[2J\u202e' in row 2"),
    ],
)
def test_a_title_says_which_values_are_in_how_many_rows(values: list[str | None], title: str) -> None:
    """The title of a kind is short however many values it has, and shows what can't be seen."""
    assert kind_title(*kinds(*(problem(row, value) for row, value in enumerate(values, start=2)))) == title


def test_a_title_names_what_has_no_value() -> None:
    """Empty cells and whole rows have no value to show; the name of the code is not repeated behind such a title."""
    assert (
        lines(problem(2, "", code="missing-value"))[0]
        == "State: empty in row 2: required value is empty (missing-value)"
    )
    assert lines(problem(2, "x", code="too-many-cells", column=None))[0] == "Too many cells in row 2 (too-many-cells)"


def test_values_that_all_differ_are_examples() -> None:
    """Where no value comes twice, there is nothing to count."""
    output = lines(*(problem(row, f"v{row}") for row in range(2, 22)))
    assert "    20 different values, such as 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8', 'v9', …" in output
    assert "    also in rows 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, …" in output
    assert "    2 different values: 'a', 'b'" in lines(problem(2, "a"), problem(3, "b"))


def test_a_code_in_two_columns_is_two_kinds() -> None:
    """Each column has its own count and its own values; the most frequent comes first, and an advice comes once."""
    output = lines(problem(2, "a", column="Prio"), problem(2), problem(3))
    assert [line.split(":")[0] for line in output if not line.startswith(" ")] == ["State", "Prio"]
    assert output.count("    Mend it.") == 1


def test_a_row_with_two_problems_of_a_kind_is_one_row() -> None:
    """A row with two problems of a kind counts once as a row, and is named once."""
    problems = problem(2), problem(2), problem(2, column="Prio"), problem(5), problem(5)
    assert lines(*problems)[0].startswith("State: 'wip' in 2 rows: ")
    assert "    also in row 5" in lines(*problems)
    data = kind_data(kinds(*problems)[0])
    assert (data["problems"], data["rows"], data["values"]) == (4, 2, [{"value": "wip", "problems": 4}])


def test_ten_thousand_problems_of_twelve_kinds_fit_on_a_screen_or_two() -> None:
    """However many there are, a kind takes four lines and each advice one, and a line is not endless."""
    output = lines(
        *(
            problem(row, f"value {row % 700} {'x' * (row % 90)}", column=f"Column {row % 12}", message="m" * row)
            for row in range(2, 12_002)
        )
    )
    assert len(output) <= 12 * 4 + 1
    assert max(map(len, output)) < 500


def test_many_kinds_end_with_how_many_more_there_are() -> None:
    """A mapping that fits nothing has hundreds of kinds; the report has them all, and is named."""
    output = lines(*(problem(2, column=f"Column {number}") for number in range(100)), problem(3, column="Column 99"))
    assert len(output) <= 30 * 4 + 2
    assert output[-1] == "… and 70 problems of 70 more kinds; `validate --report FILE.html` shows all"


def test_no_cell_steers_the_terminal() -> None:
    """Escapes, line breaks and directions in a cell or a message become harmless."""
    evil = "\x1b[2J\r\n\u202e\x07"
    output = lines(problem(2, evil, message=evil, hint=evil), problem(3, evil + "2"))
    assert all(line.isprintable() for line in output)


def test_values_are_counted_in_bounded_memory() -> None:
    """Of a million different values the frequent ones are still found, and the counts say that they are lower bounds."""
    values = ValueExamples(kept=100)
    for number in range(10_000):
        values.add(f"rare {number}")
        if number % 10 == 0:
            values.add("frequent")
    assert not values.exact
    assert values.different == 100
    assert len(values.most_common()) <= 200
    assert values.most_common(1) == [("frequent", 1_000)]
