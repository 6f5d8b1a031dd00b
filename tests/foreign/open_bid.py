"""Opens a sealed bid with software that is not ours: Google's Tink for the payload, pyca/cryptography for the boxes.

    open_bid.py --manifest M.json --ciphertext BID --trustees SET.json --key K1.json --key K2.json [--bidder-key B.json
                [--passphrase WORDS] | --second S.json]
                [--signature S.json] [--out FOLDER]
    open_bid.py --vectors sealed-bid-vectors.json

Follows docs/formats/sealed-bid.md; exit status 0 only if every check of that page holds.
"""

import argparse
import io
import itertools
import json
import pathlib
import sys

import tink
from cryptography import x509
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import ec
from tink import secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

import sealed_bid as f

SUITE = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def require(holds, what):
    if not holds:
        raise ValueError(what)


def tink_open(k, aad, ciphertext):
    """The plaintext, through a RAW Tink keyset that holds only K."""
    value = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(
        version=0,
        key_value=k,
        params=aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingParams(
            ciphertext_segment_size=f.MIB, derived_key_size=32, hkdf_hash_type=common_pb2.SHA256
        ),
    )
    keyset = tink_pb2.Keyset(primary_key_id=1)
    entry = keyset.key.add()
    entry.key_id, entry.status, entry.output_prefix_type = 1, tink_pb2.ENABLED, tink_pb2.RAW
    entry.key_data.type_url = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"
    entry.key_data.value = value.SerializeToString()
    entry.key_data.key_material_type = tink_pb2.KeyData.SYMMETRIC
    handle = tink.proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    with handle.primitive(streaming_aead.StreamingAead).new_decrypting_stream(io.BytesIO(ciphertext), aad) as stream:
        return stream.read()


def open_box(private, c, i, box):
    public = f.point(private)
    share = SUITE.decrypt(box, private, info=f.share_info(c, i, public))
    require(len(share) == 33 and share[0] == i, "share %d is not a share" % i)
    return share


def check_trustees(trustees):
    message = f.trustee_set_message(trustees)
    for number, member in enumerate(trustees["members"], 1):
        require(member["i"] == number, "trustees are not numbered from 1")
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), f.unb64u(member["sign"]))
        f.verify_es256(key, message, f.unb64u(member["sig"]))


def check_signature(signature, message):
    leaf = x509.load_der_x509_certificate(f.unb64u(signature["x5c"][0]))
    require(signature["alg"] == "es256", "unknown algorithm")
    f.verify_es256(leaf.public_key(), message, f.unb64u(signature["sig"]))


def open_bid(manifest_jcs, ciphertext, trustees_jcs, keys, k_b, signature_jcs=None):
    """keys: [(i, private key)], at least t of them. Returns (bid document, [(name, bytes)])."""
    manifest, trustees = f.from_jcs(manifest_jcs), f.from_jcs(trustees_jcs)
    ctx, lock = manifest["ctx"], manifest["lock"]
    c = f.context_hash(ctx)
    require(f.unb64u(ctx["trustees"]) == f.H(trustees_jcs), "the bid names another trustee set")
    require((lock["t"], lock["n"]) == (trustees["t"], len(trustees["members"])), "t or n differ from the trustee set")
    check_trustees(trustees)
    if signature_jcs:
        check_signature(f.from_jcs(signature_jcs), f.manifest_message(manifest))
    require(len(ciphertext) == int(manifest["ct"]["size"]), "the ciphertext has another size")
    require(f.ciphertext_root(ciphertext) == f.unb64u(manifest["ct"]["root"]), "the ciphertext has another root")
    boxes = [f.unb64u(b) for b in lock["boxes"]]
    shares = [open_box(private, c, i, boxes[i - 1]) for i, private in keys]
    public_keys = [f.unb64u(m["hpke"]) for m in trustees["members"]]
    if "shares" in lock:
        require(len(lock["shares"]) == lock["n"], "there is not one share commitment for each trustee")
        found = f.opening_check(c, lock, public_keys, {i: share for (i, _), share in zip(keys, shares)})
        require(found[0] == "sound" and found[2] == [], "the opening check says %s" % (found[:1] + found[2:],))
        k_t = found[1]
    else:
        commit = f.unb64u(lock["commit_t"])
        found = (f.combine(s) for s in itertools.combinations(shares, lock["t"]))
        k_t = next((k for k in found if f.commit_t(c, k) == commit), None)
        require(k_t is not None, "no %d of these shares give the committed key" % lock["t"])
        require(f.boxes_of(c, k_t, lock["t"], public_keys) == boxes, "a box is not the one that the key gives")
    require((ctx["mode"] == "dual") == bool(k_b), "mode dual needs the bidder's key, mode trustees has none")
    if k_b:
        require(f.commit_b(c, k_b) == f.unb64u(lock["commit_b"]), "the bidder's key is not the committed one")
    plaintext = tink_open(f.payload_key(c, k_t, k_b), f.payload_aad(c), ciphertext)
    bid, files = f.read_archive(plaintext, c)
    check_signature(bid["signature"], f.bid_document_message(bid))
    return bid, files


def private_key(raw):
    return ec.derive_private_key(int.from_bytes(raw, "big"), ec.SECP256R1())


def key_of_second(manifest, private):
    """K_B as the second holder finds it in the manifest, whose box must be the one that K_B gives."""
    second, c = manifest["lock"]["second"], f.context_hash(manifest["ctx"])
    public = f.point(private)
    require(f.b64u(public) == second["hpke"], "the bid names another second holder")
    k_b = SUITE.decrypt(f.unb64u(second["box"]), private, info=f.second_info(c, public))
    require(f.second_box(c, k_b, public) == f.unb64u(second["box"]), "the second holder's box is not the one that the key gives")
    return k_b


def bidder_key(asked, manifest):
    if asked.second:
        return key_of_second(manifest, private_key(f.unb64u(json.loads(asked.second.read_text())["hpke_private"])))
    if not asked.bidder_key:
        return b""
    k_b, m = f.read_key_file(json.loads(asked.bidder_key.read_text()), asked.passphrase)
    require(m == f.H(f.manifest_message(manifest)), "the key file is of another bid")
    return k_b


def run_vectors(path):
    pattern = lambda n: bytes((i * 31 + (i >> 8)) & 255 for i in range(n))
    document = json.loads(pathlib.Path(path).read_text())
    committed = json.loads(pathlib.Path(path).with_name("share-commit-vectors.json").read_text())
    newer = {bid["name"]: bid for bid in committed["bids"]}
    for case in document["cases"]:
        given, expect = case["given"], case["expect"]
        c, k_b = f.unb64u(expect["c"]), f.unb64u(given["k_b"]) if given["k_b"] else b""
        files = [r["utf8"].encode() if "utf8" in r else pattern(int(r["pattern"])) for r in given["files"]]
        plaintext = f.archive(given["bid_json"].encode(), files)
        sealed = f.seal_stream(
            f.payload_key(c, f.unb64u(given["k_t"]), k_b), f.payload_aad(c),
            f.unb64u(given["salt"]), f.unb64u(given["nonce_prefix"]), plaintext,
        )
        require(f.b64u(f.H(sealed)) == expect["ciphertext_sha256"], case["name"] + ": other ciphertext")
        keys = [(i, private_key(f.unb64u(k))) for i, k in enumerate(given["hpke_private"], 1)]
        t = json.loads(given["trustees"])["t"]
        for subset in (keys[:t], keys[-t:]):
            for bid in (expect, newer[case["name"]]):
                _, opened = open_bid(
                    bid["manifest"].encode(), sealed, given["trustees"].encode(), subset, k_b, bid["signature"].encode()
                )
                require([d for _, d in opened] == files, case["name"] + ": other files")
        print("ok", case["name"])
    check = committed["opening_check"]
    for row in check["rows"]:
        lock, told = json.loads(row["lock"]), {r["i"]: f.unb64u(r["share"]) if r["share"] else None for r in row["reported"]}
        found = f.opening_check(f.unb64u(check["c"]), lock, [f.unb64u(k) for k in check["box_keys"][: lock["n"]]], told)
        require(found[0] == row["verdict"]["is"], "%s: %s" % (row["name"], found[:1] + found[2:]))
    print("judged", len(check["rows"]))


def main():
    parser = argparse.ArgumentParser()
    for name in ("--vectors", "--manifest", "--ciphertext", "--trustees", "--bidder-key", "--second", "--signature", "--out"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--key", type=pathlib.Path, action="append", default=[])
    parser.add_argument("--passphrase", default="")
    asked = parser.parse_args()
    streaming_aead.register()
    if asked.vectors:
        return run_vectors(asked.vectors)
    keys = [json.loads(k.read_text()) for k in asked.key]
    bid, files = open_bid(
        asked.manifest.read_bytes(),
        asked.ciphertext.read_bytes(),
        asked.trustees.read_bytes(),
        [(k["i"], private_key(f.unb64u(k["hpke_private"]))) for k in keys],
        bidder_key(asked, f.from_jcs(asked.manifest.read_bytes())),
        asked.signature.read_bytes() if asked.signature else None,
    )
    for (name, data), listed in zip(files, bid["files"]):
        if asked.out:
            asked.out.mkdir(parents=True, exist_ok=True)
            (asked.out / listed["path"].replace("/", "-")).write_bytes(data)
        print(listed["path"], len(data), name)
    print(json.dumps(bid["form"], ensure_ascii=False, sort_keys=True))


if __name__ == "__main__":
    try:
        main()
    except Exception as problem:  # noqa: BLE001 - one line for a shell test, whatever went wrong
        sys.exit("does not open: %s: %s" % (type(problem).__name__, problem))
