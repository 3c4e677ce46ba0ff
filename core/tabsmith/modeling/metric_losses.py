"""What a regression is fitted to, by the metric that it will be measured by."""

from tabsmith.families.estimator import RegressionLoss
from tabsmith.modeling.metric_catalogue import Metric


def loss_for(metric: Metric) -> RegressionLoss:
    """The loss whose best constant is that of `metric`: the median for absolute errors, a quantile for its own loss."""
    if metric.name.startswith("quantile:"):
        return RegressionLoss("quantile", metric.quantile)
    match metric.name:
        case "mae" | "median_ae":
            return RegressionLoss("absolute error")
        case "mape":
            return RegressionLoss("relative error")
        case "rmsle":
            return RegressionLoss("squared log error")
        case _:
            return RegressionLoss()
