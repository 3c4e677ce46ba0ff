"""Texts as features: the words of a text, or its pieces of a few characters, weighed by tf-idf and reduced."""

from typing import Final

from tabsmith.modeling.features.blocks import TextAnalyzer, TextBlock
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.scaling import centers_and_scales
from tabsmith.modeling.features.text_vectorizers import TextVectorizer, new_vectorizer
from tabsmith.modeling.features.transformer import text_values
from tabsmith.tables.schema.types import ColumnKind

_COMPONENTS: Final = 12
_TERMS: Final = 3000


def fit_text_block(
    context: FeatureContext, name: str, kind: ColumnKind, analyzer: TextAnalyzer = "words"
) -> tuple[TextBlock, TextVectorizer]:
    """The block of a text column, and its fitted vectorizer: tf-idf, reduced to a few components.

    The words are those of a sentence, the items of a list, or the parts of a web address; with the analyzer
    `characters`, pieces of three to five characters stand in their place.
    """
    from sklearn.decomposition import TruncatedSVD

    texts = context.rows.strings(name)
    vectorizer = new_vectorizer(
        kind, characters=analyzer == "characters", max_features=_TERMS, min_df=2 if len(texts) >= 20 else 1
    )
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError:  # no word occurs often enough, so only the length is a feature
        model, components = TextVectorizer(None, None), 0
    else:
        components = min(_COMPONENTS, counts.shape[1], max(1, len(texts) - 1))
        reducer = None
        if components < counts.shape[1]:
            reducer = TruncatedSVD(components, random_state=context.seed).fit(counts)
        else:
            components = counts.shape[1]
        model = TextVectorizer(vectorizer, reducer)
    plain = TextBlock(name, components, analyzer=analyzer)
    center, scale = centers_and_scales(text_values(plain, model, context.rows), context.requirements.scaling)
    return TextBlock(name, components, center, scale, analyzer), model
