"""When cron schedules fire. The verdicts of the tables are those of robfig/cron's ParseStandard."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graders.semantics.cron import FIELDS, Interval, Times, parse_cron
from graders.semantics.durations import HOUR, MINUTE, SECOND


def times(text: str) -> Times:
    found = parse_cron(text)
    assert isinstance(found, Times), f"{text} is {found}"
    return found


def fires_on(schedule: Times, day: date) -> bool:
    return (day.month, day.day, day.isoweekday() % 7) in schedule.dates


@pytest.mark.parametrize(
    "text",
    [
        *("0 2 * * *", "00 02 * * *", "0 2 ? * ?", "0 2 1-31 jan-dec sun-sat", "0-0 2/24 */1 1/1 0-6/1", "0/60 +2 * * *", ",0,0 2, * * *"),
        *("  0\t2 * *   *\n", "0 2 */1 * 0-3,THU,Fri,sat", "0 2 1 * 0-6", "0 2 1-31 * 5", "0 2 1-15,10-31 1-6,7-12 *", "0 2 *-7 * *"),
        *("0 2 */2,*/2,2/2 * 1", "TZ=Local 0 2 * * *"),
    ],
)
def test_nightly(text: str) -> None:
    assert times(text) == times("0 2 * * *")
    assert times(text).minutes == {120}
    assert times(text).daily


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2 0 * * *",
            "0 14 * * *",
            "* 2 * * *",
            "0,30 2 * * *",
            "0 2,3 * * *",
            "0 2 * * 1-5",
            "0 2 */2 * *",
            "0 2 1-30 * *",
            "0 2 * 1-11 *",
        ),
        *("0 2 1-30 * 0", "0 2 */2 * 1-5", "@daily", "0 2 30 2 *", ", 2 * * *", "CRON_TZ=Europe/Berlin 0 2 * * *", "CRON_TZ=UTC 0 2 * * *"),
    ],
)
def test_not_the_same_as_nightly(text: str) -> None:
    assert times(text) != times("0 2 * * *")


@pytest.mark.parametrize(
    ("text", "equal"),
    [
        ("@yearly", "0 0 1 jan ?"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 1-12 *"),
        ("@weekly", "0 0 * * SUN"),
        ("@daily", "@midnight"),
        ("@hourly", "0 0-23 * * *"),
        ("*/15 * * * *", "0,15,30,45 * * * *"),
        ("5/20 * * * *", "5,25,45 * * * *"),
        ("0 8-18/5 * * *", "0 8,13,18 * * *"),
        ("0 0 31 2 *", "0 0 30,31 2 *"),
        ("0 0 * * 1-5/2", "0 0 ? * mon,wed,fri"),
        ("TZ= 0 2 * * *", "CRON_TZ=Etc/UTC 0 2 * * *"),
        ("CRON_TZ=GMT @daily", "TZ=UTC 0 0 * * *"),
        ("CRON_TZ=Europe/Berlin   @daily  ", "TZ=Europe/Berlin 0 0 * * *"),
    ],
)
def test_equal_schedules(text: str, equal: str) -> None:
    assert times(text) == times(equal)


@pytest.mark.parametrize("text", ["0 0 30 2 *", "0 0 31 4,6,9,11 *", ", 0 * * *", "0 0 , * *", "0 0 31 feb *"])
def test_never(text: str) -> None:
    assert times(text).never


def test_a_leap_day_is_a_day() -> None:
    assert not times("0 0 29 2 *").never
    assert fires_on(times("0 0 29 2 *"), date(2028, 2, 29))


def test_either_day_field_counts_when_neither_holds_a_star() -> None:
    friday_or_thirteenth, friday_the_thirteenth = times("0 0 13 * 5"), times("0 0 13 * */1")
    assert fires_on(friday_or_thirteenth, date(2026, 11, 27))
    assert not fires_on(friday_the_thirteenth, date(2026, 11, 27))
    assert fires_on(times("0 0 */2 * 1"), date(2026, 11, 30)), "a star with a step is none"


@pytest.mark.parametrize(
    ("text", "length"),
    [("@every 24h", 24 * HOUR), ("@every 1440m", 24 * HOUR), ("@every 1h30m", 90 * MINUTE), ("@every 0", SECOND), ("@every 1.9s", SECOND)],
)
def test_interval(text: str, length: int) -> None:
    assert parse_cron(text) == parse_cron(f"CRON_TZ=UTC {text}") == Interval(length)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * * 7",
            "5-1 * * * *",
            "*/0 * * * *",
        ),
        *("a * * * *", "1-2-3 * * * *", "1/2/3 * * * *", "*/-1 * * * *", "-1 * * * *", "* * * jan-foo *", "* * * * jan", "mon * * * *"),
        *(
            "@Daily",
            "@daily ",
            "@never",
            "@every",
            "@every 1d",
            "@every 24 h",
            "TZ=UTC",
            "CRON_TZ=UTC",
            "TZ=UTC\t0 2 * * *",
            "CRON_TZ=UTC  ",
        ),
        *("ZONE=UTC 0 2 * * *", " TZ=UTC 0 2 * * *", "TZ=UTC TZ=UTC 0 2 * * *", "\u0660 2 * * *", "0 2 * * *;", "1_0 2 * * *"),
    ],
)
def test_no_schedule(text: str) -> None:
    assert parse_cron(text) is None


# An independent reading: a field is a list of ranges with steps, and a day is asked about by the calendar.

Ranges = list[tuple[int, int, int]]


def ranges(low: int, high: int) -> st.SearchStrategy[Ranges]:
    ends = st.tuples(st.integers(low, high), st.integers(low, high)).map(sorted)
    one = st.tuples(ends, st.integers(1, high + 2)).map(lambda drawn: (drawn[0][0], drawn[0][1], drawn[1]))
    return st.lists(one, min_size=1, max_size=3)


def written(field: Ranges) -> str:
    return ",".join(f"{low}-{high}/{step}" for low, high, step in field)


def holds(field: Ranges, number: int) -> bool:
    return any(low <= number <= high and (number - low) % step == 0 for low, high, step in field)


FIELD_RANGES = st.tuples(*(ranges(field.low, field.high) for field in FIELDS))


@given(FIELD_RANGES, st.booleans(), st.booleans(), st.integers(0, 400 * 365), st.integers(0, 1439))
def test_fires_when_its_fields_say_so(fields: tuple[Ranges, ...], any_day: bool, any_weekday: bool, days: int, minute: int) -> None:
    minutes, hours, monthdays, months, weekdays = fields
    day_text, weekday_text = "*" if any_day else written(monthdays), "?" if any_weekday else written(weekdays)
    schedule = times(f"{written(minutes)} {written(hours)} {day_text} {written(months)} {weekday_text}")
    day = date(2000, 1, 1) + timedelta(days)
    by_day, by_weekday = any_day or holds(monthdays, day.day), any_weekday or holds(weekdays, day.isoweekday() % 7)
    right_day = (by_day and by_weekday) if any_day or any_weekday else (by_day or by_weekday)
    if not schedule.never:
        assert fires_on(schedule, day) == (right_day and holds(months, day.month))
        assert (minute in schedule.minutes) == (holds(minutes, minute % 60) and holds(hours, minute // 60))


@given(FIELD_RANGES)
def test_order_and_repetition_do_not_matter(fields: tuple[Ranges, ...]) -> None:
    shuffled = [[*field[::-1], field[0]] for field in fields]
    assert parse_cron(" ".join(map(written, fields))) == parse_cron("  ".join(map(written, shuffled)))


@given(st.integers(1, 12), st.integers(1, 31))
def test_a_date_comes_once_a_year_or_never(month: int, day: int) -> None:
    schedule = times(f"0 0 {day} {month} *")
    assert schedule.never == (day > monthrange(2024, month)[1])


@given(st.text(alphabet="0123456789*/-,? @TZ=janmodevry", max_size=24) | st.text(max_size=12))
def test_any_text_is_a_schedule_or_none(text: str) -> None:
    found = parse_cron(text)
    assert found is None or isinstance(found, Times | Interval)
