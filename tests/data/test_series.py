"""Series from tables and arrays: their step is found, and what is wrong with their times is told where."""

import numpy as np
import pandas
import polars
import pytest

from freedive.data import open_table
from freedive.data.series import as_series, later

HOURS = np.arange("2024-01-31T22", "2024-02-01T06", dtype="datetime64[h]")
VALUES = np.arange(8.0)


@pytest.mark.parametrize(
    ("times", "step", "after"),
    [
        (HOURS, "1 hour", "2024-02-01T06:00"),
        (HOURS[::3], "3 hour", "2024-02-01T07:00"),
        (HOURS.astype("M8[D]")[[0, 3]], "1 day", "2024-02-02"),
        (np.arange("2024-01-05", "2024-04-05", 7, dtype="M8[D]"), "1 week", "2024-04-05"),
        (np.arange("2023-11", "2024-07", dtype="M8[M]"), "1 month", "2024-07-01"),
        (np.arange("1990", "1998", dtype="M8[Y]"), "1 year", "1998-01-01"),
        (np.arange("2024-02", "2024-09", dtype="M8[M]").astype("M8[D]") - 1, "1 month end", "2024-08-31"),
        (np.arange("2024-04", "2026-04", 3, dtype="M8[M]").astype("M8[D]") - 1, "3 month end", "2026-03-31"),
        (
            np.array(["2023-12-30T06", "2024-01-30T06", "2024-02-29T06", "2024-03-30T06"], "M8[h]"),
            "1 month",
            "2024-04-30T06",
        ),
        (HOURS.astype("M8[m]")[0] + 15 * np.arange(8), "15 minute", "2024-02-01T00:00"),
    ],
)
def test_steps(times, step, after):
    order = np.random.default_rng(0).permutation(len(times))
    series = as_series(
        {"t": times[order], "a": VALUES[: len(times)][order] if len(times) <= 8 else order.astype(float)}
    )
    assert series.step == step and (np.diff(series.values[:, 0]) == 1).all()
    assert later(series.times[-1], series.step, [1])[0] == np.datetime64(after)


def test_a_day_that_a_month_does_not_have_is_its_last():
    found = later(np.datetime64("2024-12-29", "s"), "1 month", [1, 2, 3]).astype("M8[D]")
    assert found.astype(str).tolist() == ["2025-01-29", "2025-02-28", "2025-03-29"]
    ends = np.array(["2024-01-31", "2024-02-29", "2024-04-30", "2024-05-31"], "M8[D]")
    series = as_series({"t": ends, "a": [1.0, 2.0, 4.0, 5.0]}, gaps="fill")
    assert series.values[:, 0].tolist() == [1, 2, 3, 4, 5] and str(series.times[2])[:10] == "2024-03-31"


def test_a_grid_ends_at_the_last_time():
    series = as_series({"t": HOURS[0] + np.array([0, 60, 120, 170], "m8[m]"), "a": [0.0, 6, 12, 17]}, gaps="fill")
    assert series.values[:, 0].tolist() == [0, 6, 12] and series.times[-1] == HOURS[2]


@pytest.mark.parametrize("gaps", ["error", "fill"])
def test_times_that_shake_have_the_step_that_they_share(gaps):
    shaken = HOURS[0] + (600 * np.arange(300) + np.random.default_rng(0).integers(-5, 6, 300)).astype("m8[s]")
    series = as_series({"t": shaken, "a": np.arange(300.0)}, gaps=gaps)
    assert series.step == "10 minute" and series.values[:, 0].tolist() == list(range(300))
    with pytest.raises(ValueError, match="no step of their own: they are 3,000 to 4,200 seconds apart"):
        as_series({"t": HOURS[0] + np.array([0, 60, 130, 180], "m8[m]"), "a": VALUES[:4]}, gaps=gaps)
    anywhere = np.sort(np.random.default_rng(0).choice(30 * 86400, 300, replace=False)).astype("m8[s]")
    with pytest.raises(ValueError, match="Resample them first"):
        as_series({"t": HOURS[0] + anywhere, "a": np.arange(300.0)}, gaps=gaps)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_steps_of_parts_of_a_second(unit):
    times = np.datetime64("2024-01-01T00:00:59", unit) + 100 * np.arange(30) * np.timedelta64(1, "ms")
    series = as_series({"t": times, "a": np.arange(30.0)})
    assert series.step == "100 millisecond" and (series.times == times).all()
    assert (later(series.times[-1], series.step, [1, 2]) == times[-1] + np.array([100, 200], "m8[ms]")).all()
    there = np.arange(30) != 7
    filled = as_series({"t": times[there], "a": np.arange(30.0)[there]}, gaps="fill")
    assert filled.values[:, 0].tolist() == list(range(30)) and (filled.times == times).all()
    shaken = times.astype("M8[us]") + np.random.default_rng(0).integers(-900, 900, 30).astype("m8[us]")
    assert as_series({"t": shaken, "a": np.arange(30.0)}).step == "100 millisecond"
    anywhere = {"t": times[0] + np.array([0, 60, 130, 180], "m8[ms]"), "a": VALUES[:4]}
    with pytest.raises(ValueError, match=r"they are 0\.05 to 0\.07 seconds apart, half of them 0\.06"):
        as_series(anywhere)


def test_parts_of_a_second_in_a_file(tmp_path):
    path = tmp_path / "fast.csv"
    path.write_text("t,a\n" + "".join(f"2024-01-01T00:00:00.{i:03}Z,{i}\n" for i in range(0, 999, 4)))
    assert as_series(open_table(path)).step == "4 millisecond"


def test_little_is_not_filled_up_to_much():
    few = {"t": HOURS[0] + np.array([0, 1, 2, 500], "m8[m]"), "a": VALUES[:4]}
    with pytest.raises(ValueError, match="497 steps of 1 minute are missing"):
        as_series(few)
    with pytest.raises(ValueError, match="4 times are spread over 501 steps of 1 minute, the usual one"):
        as_series(few, gaps="fill")


def test_a_step_may_be_missing_more_often_than_not():
    keep = np.flatnonzero(np.random.default_rng(0).random(500) < 0.4)
    times = HOURS[0] + keep.astype("m8[h]")
    series = as_series({"t": times, "a": keep.astype(float)}, gaps="fill")
    np.testing.assert_allclose(series.values[:, 0], np.arange(keep[0], keep[-1] + 1))


def test_gaps_are_kept_where_asked():
    keep = [0, 1, 4, 5, 6, 7]
    series = as_series({"t": HOURS[keep], "a": VALUES[keep]}, gaps="keep")
    np.testing.assert_array_equal(series.values[:, 0], [0, 1, np.nan, np.nan, 4, 5, 6, 7])
    np.testing.assert_array_equal(series.filled().values[:, 0], VALUES)


def test_arrays():
    assert as_series(VALUES).flat and as_series(VALUES).values.shape == (8, 1)
    assert as_series(np.ones((8, 3))).names == ("value_0", "value_1", "value_2")


def test_holes_are_filled_where_asked():
    keep = [0, 1, 4, 5, 6, 7]
    series = as_series({"t": HOURS[keep], "a": VALUES[keep]}, gaps="fill")
    np.testing.assert_array_equal(series.values[:, 0], VALUES)
    np.testing.assert_array_equal(series.times, HOURS)
    np.testing.assert_array_equal(as_series([0.0, np.nan, 2.0], gaps="fill").values[:, 0], [0, 1, 2])


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"t": HOURS[[0, 1, 1, 2]], "a": VALUES[:4]},
            r"the time 2024-01-31 23:00 stands twice, in rows 1 and 2",
        ),
        (
            {"t": HOURS[[0, 1, 4, 5, 6]], "a": VALUES[:5]},
            r"after 2024-01-31 23:00 \(row 1\) 2 steps of 1 hour",
        ),
        ({"t": HOURS, "a": np.where(VALUES == 3, np.nan, VALUES)}, r"nan at 2024-02-01 01:00 of 'a'"),
        ({"t": HOURS, "a": list("abcabcab")}, "no column of numbers. It has: t, a"),
        ({"t": HOURS, "u": HOURS, "a": VALUES}, "several columns hold dates, t, u; say which by time="),
    ],
)
def test_what_is_wrong_is_told(table, message):
    with pytest.raises(ValueError, match=message):
        as_series(table)


SOLD = pandas.DataFrame({"sold": VALUES}, index=pandas.date_range("2024-01-31 22:00", periods=8, freq="h"))


def indexed_by(index):
    return SOLD.set_axis(index, axis=0)


@pytest.mark.parametrize(
    ("frame", "step"),
    [
        (SOLD, "1 hour"),
        (SOLD.rename_axis("sold"), "1 hour"),
        (SOLD.rename_axis("when")[["sold"]].assign(time=1.0), "1 hour"),
        (indexed_by(pandas.period_range("2024-01", periods=8, freq="M")), "1 month"),
        (indexed_by(SOLD.index.astype(str)), "1 hour"),
        (indexed_by(pandas.date_range("2024-01-31", periods=8).date), "1 day"),
    ],
)
def test_an_index_of_times_is_the_column_of_times(frame, step):
    for given in (frame, frame["sold"]):
        series = as_series(given.sample(frac=1, random_state=0))
        assert series.step == step and series.flat == (given is not frame) and "sold" in series.names
        np.testing.assert_array_equal(series.values[:, 0], VALUES)
    with pytest.raises(ValueError, match=r"\(row 2\) 2 steps of 1 .* are missing"):
        as_series(frame.drop(frame.index[3:5]))


def with_zone(hold, path, step, rows):
    times = pandas.date_range("2024-01-01", periods=rows, freq=step, tz="Europe/Berlin")
    frame = pandas.DataFrame({"t": times, "a": np.arange(float(rows))})
    if hold in ("csv", "parquet"):
        frame.set_index("t").to_csv(path / "a.csv") if hold == "csv" else frame.to_parquet(path / "a.parquet")
        return open_table(path / f"a.{hold}")
    return {
        "frame": lambda: frame,
        "index": lambda: frame.set_index("t"),
        "polars": lambda: polars.DataFrame({"t": polars.Series(times.tolist()), "a": frame["a"].to_numpy()}),
        "texts": lambda: {"t": [str(time) for time in times], "a": frame["a"].to_numpy()},
        "Python": lambda: {"t": times.to_pydatetime().tolist(), "a": frame["a"].tolist()},
    }[hold]()


@pytest.mark.parametrize("hold", ["frame", "index", "polars", "texts", "Python", "csv", "parquet"])
@pytest.mark.parametrize(
    ("freq", "step", "first"),
    [("D", "1 day", "2024-01-01"), ("MS", "1 month", "2024-01-01"), ("h", "1 hour", "2023-12-31T23")],
)
def test_days_with_a_zone_are_those_of_its_clocks_and_hours_those_of_utc(tmp_path, hold, freq, step, first):
    rows = {"D": 120, "MS": 12, "h": 2500}[freq]  # over the last Sunday of March, which has 23 hours
    series = as_series(with_zone(hold, tmp_path, freq, rows))
    assert series.step == step and series.times[0] == np.datetime64(first) and series.utc == (freq == "h")
    np.testing.assert_array_equal(series.values[:, 0], np.arange(rows))


def test_days_whose_zones_differ_are_those_of_utc():
    days = [f"2024-01-0{day}T{'09:00+09:00' if day % 2 else '00:00Z'}" for day in range(1, 9)]
    assert as_series({"t": days, "a": VALUES}).times[0] == np.datetime64("2024-01-01")
    china = {"t": [f"2024-01-0{day}T00:00+08:00" for day in range(1, 9)], "a": VALUES}
    assert as_series(china).times[0] == np.datetime64("2024-01-01")


def test_an_index_of_anything_else_tells_nothing():
    for index in (
        range(8),
        [(1, 2)] * 8,
        pandas.interval_range(0, 8),
        pandas.MultiIndex.from_product([[1, 2], HOURS[:4]]),
    ):
        series = as_series(indexed_by(index))
        assert series.times is None and series.values[:, 0].tolist() == VALUES.tolist() and not series.flat
    assert as_series(pandas.Series(VALUES)).names == ("value",) and as_series(SOLD["sold"].array).flat
    with pytest.raises(ValueError, match="several columns hold dates, time, t; say which by time="):
        as_series(SOLD.assign(t=HOURS))
    assert as_series(SOLD.assign(t=HOURS), time="t").step == "1 hour"


def test_the_column_of_times():
    with pytest.raises(ValueError, match="the column 'a' holds real, expected dates and times"):
        as_series({"t": HOURS, "a": VALUES}, time="a")
    with pytest.raises(ValueError, match=r"Did you mean 't'|unknown column 'tt'"):
        as_series({"t": HOURS, "a": VALUES}, time="tt")
