"""The small tables that come with scikit-learn, each as a frame with its target column named."""

from typing import TYPE_CHECKING, Final

from tabsmith.tables.info import Estimate
from tabsmith.tables.read.sources import SampleName, SampleSource

if TYPE_CHECKING:
    import pandas as pd

SIZES: Final[dict[SampleName, tuple[int, int]]] = {
    "iris": (150, 5),
    "wine": (178, 14),
    "breast_cancer": (569, 31),
    "diabetes": (442, 11),
    "digits": (1_797, 65),
    "linnerud": (20, 6),
}
_TARGETS: Final[dict[SampleName, str]] = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
    "digits": "digit",
}


def sample_frame(name: SampleName) -> "pd.DataFrame":
    """The sample as a frame, its target last and in words where it has words."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")(as_frame=True)
    frame: pd.DataFrame = bunch.data.copy()
    frame.columns = [str(column).replace(" (cm)", "_cm").replace(" ", "_") for column in frame.columns]
    if name == "linnerud":
        frame[list(bunch.target.columns)] = bunch.target
        return frame
    target = bunch.target
    if name in {"iris", "wine", "breast_cancer"}:
        target = target.map(dict(enumerate(str(each) for each in bunch.target_names)))
    frame[_TARGETS[name]] = target
    for column in frame.columns:
        if frame[column].dtype == float and (frame[column] % 1 == 0).all():
            frame[column] = frame[column].astype("int64")
    return frame


def estimate_sample(source: SampleSource) -> Estimate:
    """What loading a sample costs: known beforehand."""
    rows, columns = SIZES[source.name]
    return Estimate(size=0, rows=rows, columns=columns, memory=rows * columns * 8, format="sample")
