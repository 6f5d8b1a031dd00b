"""Makes bidder-release-vectors.json: a bidder's key locked to an opening session and signed (version 2, section 9 of
docs/formats/sealed-bid.md), for the dual bid of sealed-bid-vectors.json. Run once; the result is committed and never edited (signatures
are random). All keys are test keys."""

import json
import pathlib

import sealed_bid as f
from make_sealed_bid_vectors import fixed, key, raw

HERE = pathlib.Path(__file__)
OUT = HERE.with_name("bidder-release-vectors.json")


def main():
    bids = json.loads(HERE.with_name("sealed-bid-vectors.json").read_text())["cases"]
    bid = next(case for case in bids if case["given"]["k_b"])
    c, m, k_b = (f.unb64u(text) for text in (bid["expect"]["c"], bid["expect"]["manifest_id"], bid["given"]["k_b"]))
    session, bidder = key("opening session"), key(bid["name"] + " bidder")
    pk = f.point(session)
    info = b"etrade/bidder-release/v1\n" + c + f.H(pk)
    box = f.hpke_seal(pk, info, k_b, f.derive_key_pair(fixed("once for the release")))
    release = {"box": f.b64u(box), "m": f.b64u(m), "session": f.b64u(pk), "typ": "etrade/bidder-release/v2"}
    message = f.bidder_release_message(release)
    x5c = json.loads(bid["expect"]["signature"])["x5c"]
    release["signature"] = {"alg": "es256", "sig": f.b64u(f.sign_es256(bidder, message)), "x5c": x5c}
    document = {
        "format": "etrade/bid/v1 section 9", "bid": bid["name"], "session_private": raw(session), "message": f.b64u(message),
        "release": f.jcs(release).decode(),
    }
    OUT.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
