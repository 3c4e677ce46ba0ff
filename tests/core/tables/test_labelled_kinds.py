"""Kinds measured on a labelled set: columns that look like those of ten open tables (houses, employees, hotels, diamonds,
penguins, taxis, passengers, customers, wines, concrete), each with the kind that a person gave the original.

A line is `name | kind | values`: levels with commas between them, the first most frequent, or `low to high` for whole
numbers and `low..high` for decimal ones.
"""

from datetime import date, timedelta

import numpy as np
import pandas as pd

from tabsmith.tables.schema.detect import detect_schema

ROWS = 400
LABELLED = """
rownames | identifier | rows
MS_SubClass | category | One_Story_1946, Two_Story_1946, One_and_Half_Story, Duplex
Lot_Frontage | numeric | 0 to 300
Lot_Area | numeric | 1300 to 200000
Street | category | Pave, Grvl
Overall_Cond | category | Average, Above_Average, Good, Poor
Year_Built | code | 1880 to 2010
Year_Remod_Add | code | 1950 to 2010
Central_Air | boolean | Y, N
Full_Bath | numeric | 2, 1, 3, 0, 4
Half_Bath | numeric | 0, 1, 2
Fireplaces | numeric | 0, 1, 2, 3, 4
Garage_Cars | numeric | 2, 1, 3, 0, 4
Bedrooms | numeric | 3, 2, 4, 1
Wood_Deck_SF | numeric | 0 to 870
Year_Sold | code | 2007, 2009, 2006, 2008, 2010
Mo_Sold | numeric | 1 to 12
Sale_Type | category | WD, New, COD, ConLD
Longitude | numeric | -93.7..-93.5
Age | numeric | 18 to 60
OverTime | boolean | No, Yes
BusinessTravel | category | Travel_Rarely, Travel_Frequently, Non-Travel
Gender | category | Male, Female
JobLevel | code | 1, 2, 3, 4, 5
StockOptionLevel | code | 0, 1, 2, 3
MonthlyIncome | numeric | 1009 to 19999
NumCompaniesWorked | numeric | 1, 0, 3, 2, 4
TrainingTimesLastYear | numeric | 2, 3, 4, 5, 1, 6, 0
YearsAtCompany | numeric | 0 to 36
PercentSalaryHike | numeric | 11 to 25
cement | numeric | 102..540
age_days | numeric | 28, 3, 7, 56, 14, 90, 100, 180
lead_time | numeric | 0 to 700
stays_in_week_nights | numeric | 1 to 25
stays_in_weekend_nights | numeric | 0, 2, 1, 4
adults | numeric | 2, 1, 3, 4
children | numeric | 0, 1, 2, 3
babies | numeric | 0, 1, 2
meal | category | bed_and_breakfast, half_board, self_catering
country | category | prt, gbr, esp, irl, fra
is_repeated_guest | boolean | 0, 1
reserved_room_type | category | a, d, e, f, g
required_car_parking_spaces | numeric | 0, 1, 2, 3
total_of_special_requests | numeric | 0, 1, 2, 3, 4
arrival_date | date | days
carat | numeric | 0.2..5.0
cut | category | Ideal, Premium, Very Good, Good, Fair
clarity | category | SI1, VS2, SI2, VS1, VVS2
island | category | Biscoe, Dream, Torgersen
flipper_length_mm | numeric | 172 to 231
body_mass_g | numeric | 2700 to 6300
pickup | date | moments
passengers | numeric | 1, 2, 5, 3, 4, 6, 0
tolls | numeric | 0.0..45.5
payment | category | credit card, cash
pclass | code | 3, 1, 2
sibsp | numeric | 0, 1, 2, 4, 3, 8, 5
alone | boolean | true, false
deck | category | C, B, D, E, A
senior_citizen | boolean | 0, 1
multiple_lines | category | No, Yes, No phone service
tenure | numeric | 1 to 72
quality | code | 6, 5, 7, 8, 4
"""


def _values(name: str, words: str, draw: np.random.Generator) -> object:
    """A value for each row, as a file would hold it."""
    if words == "rows":
        return np.arange(1, ROWS + 1)
    if words == "days":
        return [date(2017, 1, 1) + timedelta(days=int(day)) for day in draw.integers(0, 426, ROWS)]
    if words == "moments":
        return pd.Timestamp("2019-03-01") + pd.to_timedelta(draw.integers(0, 2_600_000, ROWS), unit="s")
    if " to " in words:
        low, high = map(int, words.split(" to "))
        return draw.integers(low, high + 1, ROWS)
    if ".." in words:
        low, high = map(float, words.split(".."))
        return np.round(draw.uniform(low, high, ROWS), 2 if name != "Longitude" else 6)
    levels = words.split(", ")
    weights = 0.6 ** np.arange(len(levels))
    return draw.choice(levels, ROWS, p=weights / weights.sum())


def test_the_kinds_of_a_labelled_set_are_those_that_a_person_gave(read_file) -> None:
    lines = [[part.strip() for part in line.split(" | ")] for line in LABELLED.strip().splitlines()]
    draw = np.random.default_rng(0)
    frame = pd.DataFrame({name: _values(name, words, draw) for name, _, words in lines})
    schema = detect_schema(read_file("labelled.csv", frame.to_csv(index=False)), "meal")
    found = {column.name: column.kind for column in schema.columns}
    wrong = {name: found[name] for name, kind, _ in lines if found[name] != kind}
    assert len(lines) >= 60
    assert wrong == {}
