"""A model as data: the recipe, its checks, the portfolio, differences in words."""
