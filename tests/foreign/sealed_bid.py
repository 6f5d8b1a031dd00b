"""The sealed-bid format `etrade/bid/v1` once more, in Python, from docs/formats/sealed-bid.md alone.

Nothing here is shared with the Rust or TypeScript code: this is the stranger who read the format page. It is used
to make the pinned vectors (make_sealed_bid_vectors.py) and to open bids (open_bid.py). Curve arithmetic, AES, HKDF
and ECDSA come from `cryptography`; the opener takes the payload cipher from Google's `tink` instead of from here.
"""

import base64
import hashlib
import hmac
import json
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MIB = 1 << 20
SUITE = "P256-HKDFSHA256-AES256GCM/tink-1MB"
ALG = "tink-AES256_GCM_HKDF_1MB"


def H(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64u(text):
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64u(raw) != text:
        raise ValueError("not canonical base64url: " + text[:20])
    return raw


def jcs(document):
    """RFC 8785 for documents whose keys are ASCII and whose numbers are small integers."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def from_jcs(data):
    document = json.loads(data)
    if jcs(document) != data:
        raise ValueError("not in RFC 8785 form")
    return document


def expand(prk, info, length):
    out, block, counter = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([counter]), hashlib.sha256).digest()
        out, counter = out + block, counter + 1
    return out[:length]


def hkdf(salt, ikm, info, length):
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(ikm)


# 2 context, 3 keys ------------------------------------------------------------------------------------------------


def context_hash(ctx):
    return H(b"etrade/bid/ctx/v1\n", jcs(ctx))


def payload_key(c, k_t, k_b):
    return hkdf(c, k_t + k_b, b"etrade/bid/key/v1\n", 32)


def commit_t(c, k_t):
    return H(b"etrade/bid/commit-t/v1\n", c, k_t)


def commit_share(c, share):
    return H(b"etrade/bid/share-commit/v1\n", c, share)


def commit_b(c, k_b):
    return H(b"etrade/bid/commit-b/v1\n", c, k_b)


def payload_aad(c):
    return b"etrade/bid/payload/v1\n" + c


# 4 payload --------------------------------------------------------------------------------------------------------


def seal_stream(k, aad, salt, prefix, plaintext):
    aead = AESGCM(hkdf(salt, k, aad, 32))
    out, at, index, room = bytes([40]) + salt + prefix, 0, 0, MIB - 40 - 16
    while True:
        segment, at = plaintext[at : at + room], at + len(plaintext[at : at + room])
        last = at == len(plaintext)
        out += aead.encrypt(prefix + struct.pack(">IB", index, last), segment, b"")
        if last:
            return out
        index, room = index + 1, MIB - 16


def merkle_root(slices):
    def subtree(leaves):
        if len(leaves) == 1:
            return leaves[0]
        split = 1 << (len(leaves) - 1).bit_length() - 1
        return H(b"\x01", subtree(leaves[:split]), subtree(leaves[split:]))

    return subtree([H(b"\x00", s) for s in slices])


def ciphertext_root(ciphertext):
    return merkle_root([ciphertext[i : i + MIB] for i in range(0, len(ciphertext), MIB)])


# 5 archive --------------------------------------------------------------------------------------------------------


def tar_header(name, size):
    head = bytearray(512)
    head[0 : len(name)] = name.encode()
    head[100:108], head[108:116], head[116:124] = b"0000644\0", b"0000000\0", b"0000000\0"
    head[124:136], head[136:148] = b"%011o\0" % size, b"00000000000\0"
    head[148:156], head[156] = b"        ", ord("0")
    head[257:265] = b"ustar\x0000"
    head[329:337], head[337:345] = b"0000000\0", b"0000000\0"
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def padded_length(length):
    if length <= MIB:
        return MIB
    e = length.bit_length() - 1
    unit = 1 << (e - e.bit_length())
    return (length + unit - 1) // unit * unit


def archive(bid_json, files):
    out = b""
    for name, data in [("bid.json", bid_json)] + [("f/%04d" % (i + 1), d) for i, d in enumerate(files)]:
        out += tar_header(name, len(data)) + data + bytes(-len(data) % 512)
    return out + bytes(padded_length(len(out) + 1024) - len(out))


def read_archive(plaintext, c):
    """Returns (bid document, [(name, bytes)]), or raises ValueError: every deviation is an error."""

    def entry(at, name):
        size = int(plaintext[at + 124 : at + 135], 8)
        if plaintext[at : at + 512] != tar_header(name, size):
            raise ValueError("archive: header of " + name)
        end = at + 512 + size
        if len(plaintext) < end or any(plaintext[end : end + -size % 512]):
            raise ValueError("archive: padding of " + name)
        return plaintext[at + 512 : end], end + -size % 512

    raw, at = entry(0, "bid.json")
    bid, files = from_jcs(raw), []
    if bid["typ"] != "etrade/bid-document/v1" or unb64u(bid["c"]) != c:
        raise ValueError("bid.json belongs to another bid")
    for number, listed in enumerate(bid["files"], 1):
        if listed["path"] != "f/%04d" % number:
            raise ValueError("archive: order of the file list")
        data, at = entry(at, listed["path"])
        if str(len(data)) != listed["size"] or H(data) != unb64u(listed["sha256"]):
            raise ValueError("archive: %s is not what bid.json says" % listed["path"])
        files.append((listed["name"], data))
    if len(plaintext) != padded_length(at + 1024) or any(plaintext[at:]):
        raise ValueError("archive: what follows the last file is not the padding")
    return bid, files


# 6 shares and boxes -----------------------------------------------------------------------------------------------


def gf_mul(a, b):
    product = 0
    while b:
        if b & 1:
            product ^= a
        a = (a << 1) ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def shares_of(c, k_t, t, n):
    coefficients = expand(k_t, b"etrade/bid/shamir/v1\n" + c, 32 * (t - 1))
    shares = []
    for i in range(1, n + 1):
        y = bytearray(k_t)
        power = 1
        for d in range(1, t):
            power = gf_mul(power, i)
            for j in range(32):
                y[j] ^= gf_mul(coefficients[32 * (d - 1) + j], power)
        shares.append(bytes([i]) + bytes(y))
    return shares


def combine(shares):
    secret = bytearray(32)
    for s in shares:
        basis = 1
        for o in shares:
            if o[0] != s[0]:
                inverse = next(v for v in range(1, 256) if gf_mul(v, o[0] ^ s[0]) == 1)
                basis = gf_mul(basis, gf_mul(o[0], inverse))
        for j in range(32):
            secret[j] ^= gf_mul(s[1 + j], basis)
    return bytes(secret)


def share_info(c, i, pk):
    return b"etrade/bid/share/v1\n" + c + bytes([i]) + H(pk)


KEM_SUITE = b"KEM" + struct.pack(">H", 0x10)
HPKE_SUITE = b"HPKE" + struct.pack(">HHH", 0x10, 1, 2)


def _extract(suite, salt, label, ikm):
    return hmac.new(salt or bytes(32), b"HPKE-v1" + suite + label + ikm, hashlib.sha256).digest()


def _labeled(suite, prk, label, info, length):
    return expand(prk, struct.pack(">H", length) + b"HPKE-v1" + suite + label + info, length)


def derive_key_pair(ikm):
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    prk = _extract(KEM_SUITE, b"", b"dkp_prk", ikm)
    for counter in range(256):
        number = int.from_bytes(_labeled(KEM_SUITE, prk, b"candidate", bytes([counter]), 32), "big")
        if 0 < number < order:
            return ec.derive_private_key(number, ec.SECP256R1())
    raise ValueError("no key")


def point(key):
    key = key.public_key() if hasattr(key, "public_key") else key
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def hpke_seal(pk, info, plaintext, ephemeral):
    """RFC 9180 base mode, DHKEM(P-256), HKDF-SHA256, AES-256-GCM, empty aad: enc || ct."""
    peer = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), pk)
    enc = point(ephemeral)
    shared = _labeled(
        KEM_SUITE,
        _extract(KEM_SUITE, b"", b"eae_prk", ephemeral.exchange(ec.ECDH(), peer)),
        b"shared_secret",
        enc + pk,
        32,
    )
    schedule = (
        b"\0" + _extract(HPKE_SUITE, b"", b"psk_id_hash", b"") + _extract(HPKE_SUITE, b"", b"info_hash", info)
    )
    secret = _extract(HPKE_SUITE, shared, b"secret", b"")
    key = _labeled(HPKE_SUITE, secret, b"key", schedule, 32)
    nonce = _labeled(HPKE_SUITE, secret, b"base_nonce", schedule, 12)
    return enc + AESGCM(key).encrypt(nonce, plaintext, b"")


def boxes_of(c, k_t, t, public_keys):
    boxes = []
    for i, (share, pk) in enumerate(zip(shares_of(c, k_t, t, len(public_keys)), public_keys), 1):
        ephemeral = derive_key_pair(expand(k_t, b"etrade/bid/eph/v1\n" + c + bytes([i]), 32))
        boxes.append(hpke_seal(pk, share_info(c, i, pk), share, ephemeral))
    return boxes


def opening_check(c, lock, public_keys, reported):
    """What is to be said of a bid with share commitments. reported: {i: share, or None for "does not open"}.

    ("sound", K_T, [liars]), ("at_fault", why, i or None) or ("not_enough", true shares)."""
    t, n, commits = lock["t"], lock["n"], [unb64u(s) for s in lock["shares"]]
    is_true = lambda i, share: share and share[0] == i and commit_share(c, share) == commits[i - 1]
    true = [reported[i] for i in sorted(reported) if is_true(i, reported[i])]
    if len(true) < t:
        everybody = len(reported) == n
        return ("at_fault", "shares_do_not_fit", None) if everybody and n - len(true) >= t else ("not_enough", len(true))
    k_t = combine(true[:t])
    if commit_t(c, k_t) != unb64u(lock["commit_t"]):
        return ("at_fault", "key_differs", None)
    honest = shares_of(c, k_t, t, n)
    for i, share in enumerate(honest, 1):
        if commit_share(c, share) != commits[i - 1]:
            return ("at_fault", "commitment_differs", i)
    for i, box in enumerate(boxes_of(c, k_t, t, public_keys), 1):
        if b64u(box) != lock["boxes"][i - 1]:
            return ("at_fault", "box_differs", i)
    return ("sound", k_t, [i for i in sorted(reported) if reported[i] != honest[i - 1]])


# 7 signatures -----------------------------------------------------------------------------------------------------


def sign_es256(private_key, message):
    r, s = utils.decode_dss_signature(private_key.sign(message, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def verify_es256(public_key, message, signature):
    if len(signature) != 64:
        raise ValueError("an es256 signature has 64 bytes")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        public_key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise ValueError("the signature does not fit") from None


def manifest_message(manifest):
    return b"etrade/bid-manifest/v1\n" + jcs(manifest)


def bid_document_message(bid):
    return b"etrade/bid-document/v1\n" + jcs({k: v for k, v in bid.items() if k != "signature"})


def trustee_set_message(trustees):
    bare = dict(trustees, members=[{k: v for k, v in m.items() if k != "sig"} for m in trustees["members"]])
    return b"etrade/trustee-set/v1\n" + jcs(bare)


# 9 the bidder's key -----------------------------------------------------------------------------------------------


def second_info(c, pk):
    return b"etrade/bidder-second/v1\n" + c + H(pk)


def second_box(c, k_b, pk):
    """K_B for a second holder: the ephemeral key follows from K_B."""
    ephemeral = derive_key_pair(expand(k_b, b"etrade/bidder-second-eph/v1\n" + c, 32))
    return hpke_seal(pk, second_info(c, pk), k_b, ephemeral)


def _locker(passphrase, salt, iterations):
    return AESGCM(hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, iterations))


def lock_key_file(k_b, m, passphrase, salt, nonce, iterations):
    sealed = _locker(passphrase, salt, iterations).encrypt(nonce, k_b, b"etrade/bidder-key/v2\n" + m)
    return {
        "iterations": str(iterations), "m": b64u(m), "nonce": b64u(nonce), "salt": b64u(salt), "sealed": b64u(sealed),
        "typ": "etrade/bidder-key/v2",
    }


def read_key_file(document, passphrase=""):
    """K_B and m, from a key file of either version."""
    m = unb64u(document["m"])
    if document["typ"] == "etrade/bidder-key/v1":
        return unb64u(document["k_b"]), m
    if document["typ"] != "etrade/bidder-key/v2" or int(document["iterations"]) > 10_000_000:
        raise ValueError("not a bidder's key file")
    cipher = _locker(passphrase, unb64u(document["salt"]), int(document["iterations"]))
    return cipher.decrypt(unb64u(document["nonce"]), unb64u(document["sealed"]), b"etrade/bidder-key/v2\n" + m), m


def bidder_release_message(release):
    """What is signed of a release of version 2."""
    return b"etrade/bidder-release/v2\n" + jcs({k: v for k, v in release.items() if k != "signature"})
