"""Makes bidder-key-vectors.json: the key file under a passphrase and the box of a second holder (section 9 of
docs/formats/sealed-bid.md). Nothing in it is random, so a second run gives the same file. All keys are test keys."""

import json
import pathlib

import sealed_bid as f
from make_sealed_bid_vectors import fixed, key, raw

OUT = pathlib.Path(__file__).with_name("bidder-key-vectors.json")


def main():
    c, k_b, m = fixed("bidder key context"), fixed("bidder key"), fixed("bidder key manifest")
    holder = key("second holder")
    words, iterations = "口令 pass 12345", 1000
    salt, nonce = fixed("bidder key salt", 16), fixed("bidder key nonce", 12)
    document = {
        "format": "etrade/bid/v1 section 9",
        "given": {
            "c": f.b64u(c), "holder_private": raw(holder), "iterations": str(iterations), "k_b": f.b64u(k_b), "m": f.b64u(m),
            "nonce": f.b64u(nonce), "passphrase": words, "salt": f.b64u(salt),
        },
        "expect": {
            "commit_b": f.b64u(f.commit_b(c, k_b)), "holder": f.b64u(f.point(holder)),
            "key_file": f.jcs(f.lock_key_file(k_b, m, words, salt, nonce, iterations)).decode(),
            "second_box": f.b64u(f.second_box(c, k_b, f.point(holder))),
        },
    }
    OUT.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
