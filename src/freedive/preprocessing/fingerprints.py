"""Hashes of texts that are the same in every run and on every machine: FarmHash64 and SipHash-2-4, as TensorFlow's."""

from __future__ import annotations

K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
ALL = 2**64 - 1


def farmhash64(data: bytes) -> int:
    """The 64-bit fingerprint of FarmHash (farmhashna), which TensorFlow's `to_hash_bucket_fast` takes.

    Reference: G. Pike, https://github.com/google/farmhash

    >>> hex(farmhash64(b"deep"))
    '0xa0064501b6073dfb'
    """
    size = len(data)
    if size <= 16:
        return _up_to_16(data, size)
    if size <= 32:
        return _up_to_32(data, size)
    return _up_to_64(data, size) if size <= 64 else _longer(data, size)


def siphash(data: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 with a key of two 64-bit numbers.

    Reference: J.-P. Aumasson, D. Bernstein, "SipHash: a fast short-input PRF", 2012

    >>> hex(siphash(bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)))
    '0xa129ca6149be45e5'
    """
    v = [
        key[0] ^ 0x736F6D6570736575,
        key[1] ^ 0x646F72616E646F6D,
        key[0] ^ 0x6C7967656E657261,
        key[1] ^ 0x7465646279746573,
    ]
    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) & 255])
    for at in range(0, len(padded), 8):
        word = int.from_bytes(padded[at : at + 8], "little")
        v[3] ^= word
        _rounds(v, 2)
        v[0] ^= word
    v[2] ^= 255
    _rounds(v, 4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & ALL
        v[1] = _left(v[1], 13) ^ v[0]
        v[0] = _left(v[0], 32)
        v[2] = (v[2] + v[3]) & ALL
        v[3] = _left(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & ALL
        v[3] = _left(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & ALL
        v[1] = _left(v[1], 17) ^ v[2]
        v[2] = _left(v[2], 32)


def _left(value: int, by: int) -> int:
    return ((value << by) | (value >> (64 - by))) & ALL


# FarmHash: letters as in its source, for whoever compares -------------------------------------------------------------
def _right(value: int, by: int) -> int:
    value &= ALL
    return ((value >> by) | (value << (64 - by))) & ALL


def _shift(value: int) -> int:
    value &= ALL
    return value ^ (value >> 47)


def _at(data: bytes, place: int, width: int = 8) -> int:
    return int.from_bytes(data[place : place + width], "little")


def _mixed(u: int, v: int, mul: int) -> int:
    a = _shift((u ^ v) * mul)
    return (_shift(((v & ALL) ^ a) * mul) * mul) & ALL


def _up_to_16(s: bytes, size: int) -> int:
    mul = K2 + size * 2
    if size >= 8:
        a, b = _at(s, 0) + K2, _at(s, size - 8)
        return _mixed((_right(b, 37) * mul + a) & ALL, ((_right(a, 25) + b) * mul) & ALL, mul)
    if size >= 4:
        return _mixed(size + (_at(s, 0, 4) << 3), _at(s, size - 4, 4), mul)
    if size:
        y, z = s[0] + (s[size >> 1] << 8), size + (s[-1] << 2)
        return (_shift((y * K2) ^ (z * K0)) * K2) & ALL
    return K2


def _up_to_32(s: bytes, size: int) -> int:
    mul = K2 + size * 2
    a, b, c, d = _at(s, 0) * K1, _at(s, 8), _at(s, size - 8) * mul, _at(s, size - 16) * K2
    return _mixed((_right(a + b, 43) + _right(c, 30) + d) & ALL, (a + _right(b + K2, 18) + c) & ALL, mul)


def _up_to_64(s: bytes, size: int) -> int:
    mul = K2 + size * 2
    a, b, c, d = _at(s, 0) * K2, _at(s, 8), _at(s, size - 8) * mul, _at(s, size - 16) * K2
    y = (_right(a + b, 43) + _right(c, 30) + d) & ALL
    z = _mixed(y, (a + _right(b + K2, 18) + c) & ALL, mul)
    e, f = _at(s, 16) * mul, _at(s, 24)
    g, h = (y + _at(s, size - 32)) * mul, (z + _at(s, size - 24)) * mul
    return _mixed((_right(e + f, 43) + _right(g, 30) + h) & ALL, (e + _right(f + a, 18) + g) & ALL, mul)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_at(s, at + 8 * i) for i in range(4))
    a += w
    b = _right(b + a + z, 21)
    c = a
    a += x + y
    return (a + z) & ALL, (b + _right(a, 44) + c) & ALL


def _longer(s: bytes, size: int) -> int:
    y = 81 * K1 + 113
    z = (_shift(y * K2 + 113) * K2) & ALL
    x, v, w = 81 * K2 + _at(s, 0), (0, 0), (0, 0)
    for at in range(0, (size - 1) // 64 * 64, 64):
        x, y, z, v, w = _block(s, at, x, y, z, v, w, K1, 1)
    mul = K1 + ((z & 255) << 1)
    w0 = w[0] + ((size - 1) & 63)
    v0 = v[0] + w0
    x, y, z, v, w = _block(s, size - 64, x, y, z, (v0, v[1]), (w0 + v0, w[1]), mul, 9)
    low = (_mixed(v[0], w[0], mul) + _shift(y) * K0 + z) & ALL
    return _mixed(low, (_mixed(v[1], w[1], mul) + x) & ALL, mul)


def _block(s: bytes, at: int, x: int, y: int, z: int, v: tuple, w: tuple, mul: int, by: int) -> tuple:
    x = _right(x + y + v[0] + _at(s, at + 8), 37) * mul
    y = _right(y + v[1] + _at(s, at + 48), 42) * mul
    x = (x ^ (w[1] * by)) & ALL
    y += v[0] * by + _at(s, at + 40)
    z = (_right(z + w[0], 33) * mul) & ALL
    v = _weak(s, at, v[1] * mul, x + w[0])
    w = _weak(s, at + 32, z + w[1], y + _at(s, at + 16))
    return z, y & ALL, x, v, w
