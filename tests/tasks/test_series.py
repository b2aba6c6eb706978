"""Forecasts: learned from what came before, honest about time, kept in a file, and what they refuse."""

import numpy as np
import pandas
import pytest

import freedive as fd
from freedive.data import read_table
from freedive.data.series import as_series
from freedive.tasks import Forecaster
from freedive.tasks.forecast_pictures import forecast_section
from freedive.tasks.reading.series import After
from freedive.tasks.table_sources import series_source

TIMES = np.arange("2024-01-01", "2024-02-20", dtype="datetime64[h]")
NOISE = np.random.default_rng(0).normal(scale=0.1, size=(len(TIMES), 2))
TABLE = {
    "when": TIMES,
    "load": 50 + 5 * np.sin(np.arange(len(TIMES)) * np.pi / 12) + NOISE[:, 0],
    "heat": -3 + 2 * np.cos(np.arange(len(TIMES)) * np.pi / 12) + NOISE[:, 1],
}
PAST = {name: column[:-24] for name, column in TABLE.items()}
COMES = np.stack([TABLE["load"], TABLE["heat"]], axis=1)[-24:]


@pytest.fixture(scope="module")
def hourly():
    task = Forecaster(24, length=48, quantiles=(0.1, 0.5, 0.9), calendar=True, epochs=15, verbose=0)
    return task.fit(PAST)


def test_the_next_day_is_foretold(hourly, tmp_path):
    ahead = hourly.predict()
    assert ahead.shape == (24, 2) and np.abs(ahead - COMES).mean() < 0.3
    sides = hourly.intervals()
    assert sides.shape == (24, 2, 3) and (np.diff(sides, axis=-1) >= 0).all()
    np.testing.assert_allclose(hourly.naive(), np.stack([TABLE["load"], TABLE["heat"]], 1)[-48:-24])
    assert hourly.reader.parts == ("hour", "weekday") and hourly.target.season == 24
    hourly.plot(truth=COMES, path=tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5000


def test_a_saved_forecaster_needs_the_recent_past_only(hourly, tmp_path):
    hourly.save(tmp_path / "a.safetensors")
    again = Forecaster.load(tmp_path / "a.safetensors")
    recent = {name: column[-24 - 48 : -24] for name, column in TABLE.items()}
    np.testing.assert_allclose(again.predict(recent), hourly.predict(), rtol=1e-5)
    with pytest.raises(ValueError, match=r"a file holds no series. Give its recent past"):
        again.predict()


@pytest.mark.parametrize(
    ("begin", "step", "times"),
    [
        ("2024-02-28", "h", ["2024-02-29 10:00", "2024-02-29 11:00"]),
        ("2024-02-28", "D", ["2024-04-02", "2024-04-03"]),
        ("2024-01", "M", ["2026-11-01", "2026-12-01"]),
    ],
)
@pytest.mark.parametrize("quantiles", [(), (0.1, 0.5, 0.9)])
def test_steps_have_their_times(tmp_path, begin, step, times, quantiles):
    when = (np.datetime64(begin, step) + np.arange(34)).astype("M8[s]")
    task = Forecaster(2, length=6, quantiles=quantiles, epochs=1, verbose=0)
    task.fit({"when": when, "load": 1e6 + np.arange(34) % 5})
    lines = "".join(f"{time},{i % 5}\n" for i, time in enumerate(when))
    (tmp_path / "a.csv").write_text("when,load\n" + lines)
    rows = task.reader.read(tmp_path / "a.csv")
    answered = task.answer(np.concatenate([rows.x, rows.x]))
    heads, table = task.target.table(rows.names, answered[:1])
    assert heads == ["time", "load", *(["load 0.1", "load 0.9"] if quantiles else [])]
    assert [row[0] for row in table] == times and all("e" not in row[1] for row in table)
    assert task.target.as_json(rows.names, answered[:1])[0]["times"] == times
    heads, table = task.target.table([*rows.names, rows.names[0]._replace(file="b.csv", times=None)], answered)
    assert heads[:2] == ["file", "step"] and [row[:2] for row in table[1:3]] == [
        [rows.names[0].file, "2"],
        ["b.csv", "1"],
    ]


def test_answers_show_the_intervals_and_scores_their_scale(hourly):
    outputs = hourly.outputs({name: column[-48:] for name, column in TABLE.items()})
    heads, rows = hourly.target.table([After("a.csv", None)], outputs)
    assert heads == ["step", *(f"{name}{part}" for name in ("load", "heat") for part in ("", " 0.1", " 0.9"))]
    assert len(rows) == 24 and all(float(row[2]) <= float(row[1]) <= float(row[3]) for row in rows)
    tiles = dict(hourly.target.tiles({"rows": 3, "inside": 0.8, "mse": 0.25, "skill": 0.5}))
    assert tiles == {"test inside the interval": "0.8", "test MSE, standardised": "0.25", "test skill": "0.5"}


def test_horizons_of_another_length(hourly):
    further = hourly.predict(horizon=40)
    assert further.shape == (40, 2)
    np.testing.assert_array_equal(further[:24], hourly.predict())
    assert hourly.predict(horizon=5).shape == (5, 2)


def test_evaluation_looks_at_every_window(hourly):
    tail = {name: column[-100:] for name, column in TABLE.items()}
    result = hourly.evaluate(tail)
    assert result["rows"] == 100 - 48 - 24 + 1 and 0.5 < result["inside"] <= 1
    assert hourly.score(tail) == result["skill"] == 1 - result["mase"]
    (section,) = hourly.sections(tail, None, None)
    assert "data:image/png;base64" in section.body and '<th scope="row" class="word">2024-02-19 23:00' in section.body


def test_scales_and_validation_are_honest_about_time():
    series = np.concatenate([np.zeros(150), np.full(50, 1000.0)]) + np.random.default_rng(0).normal(size=200)
    task = Forecaster(5, length=10, validation=0.25, epochs=1, verbose=0).fit(series)
    assert abs(task.reader.mean[0]) < 1  # of the first three quarters alone
    assert task.predict().shape == (5,)


def test_a_variable_that_was_constant_is_not_blown_up():
    series = np.stack([np.sin(np.arange(200) / 3), np.full(200, 0.1)], axis=1)
    task = Forecaster(5, length=10, epochs=1, verbose=0).fit(series)
    assert task.reader.scale[1] == 1.0
    series[-20:, 1] = 0.2
    assert task.evaluate(series)["mae"] < 2


@pytest.mark.parametrize(("steps", "held"), [(60, None), (110, 10), (300, 19)])
def test_the_epoch_is_not_chosen_by_a_few_windows(steps, held):
    task = Forecaster(12, length=20).prepare(np.sin(np.arange(steps) / 3))
    assert len(task.rows.y) == steps - 31 - (0 if held is None else held + 11)
    assert (None if task.rows.y_validation is None else len(task.rows.y_validation)) == held


@pytest.mark.parametrize("future", [0.0, 100.0])
def test_a_gap_before_the_cut_is_not_filled_from_behind_it(future):
    days = np.arange("2024-01-01", "2024-04-30", dtype="datetime64[D]")
    values = np.sin(np.arange(120) / 5.0)
    values[50:65], values[65:] = np.nan, future
    task = Forecaster(3, length=6, gaps="fill", validation=0.5).prepare({"t": days, "v": values})
    np.testing.assert_allclose(task.reader.mean, values[:50].sum() / 60 + values[49] / 6)
    source = series_source(
        "v", as_series({"t": days, "v": values[:70].tolist() + [0.0] * 50}, gaps="keep"), 3, [], "fill"
    )
    assert np.isnan(source.x_train.values[50:65]).all() and np.isfinite(source.x_test.values).all()


def test_levels_are_told_in_rising_order():
    task = Forecaster(2, length=6, quantiles=(0.9, 0.5, 0.1)).prepare(np.sin(np.arange(60) / 3))
    assert task.target.quantiles == list(task.target.loss.quantiles) == [0.1, 0.5, 0.9]
    outputs = np.broadcast_to(np.array([0.1, 0.5, 0.9]), (1, 2, 1, 3))
    assert task.target.table([After("a", None)], outputs)[0] == ["step", "value", "value 0.1", "value 0.9"]
    assert task.target.scored(outputs, np.full((1, 2, 1), 0.5))["mae"] == 0
    told = task.target.told({"rows": 5, "skill": 0.25}, "windows")[2]
    assert told.startswith("Skill 0.25 on the 5 test windows (1 is perfect, 0 no closer than the values a season")


def test_a_picture_says_how_many_variables_it_leaves_out():
    days = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")
    table = {"t": days} | {f"v{place}": np.sin(np.arange(60) / (3 + place)) for place in range(6)}
    task = Forecaster(2, length=6, epochs=1, verbose=0).fit(table)
    assert "the first 4 of 6 variables" in forecast_section(task, as_series(table)).body


def test_another_series_chooses_the_epoch_alone_or_as_a_pair():
    wave = np.sin(np.arange(200) / 3)
    told = [
        Forecaster(6, length=20, epochs=2, verbose=0).fit(wave[:150], validation_data=held).history["val_loss"]
        for held in (wave[130:], (wave[130:], wave[130:]))
    ]
    assert told[0] == told[1]
    with pytest.raises(ValueError, match=r"expected more than 0\. Received: 0"):
        Forecaster(6, length=20, epochs=1, verbose=0).fit(wave).predict(horizon=0)


def test_a_series_of_pandas_tells_its_calendar_by_its_index():
    sold = pandas.Series(np.sin(np.arange(300) / 3), pandas.date_range("2024-01-01", periods=300), name="sold")
    task = Forecaster(6, length=24, calendar=True, epochs=1, verbose=0).fit(sold.sample(frac=1, random_state=0))
    assert task.reader.parts == ("weekday", "day") and task.target.season == 7
    np.testing.assert_array_equal(task.predict(), task.predict(sold.rename(None)))
    assert task.predict().shape == (6,)


def test_backtest():
    wave = np.sin(np.arange(240) / 3)
    found = Forecaster(6, length=20, epochs=20, batch_size=8, verbose=0).backtest(wave, folds=2)
    assert [line["steps"] for line in found] == [80, 160] and all(line["mse"] < 0.2 for line in found)


@pytest.mark.parametrize(
    ("task", "series", "message"),
    [
        (Forecaster(24), np.ones(30), "30 steps, 30 to learn from, but a window of 10 and its forecast of 24 need 34"),
        (Forecaster(4), [1.0, np.nan] * 20, r"nan at row 1 of 'value', and 20 such values in all"),
        (Forecaster(4, time="day"), TABLE, "unknown column 'day'"),
        (Forecaster(4), {"when": TIMES.astype("M8[D]"), "a": TABLE["load"]}, "the time 2024-01-01 stands twice"),
    ],
)
def test_what_cannot_be_learned_is_told(task, series, message):
    with pytest.raises(ValueError, match=message):
        task.set_params(verbose=0).fit(series)


def test_other_series_are_refused(hourly):
    with pytest.raises(ValueError, match="10 steps, but a window has 48"):
        hourly.predict({name: column[:10] for name, column in TABLE.items()})
    with pytest.raises(ValueError, match=r"no variable 'heat'. It has: load"):
        hourly.predict({name: column for name, column in TABLE.items() if name != "heat"})
    with pytest.raises(ValueError, match=r"fit it with quantiles=\(0.1, 0.5, 0.9\) first"):
        Forecaster(4, length=8, epochs=1, verbose=0).fit(fd.datasets.series.load_data()[0]).intervals()


def test_forecasts_of_hours_with_a_zone_say_that_they_are_of_utc(tmp_path):
    lines = [f"2024-01-{1 + i // 24:02}T{i % 24:02}:00:00+01:00,{i % 5}\n" for i in range(60)]
    (tmp_path / "a.csv").write_text("when,load\n" + "".join(lines))
    task = Forecaster(2, length=6, epochs=1, verbose=0).fit(read_table(tmp_path / "a.csv"))
    assert task.reader.read(tmp_path / "a.csv").names[0].times == ["2024-01-03 11:00Z", "2024-01-03 12:00Z"]
