"""Kinds of files met under the name of a radiograph, and what has to become of each."""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps

from tests.shared.images.make_png import ADAM7_PASSES, SIGNATURE, chunk, filtered_rows, ihdr, png

HEIGHT, WIDTH = 40, 56


@dataclass(frozen=True)
class ImageFile:
    """A file, and either its exact grey pixels and channels or the reason to refuse it."""

    name: str
    encoded: bytes
    reason: str | None = None
    grey: np.ndarray | None = None
    channels: int = 0
    size: tuple[int, int] = (WIDTH, HEIGHT)

    def __repr__(self) -> str:
        return self.name


@cache
def image_files() -> tuple[ImageFile, ...]:
    """Return every kind, good ones first; names are unique."""
    kinds = (_good_pngs, _good_jpegs, _no_images, _bad_png_files, _bad_png_chunks)
    more = (_bad_png_pixels, _ambiguous_pngs, _bad_jpegs, _bad_sizes)
    files = tuple(file for make in (*kinds, *more) for file in make())
    assert len({file.name for file in files}) == len(files)
    return files


def picture(*more: int, top: int = 255) -> np.ndarray:
    """Return a picture with edges, slopes and noise, (height, width, *more), up to `top`."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    smooth = 0.2 + 0.5 * x / WIDTH + 0.2 * y / HEIGHT
    noise = np.random.default_rng(len(more) + top).uniform(-0.1, 0.1, (HEIGHT, WIDTH, *more))
    levels = smooth.reshape(HEIGHT, WIDTH, *(1 for _ in more)) + noise
    levels[3, 5] = 1
    levels[4, 5] = 0
    return np.round(levels.clip(0, 1) * top).astype(np.uint16 if top > 255 else np.uint8)


GREY, COLOUR = picture(), picture(3)
EQUAL = np.repeat(GREY[..., None], 3, axis=2)
DEEP, DEEP_COLOUR = picture(top=65535), picture(3, top=65535)
DEEP_EQUAL = np.repeat(DEEP[..., None], 3, axis=2)
HIGH = (DEEP >> 8).astype(np.uint8)
PALETTE = np.random.default_rng(9).integers(0, 256, (256, 3), np.uint8)
GREY_PALETTE = np.repeat(PALETTE[:, :1], 3, axis=1)


def opencv(encoded: bytes) -> np.ndarray:
    pixels = np.asarray(cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_GRAYSCALE))
    assert pixels.dtype == np.uint8
    return pixels


def _with_alpha(samples: np.ndarray, alpha: np.ndarray | int) -> np.ndarray:
    plane = np.full(samples.shape[:2], alpha) if isinstance(alpha, int) else alpha
    return np.dstack([samples, plane.astype(samples.dtype)])


def _good_pngs() -> Iterator[ImageFile]:
    def good(name: str, encoded: bytes, grey: np.ndarray = GREY, channels: int = 1) -> ImageFile:
        return ImageFile(f"png {name}", encoded, grey=grey, channels=channels)

    yield good("grey", png(GREY))
    yield good("grey by OpenCV", cv2.imencode(".png", GREY)[1].tobytes())
    yield good("grey by Pillow", pillow(GREY, "PNG"))
    yield good("rgb of equal channels", png(EQUAL, 2), channels=3)
    yield good("rgb", png(COLOUR, 2), opencv(png(COLOUR, 2)), 3)
    yield good("16-bit grey", png(DEEP, 0, 16), HIGH)
    yield good("16-bit rgb of equal channels", png(DEEP_EQUAL, 2, 16), HIGH, 3)
    yield good("16-bit rgb", png(DEEP_COLOUR, 2, 16), opencv(png(DEEP_COLOUR, 2, 16)), 3)
    just_scaled = np.minimum(DEEP, np.uint16(2**14))
    yield good("16-bit dark but scaled", png(just_scaled, 0, 16), (just_scaled >> 8).astype("u1"))
    for depth in (1, 2, 4):
        levels = picture(top=2**depth - 1)
        scaled = levels * np.uint8(255 // (2**depth - 1))
        yield good(f"{depth}-bit grey", png(levels, 0, depth), scaled)
        yield good(f"{depth}-bit grey interlaced", png(levels, 0, depth, interlaced=True), scaled)
        plte = chunk(b"PLTE", GREY_PALETTE[: 2**depth].tobytes())
        yield good(f"{depth}-bit palette", png(levels, 3, depth, plte), PALETTE[levels, 0], 3)
    plte = chunk(b"PLTE", GREY_PALETTE.tobytes())
    yield good("palette", png(GREY, 3, 8, plte), PALETTE[GREY, 0], 3)
    yield good("palette interlaced", png(GREY, 3, 8, plte, interlaced=True), PALETTE[GREY, 0], 3)
    colours = png(PALETTE[GREY], 2)
    yield good(
        "palette of colours", png(GREY, 3, 8, chunk(b"PLTE", PALETTE.tobytes())), opencv(colours), 3
    )
    few = chunk(b"PLTE", GREY_PALETTE[: int(GREY.max()) + 1].tobytes())
    yield good("palette just long enough", png(GREY, 3, 8, few), PALETTE[GREY, 0], 3)
    yield good("grey interlaced", png(GREY, interlaced=True))
    yield good("rgb interlaced", png(EQUAL, 2, interlaced=True), channels=3)
    yield good("16-bit interlaced", png(DEEP, 0, 16, interlaced=True), HIGH)
    yield good("grey and opaque alpha", png(_with_alpha(GREY, 255), 4), channels=2)
    yield good("rgb and opaque alpha", png(_with_alpha(EQUAL, 255), 6), channels=4)
    yield good("16-bit opaque alpha", png(_with_alpha(DEEP, 65535), 4, 16), HIGH, 2)
    yield good("16-bit rgb opaque alpha", png(_with_alpha(DEEP_EQUAL, 65535), 6, 16), HIGH, 4)
    used = np.where(GREY == 7, np.uint8(8), GREY)
    yield good("tRNS of an unused level", png(used, before=_trns(7)), used)
    yield good("tRNS of an unused colour", png(EQUAL, 2, before=_trns(1, 2, 3)), channels=3)
    opaque = plte + chunk(b"tRNS", b"\xff" * 256)
    yield good("tRNS of an opaque palette", png(GREY, 3, 8, opaque), PALETTE[GREY, 0], 3)
    free = plte + chunk(b"tRNS", b"\xff" * 7 + b"\0")
    yield good("tRNS of an unused palette entry", png(used, 3, 8, free), PALETTE[used, 0], 3)
    stream = zlib.compress(filtered_rows(GREY))
    parts = b"".join(chunk(b"IDAT", stream[at : at + 100]) for at in range(0, len(stream), 100))
    yield good("IDAT in parts, some empty", png(GREY, idat=chunk(b"IDAT") + parts + chunk(b"IDAT")))
    yield good("stored", png(GREY, stream=zlib.compress(filtered_rows(GREY), 0)))
    yield good("bytes after IEND", png(GREY) + b"\0" * 4096)
    yield good("another file after IEND", png(GREY) + png(COLOUR, 2))
    yield good("bytes after the stream", png(GREY, stream=stream + b"tail"))
    for kind, content in _ANCILLARY.items():
        yield good(f"with {kind.decode()}", png(GREY, before=chunk(kind, content)))
        yield good(f"with empty {kind.decode()}", png(GREY, before=chunk(kind)))
    yield good("text after IDAT", png(GREY, after=chunk(b"tEXt", b"Author\0nobody")))
    plain = opencv(png(COLOUR, 2))
    for kind in (b"gAMA", b"sRGB", b"cHRM"):
        coloured = png(COLOUR, 2, before=chunk(kind, _ANCILLARY[kind]))
        yield good(f"rgb with {kind.decode()}", coloured, plain, 3)
    suggested = png(EQUAL, 2, before=chunk(b"PLTE", PALETTE[:9].tobytes()))
    yield good("rgb with suggested palette", suggested, channels=3)
    yield good("grey with stray palette", png(GREY, before=chunk(b"PLTE", b"abcdef")))
    rows = np.frombuffer(filtered_rows(GREY), np.uint8).reshape(HEIGHT, WIDTH + 1).copy()
    rows[1::2, 1:] = GREY[1::2] - GREY[::2]
    rows[1::2, 0] = 2
    yield good("filter up", png(GREY, rows=rows.tobytes()))
    for orientation in range(1, 9):
        exif, upright = _exif(orientation), _upright(GREY, orientation)
        yield good(f"orientation {orientation}", png(GREY, before=chunk(b"eXIf", exif)), upright)
        late = png(GREY, after=chunk(b"eXIf", exif))
        yield good(f"orientation {orientation} after the pixels", late, upright)
    for name, xmp in _xmp(6).items():
        upright = _upright(GREY, 6)
        text = b"XML:com.adobe.xmp\0\0\0\0\0" + xmp
        yield good(f"XMP {name}", png(GREY, before=chunk(b"iTXt", text)), upright)
        yield good(f"XMP {name} after the pixels", png(GREY, after=chunk(b"iTXt", text)), upright)
        packed = b"XML:com.adobe.xmp\0\1\0en\0title\0" + zlib.compress(xmp)
        yield good(f"XMP {name}, compressed", png(GREY, before=chunk(b"iTXt", packed)), upright)
        for exif, way in ((_exif(3), 3), (_no_orientation(), 6)):
            both = chunk(b"eXIf", exif) + chunk(b"iTXt", text)
            yield good(f"XMP {name} and EXIF {way}", png(GREY, before=both), _upright(GREY, way))
    damaged = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0damaged")
    yield good("damaged XMP", png(GREY, before=damaged))
    yield good("nonsense for EXIF", png(GREY, before=chunk(b"eXIf", b"II*\0\xff\xff\xff\xff")))
    large = np.tile(GREY, (75, 54))
    stored = png(large, stream=zlib.compress(filtered_rows(large), 0))
    size = (large.shape[1], large.shape[0])
    yield ImageFile("png of one chunk of 9 MB", stored, grey=large, channels=1, size=size)
    exif = _exif(6) + bytes(9_000_000)
    yield good("EXIF of 9 MB", png(GREY, before=chunk(b"eXIf", exif)), _upright(GREY, 6))
    least = GREY[:16, :16].copy()
    yield ImageFile("png 16 x 16", png(least), grey=least, channels=1, size=(16, 16))


_ANCILLARY = {
    b"tIME": struct.pack(">HBBBBB", 2014, 5, 6, 7, 8, 9),
    b"tEXt": b"Title\0left wrist",
    b"zTXt": b"Title\0\0" + zlib.compress(b"left wrist"),
    b"iTXt": b"Title\0\0\0\0\0links",
    b"iCCP": b"profile\0\0" + zlib.compress(b"no profile"),
    b"gAMA": struct.pack(">I", 45455),
    b"sRGB": b"\0",
    b"cHRM": struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000),
    b"sBIT": b"\x08",
    b"bKGD": b"\0\x40",
    b"hIST": b"\0\1",
    b"pHYs": struct.pack(">IIB", 7000, 7000, 1),
    b"prVt": b"a private chunk",
}


def _trns(*levels: int) -> bytes:
    return chunk(b"tRNS", struct.pack(f">{len(levels)}H", *levels))


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes().removeprefix(b"Exif\0\0")


def _no_orientation() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    return exif.tobytes().removeprefix(b"Exif\0\0")


def _xmp(orientation: int) -> dict[str, bytes]:
    """Return XMP in both forms that RDF has for a property."""
    start, end = "<x:xmpmeta><rdf:RDF><rdf:Description", "</rdf:Description></rdf:RDF></x:xmpmeta>"
    return {
        "attribute": f'{start} tiff:Orientation="{orientation}">{end}'.encode(),
        "element": f"{start}><tiff:Orientation>{orientation}</tiff:Orientation>{end}".encode(),
    }


def _upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return the pixels as a viewer shows them (EXIF 2.32, 4.6.4.A)."""
    across, down = pixels[:, ::-1], pixels[::-1]
    both = pixels[::-1, ::-1]
    return (pixels, across, both, down, pixels.T, down.T, both.T, across.T)[orientation - 1]


def pillow(pixels: np.ndarray, kind: str, mode: str = "", **options: Any) -> bytes:
    file = io.BytesIO()
    picture = Image.fromarray(pixels)
    if mode:
        picture = picture.convert(mode)
    picture.save(file, kind, **options)
    return file.getvalue()


def _luma(encoded: bytes) -> np.ndarray:
    """Return a JPEG's Y channel by Pillow, upright."""
    opened = Image.open(io.BytesIO(encoded))
    opened.draft("L", opened.size)
    return np.asarray(ImageOps.exif_transpose(opened).convert("L"))


def _good_jpegs() -> Iterator[ImageFile]:
    def good(name: str, encoded: bytes, channels: int = 1) -> ImageFile:
        return ImageFile(f"jpeg {name}", encoded, grey=_luma(encoded), channels=channels)

    grey = pillow(GREY, "JPEG")
    yield good("grey", grey)
    yield good("rgb", pillow(COLOUR, "JPEG"), 3)
    yield good("rgb 4:4:4", pillow(COLOUR, "JPEG", subsampling=0), 3)
    yield good("progressive grey", pillow(GREY, "JPEG", progressive=True))
    yield good("progressive rgb", pillow(COLOUR, "JPEG", progressive=True), 3)
    yield good("optimized", pillow(GREY, "JPEG", optimize=True))
    yield good("restart markers", pillow(GREY, "JPEG", restart_marker_blocks=2))
    yield good("comment", pillow(GREY, "JPEG", comment=b"\xff\xd9 is no end in here"))
    yield good("profile", pillow(COLOUR, "JPEG", icc_profile=b"no profile"), 3)
    yield good("bytes after EOI", grey + b"\xff\xd8 and more")
    yield good("fill bytes before a marker", grey[:2] + b"\xff\xff\xff" + grey[2:])
    for orientation in range(1, 9):
        encoded = pillow(GREY, "JPEG", exif=b"Exif\0\0" + _exif(orientation))
        yield good(f"orientation {orientation}", encoded)
    for name, xmp in _xmp(6).items():
        for exif, way in ((b"", 6), (_exif(3), 3), (_no_orientation(), 6)):
            encoded = pillow(GREY, "JPEG", xmp=xmp, exif=exif and b"Exif\0\0" + exif)
            upright = _upright(_luma(grey), way)
            yield ImageFile(f"jpeg XMP {name}, EXIF {exif}", encoded, grey=upright, channels=1)
    nonsense = pillow(GREY, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    yield ImageFile("jpeg nonsense for EXIF", nonsense, grey=_luma(grey), channels=1)


def _no_images() -> Iterator[ImageFile]:
    yield ImageFile("empty", b"", "empty")
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"
    yield ImageFile("LFS pointer", pointer, "lfs_pointer")
    yield ImageFile("LFS pointer, CRLF", pointer.replace(b"\n", b"\r\n"), "lfs_pointer")
    html = "<!DOCTYPE html><html><title>404: größer als erlaubt</title></html>"
    yield ImageFile("HTML", html.encode(), "text")
    yield ImageFile("HTML, BOM", html.encode("utf-8-sig"), "text")
    yield ImageFile("long text, cut in a letter", "ä".join(["x", *["ä" * 400]]).encode(), "text")
    yield ImageFile("git-annex pointer", b"/annex/objects/SHA256E-s9--00.png\n", "text")
    yield ImageFile("JSON", b'{"error": "quota"}', "text")
    yield ImageFile("SVG", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text")
    yield ImageFile("zeros", bytes(4096), "unknown_format")
    noise = np.random.default_rng(1).integers(128, 256, 999, np.uint8).tobytes()
    yield ImageFile("noise", b"\x81" + noise, "unknown_format")
    for kind in ("GIF", "BMP", "TIFF", "WEBP", "JPEG2000"):
        yield ImageFile(kind, pillow(GREY, kind), "other_format")
    yield ImageFile("PDF", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "other_format")
    yield ImageFile("ZIP", b"PK\x03\x04\x14\0\0\0", "other_format")
    yield ImageFile("gzip", b"\x1f\x8b\x08\0", "other_format")
    yield ImageFile("AppleDouble", b"\0\5\x16\7\0\2\0\0", "other_format")
    yield ImageFile("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0", "other_format")


def _bad_png_files() -> Iterator[ImageFile]:
    whole = png(GREY, before=chunk(b"tEXt", b"Title\0wrist"))
    for cut in (1, 4, 8, 9, 16, 24, 33, 40, len(whole) // 2, len(whole) - 12, len(whole) - 1):
        yield ImageFile(f"png cut at {cut}", whole[:cut], "truncated")
    for share in (10, 50, 90):
        yield ImageFile(f"png cut at {share} %", whole[: len(whole) * share // 100], "truncated")
    half = len(whole) // 2
    yield ImageFile("png, half zeros", whole[:half] + bytes(len(whole) - half), "corrupt")
    yield ImageFile("png, zeros within", whole[:half] + bytes(99) + whole[half + 99 :], "corrupt")
    yield ImageFile("png, LF made CRLF", whole.replace(b"\n", b"\r\n"), "corrupt")
    yield ImageFile("png, CRLF made LF", whole.replace(b"\r\n", b"\n"), "corrupt")
    yield ImageFile("png, 7 bits", bytes(byte & 0x7F for byte in whole), "corrupt")
    yield ImageFile("png after BOM", b"\xef\xbb\xbf" + whole, "corrupt")
    as_text = whole.decode("utf-8", "replace").encode()
    yield ImageFile("png saved as text", as_text, "corrupt")
    yield ImageFile("png after a byte", b"\0" + whole, "corrupt")
    for kind in (b"IHDR", b"tEXt", b"IDAT", b"IEND"):
        at = whole.index(kind)
        wrong = whole[:at] + kind.swapcase() + whole[at + 4 :]
        yield ImageFile(f"png, name of {kind.decode()} changed", wrong, "corrupt")
        length = int.from_bytes(whole[at - 4 : at], "big")
        end = at + 4 + length
        wrong = whole[:end] + bytes(byte ^ 1 for byte in whole[end : end + 4]) + whole[end + 4 :]
        yield ImageFile(f"png, checksum of {kind.decode()} wrong", wrong, "corrupt")
        wrong = whole[: at - 4] + struct.pack(">I", 2**31) + whole[at:]
        yield ImageFile(f"png, length of {kind.decode()} 2^31", wrong, "truncated")


def _bad_png_chunks() -> Iterator[ImageFile]:
    idat, iend = chunk(b"IDAT", zlib.compress(filtered_rows(GREY))), chunk(b"IEND")
    header = ihdr(WIDTH, HEIGHT)

    def bad(name: str, *parts: bytes, reason: str = "corrupt") -> ImageFile:
        return ImageFile(f"png, {name}", SIGNATURE + b"".join(parts), reason)

    yield bad("IHDR of 12 bytes", chunk(b"IHDR", header[8:20]), idat, iend)
    yield bad("IHDR of 14 bytes", chunk(b"IHDR", header[8:21] + b"\0"), idat, iend)
    yield bad("no IHDR", idat, iend)
    yield bad("IHDR second", chunk(b"tEXt", b"a\0b"), header, idat, iend)
    yield bad("IHDR twice", header, header, idat, iend)
    yield bad("width 0", ihdr(0, HEIGHT), idat, iend)
    yield bad("height 0", ihdr(WIDTH, 0), idat, iend)
    yield bad("height 2^31", ihdr(WIDTH, 2**31), idat, iend, reason="too_large")
    for depth, colour in ((0, 0), (3, 0), (4, 2), (16, 3), (2, 4), (1, 6), (8, 1), (8, 5), (8, 7)):
        wrong = ihdr(WIDTH, HEIGHT, depth, colour)
        yield bad(f"depth {depth} with colour type {colour}", wrong, idat, iend)
    yield bad("compression method 1", ihdr(WIDTH, HEIGHT, 8, 0, 1, 0, 0), idat, iend)
    yield bad("filter method 1", ihdr(WIDTH, HEIGHT, 8, 0, 0, 1, 0), idat, iend)
    yield bad("interlace method 2", ihdr(WIDTH, HEIGHT, 8, 0, 0, 0, 2), idat, iend)
    yield bad("no IDAT", header, iend)
    yield bad("no IEND", header, idat, reason="truncated")
    yield bad("IDAT empty", header, chunk(b"IDAT"), iend)
    first, last = chunk(b"IDAT", idat[8:200]), chunk(b"IDAT", idat[200:-4])
    yield bad("IDAT out of order", header, last, first, iend)
    yield bad("IDAT apart", header, first, chunk(b"tEXt", b"a\0b"), last, iend)
    yield bad("IDAT's second part lost", header, first, iend)
    paletted = ihdr(WIDTH, HEIGHT, 8, 3)
    plte = chunk(b"PLTE", PALETTE.tobytes())
    yield bad("no PLTE", paletted, idat, iend)
    yield bad("PLTE after IDAT", paletted, idat, plte, iend)
    yield bad("PLTE twice", paletted, plte, plte, idat, iend)
    yield bad("PLTE empty", paletted, chunk(b"PLTE"), idat, iend)
    yield bad("PLTE of 4 bytes", paletted, chunk(b"PLTE", b"abcd"), idat, iend)
    yield bad("PLTE of 257 colours", paletted, chunk(b"PLTE", bytes(771)), idat, iend)
    yield bad("PLTE too short for a pixel", paletted, chunk(b"PLTE", bytes(30)), idat, iend)
    nibbles = picture(top=15)
    wrong = png(nibbles, 3, 4, chunk(b"PLTE", bytes(45)))
    yield ImageFile("png, PLTE too short for a 4-bit pixel", wrong, "corrupt")
    yield bad("tRNS too short", header, chunk(b"tRNS", b"\0"), idat, iend)
    yield bad("tRNS longer than PLTE", paletted, plte, chunk(b"tRNS", bytes(257)), idat, iend)
    yield bad("tRNS after IDAT", header, idat, chunk(b"tRNS", b"\0\0"), iend)
    alpha = png(_with_alpha(GREY, 255), 4, before=chunk(b"tRNS", b"\0\0"))
    yield ImageFile("png, tRNS beside alpha", alpha, "corrupt")
    exif = chunk(b"eXIf", _exif(6))
    yield bad("eXIf twice", header, exif, exif, idat, iend)
    unknown = chunk(b"CgBI", bytes(4))
    yield bad("unknown critical chunk", header, unknown, idat, iend, reason="undecodable")
    yield bad("chunk without a name", header, chunk(bytes(4)), idat, iend)


def _bad_png_pixels() -> Iterator[ImageFile]:
    rows = filtered_rows(GREY)
    stream = zlib.compress(rows)
    streams = {
        "garbage": b"this is no zlib stream at all" * 9,
        "damaged": stream[:200] + b"\xff" * 40 + stream[240:],
        "with too few rows": zlib.compress(rows[: -WIDTH - 1]),
        "with one byte less": zlib.compress(rows[:-1]),
        "with one byte more": zlib.compress(rows + b"\0"),
        "with a thousand rows more": zlib.compress(rows * 26),
        "cut in the middle": stream[: len(stream) // 2],
        "without Adler-32": stream[:-4],
        "with half an Adler-32": stream[:-2],
        "with wrong Adler-32": stream[:-4] + bytes(4),
        "with a preset dictionary": b"\x78\xbb" + stream[2:],
        "raw": stream[2:-4],
        "of gzip": gzip.compress(rows),
    }
    for name, wrong in streams.items():
        yield ImageFile(f"png, stream {name}", png(GREY, stream=wrong), "corrupt")
    yield ImageFile("png, interlaced rows in no order", _not_interlaced(rows), "corrupt")
    for row in (0, HEIGHT // 2, HEIGHT - 1):
        at = row * (WIDTH + 1)
        wrong = rows[:at] + b"\5" + rows[at + 1 :]
        yield ImageFile(f"png, filter 5 in row {row}", png(GREY, rows=wrong), "corrupt")
    woven = bytearray(filtered_rows(GREY, interlaced=True))
    left, top, across, down = ADAM7_PASSES[0]
    num_rows = len(GREY[top::down])
    woven[num_rows * (len(GREY[0, left::across]) + 1)] = 200
    wrong = png(GREY, rows=bytes(woven), interlaced=True)
    yield ImageFile("png, filter 200 in the second pass", wrong, "corrupt")


def _not_interlaced(rows: bytes) -> bytes:
    return png(GREY, rows=rows, interlaced=True)


def _ambiguous_pngs() -> Iterator[ImageFile]:
    hole = np.full((HEIGHT, WIDTH), 255)
    hole[7, 9] = 254
    deep_hole = np.full((HEIGHT, WIDTH), 65535)
    deep_hole[7, 9] = 65534
    plte = chunk(b"PLTE", PALETTE.tobytes())
    level = int(GREY[7, 9])
    transparent = {
        "grey and alpha": png(_with_alpha(GREY, hole), 4),
        "grey and alpha, interlaced": png(_with_alpha(GREY, hole), 4, interlaced=True),
        "rgb and alpha": png(_with_alpha(COLOUR, hole), 6),
        "rgb and alpha, all transparent": png(_with_alpha(COLOUR, 0), 6),
        "16-bit grey and alpha": png(_with_alpha(DEEP, deep_hole), 4, 16),
        "16-bit rgb and alpha": png(_with_alpha(DEEP_COLOUR, deep_hole), 6, 16),
        "tRNS of a level": png(GREY, before=_trns(level)),
        "tRNS of a 16-bit level": png(DEEP, 0, 16, _trns(int(DEEP[7, 9]))),
        "tRNS of a 2-bit level": png(picture(top=3), 0, 2, _trns(2)),
        "tRNS of a colour": png(COLOUR, 2, before=_trns(*map(int, COLOUR[7, 9]))),
        "tRNS of a 16-bit colour": png(DEEP_COLOUR, 2, 16, _trns(*map(int, DEEP_COLOUR[7, 9]))),
        "tRNS of a palette": png(GREY, 3, 8, plte + chunk(b"tRNS", b"\xff" * level + b"\xfe")),
    }
    for name, encoded in transparent.items():
        yield ImageFile(f"png, transparent: {name}", encoded, "transparent")
    shallow, shallow_colour = picture(top=4095), picture(3, top=4095)
    unscaled = {
        "grey": png(shallow, 0, 16),
        "rgb": png(shallow_colour, 2, 16),
        "alpha": png(_with_alpha(shallow, 65535), 4, 16),
        "rgb and alpha": png(_with_alpha(shallow_colour, 65535), 6, 16),
        "interlaced": png(shallow, 0, 16, interlaced=True),
    }
    for name, encoded in unscaled.items():
        yield ImageFile(f"png, 12 bits in 16: {name}", encoded, "unscaled_16_bit")
    for level in (0, 128, 255):
        flat = np.full((HEIGHT, WIDTH), level, np.uint8)
        yield ImageFile(f"png, blank: {level}", png(flat), "blank")
        yield ImageFile(f"png, blank: rgb {level}", png(np.dstack([flat] * 3), 2), "blank")
        yield ImageFile(f"jpeg, blank: {level}", pillow(flat, "JPEG"), "blank")
    # 256 levels of a sample that are one when its high byte is kept
    narrow = np.full((HEIGHT, WIDTH), 0x8000, np.uint16) + GREY
    yield ImageFile("png, blank: 16 bits", png(narrow, 0, 16), "blank")
    two_ways = b"".join(_xmp(way)["element"] for way in (3, 6))
    text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + two_ways)
    yield ImageFile("png, XMP of two orientations", png(GREY, before=text), "corrupt")
    two = io.BytesIO()
    Image.fromarray(GREY).save(
        two, "PNG", save_all=True, append_images=[Image.fromarray(255 - GREY)]
    )
    yield ImageFile("png, animated", two.getvalue(), "animated")
    control = chunk(b"acTL", struct.pack(">II", 1, 0))
    yield ImageFile("png, animated, one frame", png(GREY, before=control), "animated")


def _bad_jpegs() -> Iterator[ImageFile]:
    grey, colour = pillow(GREY, "JPEG"), pillow(COLOUR, "JPEG")
    progressive = pillow(GREY, "JPEG", progressive=True)
    for name, whole in (("grey", grey), ("rgb", colour), ("progressive", progressive)):
        for share in (10, 50, 90):
            cut = whole[: len(whole) * share // 100]
            yield ImageFile(f"jpeg {name} cut at {share} %", cut, "truncated")
        yield ImageFile(f"jpeg {name}, EOI missing", whole[:-2], "truncated")
        yield ImageFile(f"jpeg {name}, zeros for EOI", whole[:-2] + bytes(99), "truncated")
        cut = whole[: len(whole) * 3 // 4] + b"\xff\xd9"
        yield ImageFile(f"jpeg {name} cut and ended", cut, "corrupt")
        half = len(whole) - 200
        yield ImageFile(
            f"jpeg {name}, zeros to EOI", whole[:half] + bytes(198) + whole[-2:], "corrupt"
        )
    second_scan = progressive.index(b"\xff\xda", progressive.index(b"\xff\xda") + 2)
    ended = progressive[:second_scan] + b"\xff\xd9"
    yield ImageFile("jpeg progressive, ended after a scan", ended, "truncated")
    yield ImageFile("jpeg of 3 bytes", grey[:3], "truncated")
    yield ImageFile("jpeg of 2 bytes", grey[:2], "truncated")
    sof, sos = grey.index(b"\xff\xc0"), grey.index(b"\xff\xda")
    entropy = sos + 2 + int.from_bytes(grey[sos + 2 : sos + 4], "big")
    at = (entropy + len(grey)) // 2
    flipped = bytes(
        byte ^ 0x55 if byte not in (0, 255, 0xAA) else byte for byte in grey[at : at + 60]
    )
    wrong = {
        "bytes flipped": grey[:at] + flipped + grey[at + 60 :],
        "bytes lost": grey[:at] + grey[at + 90 :],
        "LF made CRLF": grey.replace(b"\n", b"\r\n"),
        "no frame": grey[:sof] + grey[sos:],
        "no scan": grey[:sos] + b"\xff\xd9",
        "no tables": grey[:2] + grey[sof:],
        "junk between markers": grey[:sof] + b"junk" + grey[sof:],
        "higher than its data": _sized(grey, WIDTH, HEIGHT + 40),
        "lower than its data": _sized(grey, WIDTH, HEIGHT - 20),
        "height 0": _sized(grey, WIDTH, 0),
    }
    for name, encoded in wrong.items():
        yield ImageFile(f"jpeg, {name}", encoded, "corrupt")
    for name, marker in (("lossless", 0xC3), ("arithmetic", 0xC9), ("hierarchical", 0xC5)):
        other = grey[: sof + 1] + bytes([marker]) + grey[sof + 2 :]
        yield ImageFile(f"jpeg, {name}", other, "undecodable")
    yield ImageFile("jpeg, 12 bits", grey[: sof + 4] + b"\x0c" + grey[sof + 5 :], "undecodable")
    cmyk = pillow(COLOUR, "JPEG", "CMYK")
    adobe = cmyk.index(b"Adobe")
    yield ImageFile("jpeg, CMYK", cmyk, "cmyk")
    yield ImageFile("jpeg, YCCK", cmyk[: adobe + 11] + b"\2" + cmyk[adobe + 12 :], "cmyk")


def _sized(encoded: bytes, width: int, height: int) -> bytes:
    sof = encoded.index(b"\xff\xc0")
    return encoded[: sof + 5] + struct.pack(">HH", height, width) + encoded[sof + 9 :]


def _bad_sizes() -> Iterator[ImageFile]:
    lying = png(GREY).replace(ihdr(WIDTH, HEIGHT), ihdr(20_000, 20_000))
    yield ImageFile("png, lies of 20,000 x 20,000", lying, "too_large")
    yield ImageFile("png, black 20,000 x 20,000", _black(20_000, 20_000), "too_large")
    yield ImageFile("png, 1,000,001 x 16", _black(1_000_001, 16), "too_large")
    bomb = _sized(pillow(GREY, "JPEG"), 20_000, 20_000)
    yield ImageFile("jpeg, lies of 20,000 x 20,000", bomb, "too_large")
    for height, width in ((1, 1), (15, 40), (40, 15)):
        small = GREY[:height, :width]
        yield ImageFile(f"png, {width} x {height}", png(small), "too_small")
        yield ImageFile(f"jpeg, {width} x {height}", pillow(small, "JPEG"), "too_small")


def _black(width: int, height: int) -> bytes:
    deflating = zlib.compressobj(0)
    stream = b"".join(deflating.compress(bytes(1 + width)) for _ in range(height))
    idat = chunk(b"IDAT", stream + deflating.flush())
    return SIGNATURE + ihdr(width, height) + idat + chunk(b"IEND")
