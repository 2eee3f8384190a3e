"""The README's table shows a small picture of every lesson, and `make thumbnails` makes them."""

import base64
import io
import re

from PIL import Image

from lthlib.pages.site import thumbnails
from tests.conftest import ROOT
from tests.notebooks import LESSONS


def test_every_lesson_has_a_small_picture_in_the_readmes_table():
    shown = re.findall(
        r'<img src="(docs/thumbnails/\d\d.png)" width="150" alt="A figure of lesson (\d+)">', (ROOT / "README.md").read_text()
    )
    assert shown == [(f"{thumbnails.FOLDER}/{path.name[:2]}.png", str(int(path.name[:2]))) for path in LESSONS]
    assert sorted(path.name for path in (ROOT / thumbnails.FOLDER).iterdir()) == [f"{path.name[:2]}.png" for path in LESSONS]
    for name, _ in shown:
        with Image.open(ROOT / name) as image:
            assert image.width <= thumbnails.WIDTH and image.height <= thumbnails.HEIGHT
        assert (ROOT / name).stat().st_size <= thumbnails.LARGEST


def picture(colour, size=(900, 600)):
    file = io.BytesIO()
    Image.new("RGBA", size, colour).save(file, format="PNG")
    return f'<figure><img alt="one" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"></figure>'


def cell(page, *tags):
    output = {"output_type": "display_data", "data": {"text/html": page}}
    return {"cell_type": "code", "source": "", "metadata": {"tags": list(tags)}, "outputs": [output]}


def colour_of(png):
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (330, 220)
        return image.convert("RGB").getpixel((100, 100))


def test_the_tagged_cells_picture_is_taken_else_the_first(tmp_path):
    cells = [cell("<p>no picture</p>"), cell(picture("red")), cell(picture("blue"))]
    assert colour_of(thumbnails.of({"cells": cells})) == (255, 0, 0)
    cells.append(cell(picture("green"), "thumbnail"))
    assert colour_of(thumbnails.of({"cells": cells})) == (0, 128, 0)
    assert thumbnails.of({"cells": cells[:1]}) is None
    books = {"03_c.ipynb": {"cells": cells}, "01_a.ipynb": {"cells": cells[:1]}}
    assert [path.name for path in thumbnails.write(books, tmp_path / "new")] == ["03.png"]
