"""Makes sealed-bid-vectors.json. Run once per version of the format; the result is committed and never edited.

ECDSA signatures are random, so a second run gives other signatures, another bid.json and other hashes after it.
Every key in the file is a test key and every context says so (`test.invalid`).
"""

import datetime
import json
import pathlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

import sealed_bid as f

OUT = pathlib.Path(__file__).with_name("sealed-bid-vectors.json")


def fixed(label, length=32):
    return f.expand(f.H(b"sunbid test vector"), label.encode(), length)


def key(label):
    return ec.derive_private_key(int.from_bytes(fixed(label), "big"), ec.SECP256R1())


def pkcs8(private_key):
    return f.b64u(private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def raw(private_key):
    return f.b64u(private_key.private_numbers().private_value.to_bytes(32, "big"))


def certificate(private_key):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test Bidder 测试投标人")])
    start = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private_key.public_key())
    builder = builder.serial_number(7).not_valid_before(start).not_valid_after(start.replace(year=2036))
    return builder.sign(private_key, hashes.SHA256()).public_bytes(Encoding.DER)


def pattern(size):
    return bytes((i * 31 + (i >> 8)) & 255 for i in range(size))


def trustee_set(label, tender, t, n):
    hpke = [key("%s hpke %d" % (label, i)) for i in range(1, n + 1)]
    sign = [key("%s sign %d" % (label, i)) for i in range(1, n + 1)]
    members = [
        {"hpke": f.b64u(f.point(hpke[i])), "i": i + 1, "org": "Trustee %d 开标人" % (i + 1), "sign": f.b64u(f.point(sign[i]))}
        for i in range(n)
    ]
    trustees = {"members": members, "t": t, "tender": tender, "typ": "etrade/trustee-set/v1"}
    message = f.trustee_set_message(trustees)
    for i in range(n):
        members[i]["sig"] = f.b64u(f.sign_es256(sign[i], message))
    return trustees, hpke, sign


def signed(private_key, certificate_der, message):
    return {"alg": "es256", "sig": f.b64u(f.sign_es256(private_key, message)), "x5c": [f.b64u(certificate_der)]}


def case(label, mode, t, n, envelope, rev, files, form):
    trustees, hpke, sign = trustee_set(label, "TEST-2026-0007", t, n)
    bidder, k_t = key(label + " bidder"), fixed(label + " k_t")
    k_b = fixed(label + " k_b") if mode == "dual" else b""
    der = certificate(bidder)
    ctx = {
        "bid": f.b64u(fixed(label + " bid", 16)), "bidder": f.b64u(fixed(label + " pseudonym", 16)),
        "envelope": envelope, "lot": "1", "mode": mode, "origin": "test.invalid/etrade", "rev": rev, "suite": f.SUITE,
        "tender": "TEST-2026-0007", "tender_doc": f.b64u(f.H(b"the tender documents")),
        "trustees": f.b64u(f.H(f.jcs(trustees))), "typ": "etrade/bid-ctx/v1",
    }
    c = f.context_hash(ctx)
    bid = {
        "c": f.b64u(c),
        "files": [
            {"name": name, "path": "f/%04d" % i, "sha256": f.b64u(f.H(data)), "size": str(len(data))}
            for i, (name, _, data) in enumerate(files, 1)
        ],
        "form": form, "typ": "etrade/bid-document/v1",
    }
    bid["signature"] = signed(bidder, der, f.bid_document_message(bid))
    plaintext = f.archive(f.jcs(bid), [data for _, _, data in files])
    k, salt, prefix = f.payload_key(c, k_t, k_b), fixed(label + " salt"), fixed(label + " prefix", 7)
    ciphertext = f.seal_stream(k, f.payload_aad(c), salt, prefix, plaintext)
    public_keys = [f.point(p) for p in hpke]
    boxes = f.boxes_of(c, k_t, t, public_keys)
    manifest = {
        "client": {"bundle": None, "name": "vectors", "ver": "1.0.0"}, "created": "2026-11-22T13:00:00.000000Z",
        "ct": {"alg": f.ALG, "root": f.b64u(f.ciphertext_root(ciphertext)), "size": str(len(ciphertext))}, "ctx": ctx,
        "lock": {
            "boxes": [f.b64u(b) for b in boxes], "commit_b": f.b64u(f.commit_b(c, k_b)) if k_b else None,
            "commit_t": f.b64u(f.commit_t(c, k_t)), "n": n, "t": t,
        },
        "prev": f.b64u(f.H(b"an earlier manifest")) if rev > 1 else None, "typ": "etrade/bid-manifest/v1",
    }
    message = f.manifest_message(manifest)
    return {
        "name": label,
        "given": {
            "ctx": f.jcs(ctx).decode(), "trustees": f.jcs(trustees).decode(), "hpke_private": [raw(p) for p in hpke],
            "trustee_sign_private": [raw(p) for p in sign], "k_t": f.b64u(k_t), "k_b": f.b64u(k_b) if k_b else None,
            "salt": f.b64u(salt), "nonce_prefix": f.b64u(prefix), "bidder_private": raw(bidder),
            "bidder_private_pkcs8": pkcs8(bidder), "files": [{"name": name, **how} for name, how, _ in files],
            "bid_json": f.jcs(bid).decode(),
        },
        "expect": {
            "c": f.b64u(c), "k": f.b64u(k), "dk": f.b64u(f.hkdf(salt, k, f.payload_aad(c), 32)),
            "shares": [f.b64u(s) for s in f.shares_of(c, k_t, t, n)],
            "ikm_e": [f.b64u(f.expand(k_t, b"etrade/bid/eph/v1\n" + c + bytes([i]), 32)) for i in range(1, n + 1)],
            "boxes": [f.b64u(b) for b in boxes], "plaintext_size": str(len(plaintext)),
            "plaintext_sha256": f.b64u(f.H(plaintext)), "first_header": f.b64u(plaintext[:512]),
            "ciphertext_size": str(len(ciphertext)), "ciphertext_sha256": f.b64u(f.H(ciphertext)),
            "root": f.b64u(f.ciphertext_root(ciphertext)), "manifest": f.jcs(manifest).decode(),
            "manifest_id": f.b64u(f.H(message)), "signature": f.jcs(signed(bidder, der, message)).decode(),
        },
    }


def streams():
    k, aad, salt, prefix = fixed("stream key"), b"etrade/test/stream\n", fixed("stream salt"), fixed("stream prefix", 7)
    rows = []
    for size in (0, 1, 1048520, 1048521, 2097080, 2097081):
        out = f.seal_stream(k, aad, salt, prefix, pattern(size))
        rows.append({"size": str(size), "sha256": f.b64u(f.H(out)), "root": f.b64u(f.ciphertext_root(out))})
    return {
        "k": f.b64u(k), "aad": f.b64u(aad), "salt": f.b64u(salt), "nonce_prefix": f.b64u(prefix),
        "empty": f.b64u(f.seal_stream(k, aad, salt, prefix, b"")), "rows": rows,
    }


def main():
    text = "投标函：我方愿以人民币 1,234,567.89 元承揽本工程。\n"
    small = [("投标函.txt", {"utf8": text}, text.encode()), ("empty.bin", {"pattern": "0"}, b"")]
    large = [("施工组织设计.pdf", {"pattern": "3500000"}, pattern(3500000))]
    words = ["", "a", "bc", "def", "投标", "x" * 100, "7", "8", "9"]
    document = {
        "format": "etrade/bid/v1",
        "note": "pattern n = n bytes, byte i is (i*31 + floor(i/256)) mod 256; all keys are test keys",
        "cases": [
            case("trustees-2-of-3", "trustees", 2, 3, "commercial", 1, small, {"period_days": "180", "price": "1234567.89"}),
            case("dual-3-of-5", "dual", 3, 5, "technical", 2, large, {}),
        ],
        "streams": streams(),
        "merkle": [{"slices": words[:n], "root": f.b64u(f.merkle_root([w.encode() for w in words[:n]]))} for n in range(1, 10)],
        "padded_length": [[str(n), str(f.padded_length(n))] for n in (1024, 1048576, 1048577, 3502592, 20000256, 104857600)],
    }
    OUT.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
