"""Known answers of every primitive of both suites, asked before the hub serves.

Sources: AES-256-GCM, McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16. HMAC-SHA256,
RFC 4231, test case 2. SM3, GB/T 32905-2016, appendix A. HMAC-SM3, GM/T 0042-2015, appendix D.3. SM4,
GB/T 32907-2016, appendix A.1. SM4-GCM, RFC 8998, appendix A.1. The hub signs nothing with SM2.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from rider_hub.access.suites import cipherer, keyed_hash

__all__ = ["ANSWERS", "wrong_answers"]

_h = bytes.fromhex
_AAD = _h("feedfacedeadbeeffeedfacedeadbeefabaddad2")
_SM4_KEY = _h("0123456789abcdeffedcba9876543210")


def _aes_256_gcm() -> bool:
    key = _h("feffe9928665731c6d6a8f9467308308") * 2
    nonce = _h("cafebabefacedbaddecaf888")
    plain = _h(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    sealed = _h(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
    )
    aes = cipherer("intl", key)
    return aes.encrypt(nonce, plain, _AAD) == sealed and aes.decrypt(nonce, sealed, _AAD) == plain


def _hmac_sha256() -> bool:
    context = keyed_hash("intl", b"Jefe").copy()
    context.update(b"what do ya want for nothing?")
    return context.finalize() == _h("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")


def _sm3() -> bool:
    digest = hashes.Hash(hashes.SM3())
    digest.update(b"abc")
    return digest.finalize() == _h("66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0")


def _hmac_sm3() -> bool:
    context = keyed_hash("sm", bytes(range(1, 33))).copy()
    context.update(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2)
    return context.finalize() == _h("ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a")


def _sm4() -> bool:
    # One block of the cipher itself; the hub seals in GCM alone.
    encryptor = Cipher(algorithms.SM4(_SM4_KEY), modes.ECB()).encryptor()  # noqa: S305
    return encryptor.update(_SM4_KEY) == _h("681edf34d206965e86b3e94f536e4246")


def _sm4_gcm() -> bool:
    nonce = _h("00001234567800000000abcd")
    plain = b"".join(_h(two) * 8 for two in ("aa", "bb", "cc", "dd", "ee", "ff", "ee", "aa"))
    sealed = _h(
        "17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735"
        "d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d83de3541e4c2b58177e065a9bf7b62ec"
    )
    sm4 = cipherer("sm", _SM4_KEY)
    return sm4.encrypt(nonce, plain, _AAD) == sealed and sm4.decrypt(nonce, sealed, _AAD) == plain


#: Primitive → whether it gives its known answer.
ANSWERS: dict[str, Callable[[], bool]] = {
    "AES-256-GCM": _aes_256_gcm,
    "HMAC-SHA256": _hmac_sha256,
    "SM3": _sm3,
    "HMAC-SM3": _hmac_sm3,
    "SM4": _sm4,
    "SM4-GCM": _sm4_gcm,
}


def wrong_answers() -> list[str]:
    """Return the primitives of either suite that do not give their known answer; about 0.2 ms in all."""
    return [name for name, right in ANSWERS.items() if not _holds(right)]


def _holds(right: Callable[[], bool]) -> bool:
    try:
        return right()
    except (InvalidTag, ValueError):
        return False
