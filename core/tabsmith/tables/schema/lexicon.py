"""What a column's name suggests: the words by which people name targets, keys, classes, codes, persons and traits.

The words are those of public collections of tables and of everyday business. The weight of a word is how strongly it
alone suggests a target, from 0 to 1.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TARGET_WORDS: Final[dict[str, float]] = {
    word: weight
    for weight, words in (
        (0.97, "target label labels targets"),
        (
            0.93,
            "outcome response dependent survived churn churned attrition species diagnosis medv left fraud fraudulent",
        ),
        (0.93, "readmitted readmission spam sentiment saleprice exited defaulted subscribed malignant"),
        (
            0.9,
            "price prc survival survive default stroke approved rejected clicked converted purchased cancelled canceled",
        ),
        (0.9, "anomaly phishing malware hazardous poisonous edible toxic tomorrow winner loanstatus heartdisease"),
        (0.85, "mpg prices died dead death mortality disease deposit approval admitted hired promoted bought failure"),
        (0.85, "faulty fault failed delayed cultivar isfraud rul digit variety recurrence relapse progression cardio"),
        (0.8, "class classes tip quality salary wage wages revenue sales demand rings severity decision result y"),
        (0.75, "charges profit rent diabetes cancer chd delay conversion loan risk eligible placed attack intrusion"),
        (0.75, "noshow won win strength emissions emission co2 expectancy popularity cnt hit admit chance toxicity"),
        (
            0.7,
            "fare income cost costs rating score grade grades click fail passed letter satisfied",
        ),
        (
            0.65,
            "utility rmsd fps yield consumption expenditure expenses spend spending shares bikers purchase booked booking turnover",
        ),
        (
            0.6,
            "satisfaction happiness gpa genre output accepted placement promotion popular g3 mood rate performance",
        ),
        (
            0.55,
            "stress crime load power efficiency bodyfat fat claim claims pressure damage renewal lapse adoption votes",
        ),
        (0.5, "value status type energy amount duration category activity segment hospitalized cover"),
        (0.4, "count total group condition volume cluster position rank weight concentration loss"),
        (0.3, "level area temperature pulse interest"),
    )
    for word in words.split()
}
_PHRASES: Final = (
    "sale price", "loan status", "median house value", "heart disease", "cover type", "selling price", "med house val",
    "credit risk", "life expectancy", "default payment", "body fat", "death event", "machine failure", "class label",
    "no show", "critical temp", "price range", "booking status", "traffic volume", "revenue", "charged off", "life time value", "air quality",
)  # fmt: skip
_PHRASE_WEIGHT: Final = 0.93

_WEAKER: Final = _words("""
    previous prior past last since num number n days initial base start starting list old before historical history
    monthly hourly daily monthlyrate max min std id key ratio lag lagged first parent other avg3 per pre sub market unit
    competitor fuel oil gas
""")
_STRONGER: Final = _words("""
    is has final actual true will next future sale sales median predicted arr arrival
""")
_UNLIKELY: Final = _words("""
    id ids uuid guid key index idx row rownames rowid rownum name names firstname lastname surname email mail phone
    address street zip zipcode zip3 postal postcode latitude longitude lat lon lng long date time year month day
    weekday hour minute second timestamp datetime age sex gender race ethnicity country city state region county
    nationality url link comment comments notes description title fold split train test weekdayname unnamed created
    updated x z
""")
_KEYS: Final = _words("""
    id ids uuid guid key rownames rowid rownum index idx rownumber unnamed no nr
""")
_CLASSES: Final = _words("""
    class classes label labels target targets type category species digit letter variety cultivar segment cluster
    genre diagnosis activity group outcome sentiment
""")
_CODES: Final = _words("""
    year month day weekday hour quarter week zip zipcode postal postcode code class pclass grade level type category
    region district cluster group status segment rank rating stars tier ward sector store shop branch station
    channel model floor zone area_code month_number education
""")
_QUANTITIES: Final = _words("""
    count counts number num n qty quantity total amount sum avg average mean median min max age ages price cost rooms
    bedrooms bathrooms beds baths children kids siblings persons people passengers cylinders doors seats visits times
    hours minutes seconds days weeks months years length width height weight size distance depth speed rate ratio
    percent percentage pct score scores points goals wins losses votes population area temp temperature income balance
    duration delay units items orders clicks views likes pregnancies dependents dependants cars bikes frequency freq
    volume value values dose bath kitchen kitchens fireplace fireplaces adults babies infants guests nights stays spaces
    requests cancellations bookings changes trips floors stories storeys calls complaints companies employees
""")
_ORDINALS: Final = _words(
    "number num n value values score scores"
)  # end names of labels too: month_number, grade_value
_LATELY: Final = _words("last past previous prior this per")
_ENTITIES: Final = _words("""
    patient subject customer user client member person participant student household speaker respondent visitor
    patientid subjectid userid customerid clientid employee borrower animal donor cow account individual subj pid
    device engine machine sensor vehicle driver player unit turbine pump battery mouse rat dog horse child twin worker
    passenger guest tenant applicant policyholder deviceid machineid engineid memberid studentid personid uid
""")
_NEED_A_KEY_WORD: Final = _words("unit child worker passenger guest tenant applicant account battery dog horse")
_KEY_WORDS: Final = _words("id ids no nr number code key uuid")
_OWNERS: Final = _words("""
    store shop branch team school hospital clinic ward farm plot batch lot plate session site station host owner
    author artist seller doctor nurse teacher company supplier merchant product item sku campaign village family
    email mail login
""")
_PERIODS: Final = _words("""
    year yr month day week quarter date time hour minute second weekday dayofweek period season decade century
""")
_GENERIC: Final = _words(
    "class classes type category status level count value values group total score rating rate grade amount duration "
    "position rank y result segment load power pressure area interest quality income"
)
_COMMON_FEATURES: Final = _words("""
    income type grade quality class classes category status level group segment score rating value values amount duration
    condition balance loan diabetes cancer disease activity rank position weight temperature pressure risk area count
""")


@lru_cache(maxsize=32_768)
def name_words(name: str) -> tuple[str, ...]:
    """The words in a column's name, in lower case: "SalePrice" and "Sale Price ($)" both give sale, price."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name[:200])
    return tuple(word for word in re.split(r"[^a-z0-9]+", spaced.lower()) if word)


def target_weight(name: str, others: Sequence[str] = ()) -> float:
    """How strongly a name suggests a target, from 0 to 1; `others` are the names of all columns.

    The head of the name counts most: the word before "per" or "of", else the last word.
    """
    words = name_words(name)
    if not words:
        return 0.0
    if words == ("y",) and len(others) > 3 and "x" in {other.strip().lower() for other in others}:
        return 0.0  # one of the coordinates
    weight = _PHRASE_WEIGHT if _has_phrase(words) else max(_weight_at(words), _TARGET_WORDS.get("".join(words), 0.0))
    if weight and len(words) > 1:
        if _WEAKER & set(words[:-1]) or words[-1] in _WEAKER:
            weight *= 0.5
        elif _STRONGER & set(words[:-1]):
            weight = min(0.97, weight * 1.1)
    return weight


def _has_phrase(words: tuple[str, ...]) -> bool:
    joined = " ".join(words)
    return any(phrase in joined for phrase in _PHRASES)


def _modest(word: str, words: tuple[str, ...]) -> float:
    """The factor of a word of little meaning by itself, which says less after other words: `passenger class`."""
    return 0.55 if word in _GENERIC and len(words) > 1 else 1.0


def _weight_at(words: tuple[str, ...]) -> float:
    head = len(words) - 1
    for stop in ("per", "of", "in", "usd", "eur", "mpa", "kg", "mm"):
        if stop in words[1:]:
            head = min(head, words.index(stop, 1) - 1)
    while head > 0 and words[head].isdigit():
        head -= 1
    weight = _TARGET_WORDS.get(words[head], 0.0)
    if len(words) == 1 or weight == 0.0:
        inner = max((_TARGET_WORDS.get(word, 0.0) for word in words[:head]), default=0.0)
        return max(weight, 0.6 * inner)
    inner = max((_TARGET_WORDS.get(word, 0.0) for word in words[:head]), default=0.0)
    return max(weight * 0.95 * _modest(words[head], words), 0.9 * inner if words[head] in _GENERIC else 0.0)


def is_common_feature(name: str) -> bool:
    """Whether the name's target word is as often that of a feature: income, type, grade, quality, class."""
    return head_word(name) in _COMMON_FEATURES and not _has_phrase(name_words(name))


def number_family(name: str) -> str:
    """What columns that are only numbered have in common: `v` for V1 and V28; "" for a name without a number."""
    match = re.fullmatch(r"(.*?)[\s_.-]*\d+", name[:200].strip().lower())
    return match[1] if match else ""


def head_word(name: str) -> str:
    """The last word of a name that suggests a target, or ""."""
    return next((word for word in reversed(name_words(name)) if word in _TARGET_WORDS), "")


def is_unlikely_target(name: str) -> bool:
    """Whether the name suggests a key, a place, a time or a person's trait."""
    words = name_words(name)
    return bool(words) and (words[-1] in _UNLIKELY or words[0] in {"id", "date", "name"})


def is_key_name(name: str) -> bool:
    """Whether the name suggests a key: id, patient_id, CustomerID, rownames, Unnamed: 0."""
    words = name_words(name)
    if not words:
        return False
    joined = "".join(words)
    return (
        words[-1] in _KEYS
        or words[0] in {"unnamed", "rownames"}
        or (joined.endswith("id") and joined[:-2] in _ENTITIES)
    )


def is_class_name(name: str) -> bool:
    words = name_words(name)
    return bool(words) and (words[-1] in _CLASSES or words[0] in _CLASSES)


def is_code_name(name: str) -> bool:
    """Whether the name suggests a number that is a label: year, zip_code, job_level; but not week_nights, which are counted."""
    words = name_words(name)
    counted = is_quantity_name(name) and words[-1] not in _ORDINALS
    return not counted and any(word in _CODES for word in words)


def is_quantity_name(name: str) -> bool:
    """Whether the name suggests something that is counted or measured: children, num_visits, age, times last year."""
    words = name_words(name)
    if len(words) > 2 and words[-1] in _PERIODS and words[-2] in _LATELY:
        words = words[:-2]
    return bool(words) and (words[-1] in _QUANTITIES or words[0] in {"n", "num", "number", "count", "total"})


def is_entity_name(name: str) -> bool:
    """Whether the name suggests a person, an animal or a machine that may have several rows."""
    words = name_words(name)
    if not words or not any(word in _ENTITIES for word in words):
        return False
    if words[-1] in _KEY_WORDS:
        return True
    return len(words) == 1 and words[0] not in _NEED_A_KEY_WORD


def is_owner_name(name: str) -> bool:
    """Whether the name suggests something that several rows may belong to: a store, a batch, an address of mail."""
    words = name_words(name)
    if len(words) == 1:
        return words[0] in _OWNERS
    return bool(words) and words[-1] in _KEY_WORDS


def is_period_name(name: str) -> bool:
    """Whether the name suggests a part of time: year, week, hour."""
    return any(word in _PERIODS for word in name_words(name))
