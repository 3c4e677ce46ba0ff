"""The usage of one reply of a chat model: its tokens by kind, and its price.

The price is the list price that genai-prices, offline, has for the model that answered. It is looked up by the server's
address if genai-prices knows that, else by the provider that the settings name. So a private server (mostly a proxy)
that answers as a model of that provider costs the provider's list price; a server that answers under any other name has
no known price. Ollama never has one.
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


def reply_usage(response: ModelResponse, endpoint: ModelEndpoint) -> Usage:
    """Return the usage of one reply. A reply without token counts has no known price."""
    usage = response.usage
    price = _price(response, endpoint)
    return Usage(
        # pydantic-ai normalizes to a total that includes the caches; a server that counts otherwise must not lead to
        # negative tokens.
        input_tokens=max(0, usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens),
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.output_reasoning_tokens or usage.details.get("reasoning_tokens", 0),
        turns=1,
        cost=price or Decimal(0),
        unpriced=1 if price is None else 0,
    )


def unreadable_reply(body: bytes, endpoint: ModelEndpoint) -> ModelResponse:
    """Return a reply that could not be parsed, with the usage in its body if there is one."""
    try:
        decoded: object = json.loads(body)
    except ValueError:  # includes invalid UTF-8
        decoded = None
    model = decoded.get("model") if isinstance(decoded, dict) else None
    return ModelResponse(
        parts=[TextPart(body.decode("utf-8", "replace"))],
        usage=_usage_in(decoded, endpoint),
        model_name=clean(model) if isinstance(model, str) else endpoint.model,
        provider_name=endpoint.provider,
        provider_url=endpoint.base_url,
    )


def _usage_in(body: Any, endpoint: ModelEndpoint) -> RequestUsage:
    counts = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(counts, dict):
        return RequestUsage(unmeasured_requests=1)
    is_anthropic = endpoint.provider == "anthropic"
    with warnings.catch_warnings():
        warnings.simplefilter("error", UsageExtractionFailedWarning)  # it would return zeros
        try:
            return RequestUsage.extract(
                {"model": endpoint.model, "usage": counts},
                provider=endpoint.provider,
                provider_url=endpoint.base_url,
                provider_fallback="anthropic" if is_anthropic else "openai",
                api_flavor="default" if is_anthropic else "chat",
            )
        except UsageExtractionFailedWarning:
            return RequestUsage(unmeasured_requests=1)


def _price(response: ModelResponse, endpoint: ModelEndpoint) -> Decimal | None:
    usage = response.usage
    if endpoint.provider == "ollama" or not response.model_name or not (usage.input_tokens or usage.output_tokens):
        return None
    try:
        return response.cost().total_price
    except (LookupError, ValueError):  # an unknown model; counts that contradict each other
        return None
