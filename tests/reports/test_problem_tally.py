"""Problems counted by kind, as a terminal shows them."""

from __future__ import annotations

from importer.models import Problem
from importer.reports import ProblemTally, problem_lines
from importer.reports.problem_tally import ValueExamples
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


def lines(*problems: Problem) -> list[str]:
    tally = ProblemTally()
    tally.listen(ProblemsFound(rows=[each.row for each in problems], problems=problems, columns=(), cells=list))
    return list(problem_lines(tally.kinds()))


def test_one_problem_takes_two_lines() -> None:
    """What is wrong where, and what to do; no count and no list of one."""
    assert lines(problem(2)) == ["not-allowed: row 2: State: 'wip' is not one of Open", "    Mend it."]


def test_the_first_problem_of_a_kind_is_shown_with_the_count() -> None:
    """A kind has its count, its first problem, some more rows, and its values with how often each came."""
    values = ["new", *["wip"] * 3, *["Open\u00a0"] * 2]
    assert lines(*(problem(row, value) for row, value in enumerate(values, start=2))) == [
        "6 × not-allowed: row 2: State: 'new' is not one of Open",
        "    also in row 3, 4, 5, 6, 7",
        r"    3 different values: 'wip' (3), 'Open\xa0' (2), 'new' (1)",
        "    Mend it.",
    ]


def test_equal_values_and_hints_are_shown_once() -> None:
    """One value that is wrong everywhere is shown once; an empty one is clear from its code."""
    assert "    always 'wip'" in lines(problem(2), problem(3))
    assert not any("always" in line for line in lines(problem(2, ""), problem(3, " ")))
    assert not any("always" in line for line in lines(problem(2, None), problem(3, None)))
    assert not any("always" in line for line in lines(problem(2, "abc…"), problem(3, "abc…")))


def test_values_that_all_differ_are_examples() -> None:
    """Where no value comes twice, there is nothing to count."""
    output = lines(*(problem(row, f"v{row}") for row in range(2, 22)))
    assert "    20 different values, such as 'v2', 'v3', 'v4', 'v5', 'v6', 'v7', 'v8', 'v9', …" in output
    assert "    also in row 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, …" in output
    assert "    2 different values: 'a', 'b'" in lines(problem(2, "a"), problem(3, "b"))


def test_a_code_in_two_columns_is_two_kinds() -> None:
    """Each column has its own count and its own values; the most frequent comes first, and an advice comes once."""
    output = lines(problem(2, "a", column="Prio"), problem(2), problem(3))
    assert [line.split(":")[0] for line in output if not line.startswith(" ")] == ["2 × not-allowed", "not-allowed"]
    assert output.count("    Mend it.") == 1


def test_a_row_is_not_listed_beside_itself() -> None:
    """A row with two problems of a kind counts twice, and is named once."""
    output = lines(problem(2), problem(2), problem(2, column="Prio"), problem(5), problem(5))
    assert output[0].startswith("4 × not-allowed: row 2")
    assert "    also in row 5" in output


def test_ten_thousand_problems_of_twelve_kinds_fit_on_a_screen_or_two() -> None:
    """However many there are, a kind takes four lines, and a line is not endless."""
    output = lines(
        *(
            problem(row, f"value {row % 700} {'x' * (row % 90)}", column=f"Column {row % 12}", message="m" * row)
            for row in range(2, 12_002)
        )
    )
    assert len(output) <= 12 * 4
    assert max(map(len, output)) < 500


def test_many_kinds_end_with_how_many_more_there_are() -> None:
    """A mapping that fits nothing has hundreds of kinds; the report has them all, and is named."""
    output = lines(*(problem(2, column=f"Column {number}") for number in range(100)), problem(3, column="Column 99"))
    assert len(output) <= 30 * 4 + 1
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
