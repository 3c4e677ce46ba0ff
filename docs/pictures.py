"""Makes the pictures of README and docs: a real table, a real run, the real screens, driven by keys."""

import asyncio
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

PICTURES = Path(__file__).parent / "pictures"
SIZE = (110, 34)
SECONDS = 40


def houses(path: Path, rows: int = 1_200) -> Path:
    """A table with a little of everything: an identifier, numbers, categories, a date, gaps."""
    chance = random.Random(7)
    districts = {"Harbour": 1.35, "Old Town": 1.5, "Mill Lane": 0.95, "Northgate": 0.8, "Riverside": 1.2}
    lines = ["listing_id,listed_on,district,area_m2,rooms,floor,built,balcony,condition,sale_price"]
    for number in range(rows):
        district = chance.choice(list(districts))
        area = round(chance.lognormvariate(4.3, 0.35), 1)
        rooms, floor, built = (
            max(1, round(area / 24 + chance.gauss(0, 0.5))),
            chance.randint(0, 9),
            chance.randint(1900, 2020),
        )
        condition = chance.choice(["poor", "fair", "good", "new"])
        worth = {"poor": 0.8, "fair": 0.95, "good": 1.05, "new": 1.2}[condition]
        price = 3_100 * area * districts[district] * worth * (1 + (built - 1960) / 900) + 4_000 * floor
        price *= chance.gauss(1, 0.07)
        gap = "" if chance.random() < 0.08 else str(floor)
        date = f"2024-{1 + number * 12 // rows:02d}-{chance.randint(1, 28):02d}"
        yes = "yes" if chance.random() < 0.6 else "no"
        lines.append(f"H{10_000 + number},{date},{district},{area},{rooms},{gap},{built},{yes},{condition},{price:.0f}")
    path.write_text("\n".join(lines) + "\n")
    return path


async def take(table: Path) -> None:
    """Walk from home to a prediction, and take a picture of every screen on the way."""
    from tabsmith import config
    from tabsmith_tui.app import TabsmithApp

    app = TabsmithApp(config.load())
    async with app.run_test(size=SIZE) as pilot:

        async def press(*keys: str, until: Callable[[], bool] = lambda: True) -> None:
            for key in keys:
                await pilot.press(key)
            async with asyncio.timeout(120):
                while not until():
                    await pilot.pause(0.1)
            await pilot.pause(0.4)

        def picture(name: str) -> None:
            PICTURES.mkdir(exist_ok=True)
            svg = app.export_screenshot(title="tabsmith")
            (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")
            print(f"docs/pictures/{name}.svg")

        def shows(words: str) -> Callable[[], bool]:
            return lambda: words in app.export_screenshot(title="").replace("&#160;", " ")

        await press("n", until=shows("Where is your table?"))
        await press("enter", until=shows("Which file?"))
        await press(*str(table), "enter", until=shows("Load the table now?"))
        picture("load")
        await press("enter", until=shows("Is this right?"))
        picture("schema")
        await press("enter", until=shows("How should it be trained?"))
        await press(*["backspace"] * 8, *str(SECONDS), "enter", until=shows("Ready to train?"))
        picture("ready")
        await press("enter", until=shows("Leaderboard"))
        await pilot.pause(0.7 * SECONDS)
        picture("run")
        await press(until=shows("shows the result"))
        await press("enter", until=shows("hold-out"))
        await pilot.pause(0.5)
        picture("result")


def main() -> None:
    """Take all pictures, in a home of their own."""
    with tempfile.TemporaryDirectory() as place:
        os.environ["TABSMITH_HOME"] = str(Path(place, "home"))
        os.environ["TABSMITH_PATHS__ALLOWED"] = place
        os.environ["TEXTUAL_ANIMATIONS"] = "none"
        os.chdir(place)
        table = houses(Path(place, "houses.csv"))
        asyncio.run(take(table))


if __name__ == "__main__":
    main()
