"""Takes the picture of the report that the READMEs show: `python docs/images/take.py runs/digits/report.html`.

Needs chromium. The page is a column; the picture shows its first half beside its second.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

WIDTH, HEIGHT, CUT = 1000, 1515, 1520  # of half a page; where the second half begins


def take(report: Path, target: Path) -> None:
    """Draw a report with chromium, and put its halves side by side."""
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.png"
        size = f"--window-size={WIDTH},{CUT + HEIGHT}"
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", size, f"--screenshot={page}"]
        subprocess.run(["chromium", *options, report.resolve().as_uri()], check=True, capture_output=True)
        whole = Image.open(page).convert("RGB")
    picture = Image.new("RGB", (2 * WIDTH, HEIGHT))
    for column, top in enumerate((0, CUT)):
        picture.paste(whole.crop((0, top, WIDTH, top + HEIGHT)), (column * WIDTH, 0))
    picture = picture.resize((1600, 1600 * HEIGHT // (2 * WIDTH)), Image.Resampling.LANCZOS)
    picture.quantize(256, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    take(Path(sys.argv[1]), Path(__file__).with_name("report.png"))
