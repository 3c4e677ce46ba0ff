"""The words of the grammar: phrases that people use, and the concept that each stands for."""

from collections.abc import Mapping
from typing import Final

from tabsmith.statistics.plan import (
    Aggregate,
    CompareMethod,
    MissingRule,
    OutlierMethod,
    RegressionFamily,
    RelateMethod,
)
from tabsmith.statistics.words.tokens import tokens_of

Concept = str
"""`operation:relate`, `aggregate:mean`, `role:by`, `method:pearson` ...: what a phrase stands for."""


def _phrases(concept: Concept, *lines: str) -> dict[tuple[str, ...], Concept]:
    return {tuple(token.word for token in tokens_of(phrase)): concept for line in lines for phrase in line.split(", ")}


_AGGREGATES: Final[Mapping[Aggregate, str]] = {
    "mean": "mean, average, averages, avg, averaged, expected value, arithmetic mean",
    "median": "median, medians, middle value, 50th percentile",
    "mode": "mode, modal value",
    "deviation": "standard deviation, standard deviations, std, stdev, std dev, sd, deviation, deviations, spread, "
    "variability, dispersion, scatter of, how spread out, how variable",
    "variance": "variance, variances",
    "minimum": "minimum, min, smallest, lowest, least, cheapest, youngest, shortest, minimal, smallest value, lowest value",
    "maximum": "maximum, max, largest, highest, biggest, greatest, oldest, longest, tallest, maximal, largest value, "
    "highest value",
    "sum": "sum, sums, total, totals, sum total, in total, overall sum, added up",
    "quartiles": "quartiles, quartile, iqr, interquartile range, quantiles, percentiles, 25th and 75th percentile",
}

_RELATE_METHODS: Final[Mapping[RelateMethod, str]] = {
    "pearson": "pearson, pearson's, pearsons, linear correlation",
    "spearman": "spearman, spearman's, spearmans, rank correlation",
    "kendall": "kendall, kendall's, kendalls, kendall tau, kendall's tau",
    "cramers_v": "cramer's v, cramers v, cramer v, cramer",
    "correlation_ratio": "correlation ratio, eta squared",
    "mutual_information": "mutual information",
}

_COMPARE_METHODS: Final[Mapping[CompareMethod, str]] = {
    "t": "t test, ttest, t-test, student's t, students t, student t test, independent t test, two sample t test",
    "welch": "welch, welch's, welch test, welch t test, welch's t test",
    "paired_t": "paired t, paired t test, paired test, dependent t test",
    "mann_whitney": "mann whitney, mann whitney u, mann-whitney, rank sum, rank sum test, wilcoxon rank sum, u test",
    "wilcoxon": "wilcoxon, wilcoxon signed rank, signed rank, signed rank test",
    "anova": "anova, analysis of variance, one way anova, f test",
    "welch_anova": "welch anova, welch's anova",
    "kruskal": "kruskal, kruskal wallis, kruskal-wallis",
    "chi_square": "chi square, chi squared, chi2, chisquare, chi-square, test of independence, chisq",
    "fisher": "fisher, fisher's, fisher exact, fisher's exact, fisher test",
    "mcnemar": "mcnemar, mcnemar's",
    "proportions": "proportion test, proportions test, test of proportions, test proportions, z test, two proportion test",
    "normality": "normality, normally distributed, normal, gaussian, bell shaped, shapiro, shapiro wilk, follow a normal "
    "distribution, normal distribution, follows a normal distribution",
    "equal_variances": "equal variances, equal variance, homoscedasticity, levene, levene's, bartlett, same variance, "
    "variances equal, homogeneity of variance, homogeneity of variances",
}

_FAMILIES: Final[Mapping[RegressionFamily, str]] = {
    "linear": "linear regression, ols, least squares, linear model, multiple regression, simple regression, lm",
    "logistic": "logistic regression, logistic, logit",
    "poisson": "poisson regression, poisson",
    "negative_binomial": "negative binomial, negative binomial regression",
    "ordinal": "ordinal regression, ordinal, ordered logit, proportional odds",
}

_OUTLIER_METHODS: Final[Mapping[OutlierMethod, str]] = {
    "iqr": "tukey, box plot rule, boxplot rule, fences, iqr rule",
    "z_score": "z score, z scores, zscore, z-score, standard scores",
    "mad": "mad, median absolute deviation, robust z",
}

_MISSING_RULES: Final[Mapping[MissingRule, str]] = {
    "leave out": "ignoring, ignore, without, leaving out, leave out, dropping, drop, excluding, exclude, skipping, skip, omitting",
    "zero": "zero, 0, zeros, zeroes",
    "mean": "mean, the mean, average, the average, means, their mean",
    "median": "median, the median, medians, their median",
    "forward": "previous value, the previous value, the previous, the last value, the row before, the value before, previous",
}
_MISSING_WORDS: Final = (
    "missing", "missing values", "missings", "blanks", "blank", "empty", "empty cells", "empty values", "nulls", "null", "nans", "na", "nas",
)  # fmt: skip
_TAKEN_AS: Final = (
    "as",
    "with",
    "by",
    "=",
    "are",
    "is",
    "taken as",
    "counted as",
    "replaced by",
    "replaced with",
    "filled with",
    "set to",
    "to",
)


def _missing_rule_phrases() -> dict[tuple[str, ...], Concept]:
    """`missing values as zero`, `ignoring blanks` ...: every word for a missing value with every word for its treatment."""
    phrases = _phrases("missing rule:forward", "forward fill, forward filling, ffill, carry forward, carried forward")
    for rule, text in _MISSING_RULES.items():
        for treatment in text.split(", "):
            for word in _MISSING_WORDS:
                forms = (
                    [f"{treatment} {word}"]
                    if rule == "leave out"
                    else [f"{word} {link} {treatment}" for link in _TAKEN_AS]
                )
                phrases |= {tuple(token.word for token in tokens_of(form)): f"missing rule:{rule}" for form in forms}
    return phrases


PHRASES: Final[Mapping[tuple[str, ...], Concept]] = {
    **{key: value for name, text in _AGGREGATES.items() for key, value in _phrases(f"aggregate:{name}", text).items()},
    **_phrases("aggregate:range", "range, ranges, minimum and maximum, min and max, span, spans, from what to what"),
    **_phrases("aggregate:typical", "typical, typically, usual, usually, central tendency, normal value"),
    **_phrases("operation:outliers", "outlier, outliers, odd values, odd, extreme, extremes, extreme values, anomaly, anomalies",
               "anomalous, unusual, unusual values, strange, strange values, weird, weird values, suspicious, abnormal, implausible",
               "unusually high, unusually low, extremely high, extremely low"),
    **_phrases("operation:missing", "missing, missing values, missing value, blank, blanks, empty, empties, empty cells, null",
               "nulls, nan, nans, na, nas, missingness, incomplete, gaps, holes, not filled, not filled in, unfilled, complete",
               "completeness, missing data, absent, no value, lack, lacks, lacking, null values, empty values, blank values"),
    **_phrases("operation:trend", "trend, trends, over time, through time, with time, across time, time series, timeline, evolve",
               "evolves, evolved, evolution, develop over time, development, over the years, over the months, over the weeks",
               "develop, develops, developed, over the days, through the years, seasonality, seasonal, as time goes by, in the course of time, time course",
               "month by month, year by year, day by day, week by week, monthly, yearly, annually, annual, weekly, daily",
               "quarterly, hourly, year over year, month over month, historically"),
    **_phrases("period", "month, months, week, weeks, day, days, quarter, quarters, hour, hours, year, years, date, dates, time"),
    **_phrases("operation:frequency", "how many, number of, no. of, count of, counts of, count, counts, frequency",
               "frequencies, frequency table, how often, value counts, tally, tabulate, cross tabulate, crosstab, cross tab",
               "contingency table, cross table, bar chart, bar plot, barplot, pie chart, pie, breakdown, break down, occurrences, how frequent",
               "how common, two way table"),
    **_phrases("distinct", "unique, distinct, different values, unique values, distinct values, categories, possible values",
               "levels, all values, what values, which values, kinds of, types of, different kinds of, different types of"),
    **_phrases("share", "share, shares, percent, percentage, percentages, proportion, proportions, fraction, fractions, ratio",
               "what percent, what percentage, what share, what proportion, what fraction, %, rate, rates, how much of"),
    **_phrases("most", "most common, most frequent, most popular, commonest, most often, commonly"),
    **_phrases("least", "least common, least frequent, rarest, rare, least popular, least often"),
    **_phrases("top", "top"),
    **_phrases("first", "first, earliest"),
    **_phrases("last", "last, latest, newest, most recent"),
    **_phrases("operation:relate", "related, relate, relates, relation, relations, relationship, relationships, correlate",
               "correlates, correlated, correlating, correlation, correlations, corr, associated, associate, association",
               "associations, associates, depend, depends, dependent, dependence, dependency, linked, link, links, connection",
               "connected, connections, go together, goes together, going together, move together, moves together, linked up",
               "interdependent, correspond, corresponds, tied, have to do, has to do, have anything to do, scatter plot",
               "scatterplot, scatter, covary, goes up, go up, rise, rises, independent"),
    **_phrases("operation:influence", "affect, affects, affected, affecting, influence, influences, influenced, influencing",
               "impact, impacts, impacted, effect, effects, drive, drives, driven, driving, determine, determines, determined, matter for",
               "matters for, matter, matters, cause, causes, caused, explain, explains, explained, explanatory, role"),
    **_phrases("drivers", "drivers, driver, factors, factor, predictors of, predictor, predictors, determinants, important for",
               "most important, important, importance, best predict, best predicts, best predictors, strongest predictors",
               "tell about, tells about, what drives, key drivers"),
    **_phrases("strongest", "strongest, weakest, strong, weak, strongly, weakly, highly, most strongly, most, closest, best, most useful, useful"),
    **_phrases("matrix", "correlation matrix, matrix, heatmap, heat map, all correlations, pairwise, pairs, all pairs, every pair"),
    **_phrases("operation:compare", "compare, compares, compared, comparing, comparison, differ, differs, differing, difference",
               "differences, different, significant difference, significantly different, differently, contrast"),
    **_phrases("direction", "significantly, significant, increase, increases, decrease, decreases, grow, grows, fall, falls, higher, lower, more, less, greater, bigger, smaller, larger, better, worse, older, younger, longer",
               "shorter, fewer, same, equal, similar, cheaper, vary, varies, varied, varying, variation, change, changes, changed"),
    **_phrases("versus", "versus, vs, vs., against, rather than, than, compared to, compared with, in comparison to, in comparison with"),
    **_phrases("operation:regress", "regress, regression, regressions, regressed, fit a line, line of best fit, controlling for, controlled for",
               "adjusting for, adjusted for, holding constant, accounting for, as a function of, coefficients, coefficient"),
    **_phrases("role:controls", "controlling for, controlled for, adjusting for, adjusted for, accounting for, when controlling for"),
    **_phrases("role:function", "as a function of"),
    **_phrases("operation:describe", "describe, description, summary, summaries, summarize, summarise, summarizes, overview",
               "statistics, stats, descriptives, descriptive statistics, descriptive, profile, facts, key figures, about, look like",
               "looks like, characterize, characterise, skewness, kurtosis, skew, skewed, shape, moments, summary statistics, box plot, boxplot"),
    **_phrases("distribution", "distribution, distributions, distributed, histogram, histograms, density, how are, spread across"),
    **_phrases("picture", "plot, plots, chart, charts, graph, graphs, draw, visualize, visualise, picture, diagram, plotted"),
    **_phrases("role:by", "by, per, for each, for every, in each, in every, across, within each, within, grouped by, group by",
               "broken down by, split by, separated by, separately for, separately by, each, every, by each, for all, among the different, for different",
               "over each, on each, for the different, across all, across the, in the different, of each, of every, depending on, according to"),
    **_phrases("role:where", "where, when, if, whose, only, only for, only in, having, restricted to, limited to, filtered by"
               ", filter by, filter, filtered, who are, who is, that are, which are, with only, just for, among, amongst, in rows with"
               ", for rows with, for rows where, in rows where, rows with, rows where, for which, such that, given that, who have, who has"
               ", that have, that has, given"),
    **_phrases("not", "not, except, excluding, exclude, without, other than, isn't, isnt, is not, are not, aren't, doesn't, no longer"
               ", don't, dont, never, != , non, apart from, but not"),
    **_phrases("role:between", "between"),
    **_phrases("role:to", "to"),
    **_phrases("role:on", "on, upon, using, from"),
    **_phrases("role:for", "for"),
    **_phrases("role:in", "in, inside, of all, at"),
    **_phrases("role:with", "with"),
    **_phrases("role:of", "of"),
    **_phrases("and", "and, as well as, plus, also, &, +, ,, along with, together with, then, and then"),
    **_phrases("or", "or, or else"),
    **_phrases("is", "is, are, was, were, equals, equal to, =, ==, be, being, has been, :"),
    **_phrases("greater", "more than, greater than, larger than, bigger than, higher than, older than, longer than, at least, above, over"
               ", >, >=, ≥, exceeds, exceed, exceeding, after, since"),
    **_phrases("smaller", "less than, smaller than, lower than, younger than, shorter than, fewer than, at most, below, under, <, <=, ≤"
               ", before, until, up to"),
    **_phrases("tilde", "~"),
    **{key: value for name, text in _RELATE_METHODS.items() for key, value in _phrases(f"relate method:{name}", text).items()},
    **{key: value for name, text in _COMPARE_METHODS.items() for key, value in _phrases(f"compare method:{name}", text).items()},
    **{key: value for name, text in _FAMILIES.items() for key, value in _phrases(f"family:{name}", text).items()},
    **{key: value for name, text in _OUTLIER_METHODS.items() for key, value in _phrases(f"outlier method:{name}", text).items()},
    **_missing_rule_phrases(),
    **_phrases("train", "train, training, trains, retrain, build a model, make a model, create a model, fit a model, learn a model, need a model"
               ", want a model, machine learning, train a model, train me a model, build me a model, make me a model, model for, a model of, classifier for"
               ", build a classifier, train a classifier, classify, classifier, automl, build a regressor, a model that predicts, model to predict, train model"),
    **_phrases("predict", "predict, predicts, predicting, prediction, predictions, estimate, estimates, score, forecast, forecasts, forecasting, guess, will, use my model, apply my model, use my last model, apply my last model, use the model, apply the model"),
    **_phrases("model", "model, models, my model, last model, my last model, latest model, best model, the model, which models, what models"),
    **_phrases("list", "list"),
    **_phrases("these rows", "these rows, this file, these, new rows, new data, this data, this table, these data, those rows"),
    **_phrases("rows", "first rows, head, raw data, sample rows, some rows, the rows, a few rows, few rows, example rows, see the data, look at the data, first few rows, random rows"),
    **_phrases("columns", "columns, variables, fields, features, column names, everything, all columns, every column, all variables"
               ", each column, each variable, per column, by column, whole table, whole dataset, the whole, entire table, entire dataset, numeric columns, number columns"),
    **_phrases("row count", "how many rows, number of rows, row count, count of rows, how many records, number of records, how many entries"
               ", how many observations, how many lines, count rows, how big, how large, how long is the table, size of the table, dimensions"
               ", how many cases, count the rows, number of observations, number of entries, number of cases, shape of the data"),
    **_phrases("column count", "how many columns, number of columns, how many variables, what columns, which columns are there, list columns"
               ", list the columns, columns are there, what are the columns, what variables, show columns, column list, what is in the table"
               ", what is in this table, what is in the data, what is in this data, what's in the table, what's in this table, what's in here, what is in here"
               ", what is this table about, what is in this file, what's in this file"),
    **_phrases("unsupported", "delete, remove, drop, rename, sort, sorted, order by, join, merge, update, insert, export, save, cluster, clusters"
               ", clustering, pca, principal components, segment, pivot, why, when did, which row, which rows, causal, percentile"
               ", 90th percentile, 95th percentile, 99th percentile, cumulative, moving average, rolling, growth, growth rate, normalize, standardize, sql"
               ", select, weighted, weighted average, geometric mean, harmonic mean, survival analysis, confidence interval, cohort, ratio of, ratio between"
               ", divided by, times, multiplied by, minus, squared, log of, logarithm of, double, half"),
    **_phrases("which rows", "which customers, which people, which persons, which users, which patients, which passengers, which employees, which students"
               ", which clients, which records, which houses, which cases, which items, which observations, which entries, list customers, list people"),
    **_phrases("negative question", "not related, not correlated, unrelated, uncorrelated"),
    **_phrases("filler", "please, can, could, you, would, i, me, my, we, us, our, want, like, know, see, show, tell, give, get, need, find",
               "the, a, an, this, that, there, it, its, do, does, did, has, have, had, shall, should, what, which, what's, whats, how, who",
               "let, let's, lets, any, some, all, each of the, data, dataset, table, file, column, variable, field, value, values, much, many, so",
               "your, their, his, her, them, they, these, those, compute, calculate, calc, run, perform, make, do i, report, display, print, analyse",
               "analyze, analysis, look, at the, check, test, tests, whether, hey, hi, hello, thanks, thank, ok, well, just, really, actually",
               "between the, group, groups, grouped, among the, overall, general, generally, quick, quickly, short, full, detailed, basic, simple",
               "result, results, number, numbers, figure, figures, statistically, statistical, one, ones, into, out, up, as, both, two, three, own",
               "am, interested, help, understand, question, answer, wonder, wondering, would like, using the, terms, level, here, exist, exists, come",
               "come out, amount, amounts, how do, kind, type, sort of, usually, possible, given the, view, inspect, explore, investigate, ?, !, ., ;",
               "if there, is there, are there, do you, can you, most of, them all, appear, appears, occur, occurs, contain, contains, there's, hold, holds",
               "form, common, via, method, correction, line, around, per cent, s, anything, something, anyone, coefficient r, pearson r, r, type, types, etc, very, too, not sure, maybe, perhaps, still, yet, now, exactly"),
    **_phrases("row noun", "rows, row, record, records, entries, entry, observations, observation, cases, case, people, person, persons, customers",
               "customer, clients, client, users, user, patients, patient, passengers, passenger, employees, employee, students, student, items",
               "item, individuals, individual, participants, participant, subjects, subject, members, member, respondents, respondent, lines, homes, home, houses, house, flats, flat, apartments, apartment"
               ", properties, property, products, product, orders, order, accounts, account, companies, company, transactions, transaction"
               ", cars, car, vehicles, vehicle, loans, loan, applicants, applicant, borrowers, animals, animal, flights, flight, trips, trip"
               ", visitors, visitor, workers, worker, players, player, samples, guests, guest, families, households, household"),
}  # fmt: skip
"""Every phrase in folded words, and its concept. The longest phrase at a place wins."""

LONGEST: Final = max(map(len, PHRASES))

WORDS: Final = frozenset(word for phrase in PHRASES for word in phrase)
"""Every word of the grammar: none of them is taken for a column's misspelt name."""

MEANINGS_OF_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "man": ("male", "m", "men"),
    "male": ("m", "man", "men"),
    "woman": ("female", "f", "w", "women"),
    "female": ("f", "woman", "w", "women"),
    "boy": ("male", "m"),
    "girl": ("female", "f"),
}
"""What values may stand for a person's word, in its singular."""
