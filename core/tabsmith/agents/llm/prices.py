"""What a reply of a model used: its tokens by kind, and its price.

The price is the list price that genai-prices, offline, has for the model that answered: by the server's address where
it knows that, else by the provider that the settings name. So a server of one's own that answers as a model of that
provider is booked at the provider's list price (a proxy, mostly), and one that answers under any other name has no
known price. Ollama never has one.
"""

import json
import warnings
from decimal import Decimal
from typing import Any

from pydantic_ai.exceptions import UsageExtractionFailedWarning
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.usage import RequestUsage

from tabsmith.agents.llm.providers import ModelEndpoint
from tabsmith.agents.usage import Usage
from tabsmith.text import clean


def reply_usage(response: ModelResponse, chosen: ModelEndpoint) -> Usage:
    """The usage of one reply. A reply that tells none has no known price."""
    told = response.usage
    price = _price(response, chosen)
    return Usage(
        # Both providers are normalized to a total that includes the caches; a server that counts otherwise is not
        # booked below nothing.
        input_tokens=max(0, told.input_tokens - told.cache_read_tokens - told.cache_write_tokens),
        output_tokens=told.output_tokens,
        cache_read_tokens=told.cache_read_tokens,
        cache_write_tokens=told.cache_write_tokens,
        reasoning_tokens=told.output_reasoning_tokens or told.details.get("reasoning_tokens", 0),
        turns=1,
        cost=price or Decimal(0),
        unpriced=1 if price is None else 0,
    )


def unreadable_reply(body: bytes, chosen: ModelEndpoint) -> ModelResponse:
    """A reply that could not be read, with the usage that its body tells, if it tells one."""
    try:
        said: object = json.loads(body)
    except ValueError:  # also what is no UTF-8
        said = None
    model = said.get("model") if isinstance(said, dict) else None
    return ModelResponse(
        parts=[TextPart(body.decode("utf-8", "replace"))],
        usage=_extracted(said, chosen),
        model_name=clean(model) if isinstance(model, str) else chosen.model,
        provider_name=chosen.provider,
        provider_url=chosen.base_url,
    )


def _extracted(said: Any, chosen: ModelEndpoint) -> RequestUsage:
    counts = said.get("usage") if isinstance(said, dict) else None
    if not isinstance(counts, dict):
        return RequestUsage(unmeasured_requests=1)
    speaks_anthropic = chosen.provider == "anthropic"
    with warnings.catch_warnings():
        warnings.simplefilter("error", UsageExtractionFailedWarning)  # it would return zeros
        try:
            return RequestUsage.extract(
                {"model": chosen.model, "usage": counts},
                provider=chosen.provider,
                provider_url=chosen.base_url,
                provider_fallback="anthropic" if speaks_anthropic else "openai",
                api_flavor="default" if speaks_anthropic else "chat",
            )
        except UsageExtractionFailedWarning:
            return RequestUsage(unmeasured_requests=1)


def _price(response: ModelResponse, chosen: ModelEndpoint) -> Decimal | None:
    told = response.usage
    if chosen.provider == "ollama" or not response.model_name or not (told.input_tokens or told.output_tokens):
        return None
    try:
        return response.cost().total_price
    except (LookupError, ValueError):  # an unknown model; counts that contradict each other
        return None
