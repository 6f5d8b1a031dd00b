//! The pinned vectors, made by `tests/foreign/make_sealed_bid_vectors.py`. Every intermediate value must be equal.

use crate::platform::canonical::{from_jcs, jcs_text};
use crate::platform::digest::{b64u, sha256};
use crate::sealing::archive::{self, ArchiveWriter, padded};
use crate::sealing::boxes::{BoxKey, share_boxes};
use crate::sealing::context::Context;
use crate::sealing::document::Bytes;
use crate::sealing::envelope::Envelope;
use crate::sealing::keys::{
    Secret, commit_b, commit_share, commit_t, derive, expand, payload_aad, payload_key,
};
use crate::sealing::manifest::{Lock, Manifest};
use crate::sealing::opening_check::{BidderFault, Reported, Verdict, check};
use crate::sealing::shamir::{Share, split};
use crate::sealing::signature::Signature;
use crate::sealing::stream::{StreamSealer, ciphertext_size, measure, root_of, slice_leaf};
use crate::sealing::trustees::TrusteeSet;
use crate::sealing::warrant::OpeningWarrant;
use serde_json::{Value, json};
use std::io::{Cursor, Write};

const VECTORS: &str = include_str!("../../../tests/foreign/sealed-bid-vectors.json");

fn vectors() -> Value {
    serde_json::from_str(VECTORS).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is missing"))
}

fn bytes<const N: usize>(value: &Value, key: &str) -> [u8; N] {
    Bytes::parse(text(value, key)).unwrap().0
}

fn texts(value: &Value, key: &str) -> Vec<String> {
    value[key].as_array().unwrap().iter().map(|v| v.as_str().unwrap().to_owned()).collect()
}

fn pattern(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 31 + (i >> 8)) as u8).collect()
}

fn content(file: &Value) -> Vec<u8> {
    match file["utf8"].as_str() {
        Some(utf8) => utf8.as_bytes().to_vec(),
        None => pattern(text(file, "pattern").parse().unwrap()),
    }
}

fn plaintext_of(given: &Value) -> Vec<u8> {
    let head = archive::head(text(given, "bid_json").as_bytes()).unwrap();
    let length = head.len();
    let mut archive = ArchiveWriter::behind(head, length);
    for (at, file) in given["files"].as_array().unwrap().iter().enumerate() {
        let content = content(file);
        archive.entry(&format!("f/{:04}", at + 1), content.len() as u64, content.as_slice()).unwrap();
    }
    archive.finish().unwrap()
}

fn ciphertext_of(given: &Value, key: &Secret, c: &[u8; 32]) -> Vec<u8> {
    let (salt, prefix) = (bytes(given, "salt"), bytes(given, "nonce_prefix"));
    let plain = plaintext_of(given);
    let (head, rest) = plain.split_at(512 + text(given, "bid_json").len().next_multiple_of(512));
    let out = Cursor::new(Vec::new());
    let mut sealer = StreamSealer::new(out, key, &payload_aad(c), &salt, prefix, head.len()).unwrap();
    sealer.write_all(rest).unwrap();
    sealer.finish(head).unwrap().0.into_inner()
}

#[test]
fn every_value_of_a_whole_bid_equals_the_vector() {
    for case in vectors()["cases"].as_array().unwrap() {
        let (given, expect) = (&case["given"], &case["expect"]);
        let ctx: Context = from_jcs(text(given, "ctx").as_bytes()).unwrap();
        let set = TrusteeSet::read(text(given, "trustees").as_bytes()).unwrap();
        let c = ctx.hash();
        assert_eq!(b64u(&c), text(expect, "c"));
        assert_eq!(ctx.trustees.0, set.hash());
        let k_t = Secret(bytes(given, "k_t"));
        let k_b = given["k_b"].as_str().map(|text| Secret(Bytes::parse(text).unwrap().0));
        let key = payload_key(&c, &k_t, k_b.as_ref());
        assert_eq!(b64u(&key.0), text(expect, "k"));
        let dk = derive(&bytes::<32>(given, "salt"), &[&key.0], &[&payload_aad(&c)]);
        assert_eq!(b64u(&dk.0), text(expect, "dk"));

        let shares = split(&c, &k_t, set.t, set.n()).unwrap();
        let shown: Vec<String> = shares.iter().map(|s| b64u(s.to_bytes().as_slice())).collect();
        assert_eq!(shown, texts(expect, "shares"));
        let ikm = |i: u8| {
            let mut out = [0; 32];
            expand(&k_t, &[b"etrade/bid/eph/v1\n", &c, &[i]], &mut out);
            b64u(&out)
        };
        assert_eq!((1..=set.n()).map(ikm).collect::<Vec<_>>(), texts(expect, "ikm_e"));
        let boxes = share_boxes(&c, &k_t, &shares, &set.box_keys()).unwrap();
        assert_eq!(boxes.iter().map(|b| b64u(b)).collect::<Vec<_>>(), texts(expect, "boxes"));

        let plaintext = plaintext_of(given);
        assert_eq!(plaintext.len().to_string(), text(expect, "plaintext_size"));
        assert_eq!(b64u(&plaintext[..512]), text(expect, "first_header"));
        assert_eq!(b64u(&sha256(&[&plaintext])), text(expect, "plaintext_sha256"));
        let ciphertext = ciphertext_of(given, &key, &c);
        assert_eq!(b64u(&sha256(&[&ciphertext])), text(expect, "ciphertext_sha256"));
        assert_eq!(ciphertext_size(plaintext.len() as u64), ciphertext.len() as u64);

        let manifest = Manifest::read(text(expect, "manifest").as_bytes()).unwrap();
        assert_eq!(manifest.measured(), measure(ciphertext.as_slice()).unwrap());
        assert_eq!(jcs_text(&manifest), text(expect, "manifest"));
        assert_eq!(b64u(&manifest.id()), text(expect, "manifest_id"));
        assert_eq!(manifest.lock.commit_t.0, commit_t(&c, &k_t));
        assert_eq!(manifest.lock.commit_b.map(|b| b.0), k_b.as_ref().map(|k_b| commit_b(&c, k_b)));
        let signature: Signature = from_jcs(text(expect, "signature").as_bytes()).unwrap();
        manifest.check_signature(&signature).unwrap();
    }
}

#[test]
fn a_bid_that_python_sealed_opens_here_with_the_last_t_trustees() {
    for case in vectors()["cases"].as_array().unwrap() {
        let (given, expect) = (&case["given"], &case["expect"]);
        let set = TrusteeSet::read(text(given, "trustees").as_bytes()).unwrap();
        let manifest = Manifest::read(text(expect, "manifest").as_bytes()).unwrap();
        let c = manifest.ctx.hash();
        let k_b = given["k_b"].as_str().map(|text| Secret(Bytes::parse(text).unwrap().0));
        let ciphertext = ciphertext_of(given, &Secret(bytes(expect, "k")), &c);
        let keys = texts(given, "hpke_private");
        let reported: Vec<Reported> = (1..=set.n())
            .rev()
            .take(usize::from(set.t))
            .map(|i| {
                let at = usize::from(i) - 1;
                let key = BoxKey::from_bytes(&Bytes::<32>::parse(&keys[at]).unwrap().0).unwrap();
                assert_eq!(key.public(), set.members[at].hpke.0);
                Reported { i, share: Some(key.open_share(&c, i, &manifest.lock.boxes[at].0).unwrap()) }
            })
            .collect();
        let warrant = OpeningWarrant::issue([manifest.id()]);
        let envelope = Envelope::new(manifest);
        let unlocked = envelope.unlock(&warrant, &set, &reported, k_b.as_ref()).unwrap();
        let mut shelf: Vec<Vec<u8>> = Vec::new();
        let opened = unlocked.open(ciphertext.as_slice(), &mut shelf).unwrap();
        assert_eq!(shelf, given["files"].as_array().unwrap().iter().map(content).collect::<Vec<_>>());
        assert_eq!(jcs_text(opened.document()), text(given, "bid_json"));
    }
}

#[test]
fn bare_streams_at_the_edges_of_segments_equal_the_vector() {
    let vectors = vectors();
    let streams = &vectors["streams"];
    let (key, salt, prefix) =
        (Secret(bytes(streams, "k")), bytes(streams, "salt"), bytes(streams, "nonce_prefix"));
    let aad = crate::platform::digest::from_b64u(text(streams, "aad")).unwrap();
    for row in streams["rows"].as_array().unwrap() {
        let mut sealer = StreamSealer::new(Cursor::new(Vec::new()), &key, &aad, &salt, prefix, 0).unwrap();
        sealer.write_all(&pattern(text(row, "size").parse().unwrap())).unwrap();
        let (sealed, measured) = sealer.finish(&[]).unwrap();
        let sealed = sealed.into_inner();
        assert_eq!(b64u(&sha256(&[&sealed])), text(row, "sha256"));
        assert_eq!(b64u(&measured.root), text(row, "root"));
        assert_eq!(measured, measure(sealed.as_slice()).unwrap());
    }
}

#[test]
fn merkle_roots_and_padded_lengths_equal_the_vector() {
    for row in vectors()["merkle"].as_array().unwrap() {
        let leaves: Vec<[u8; 32]> = texts(row, "slices").iter().map(|s| slice_leaf(s.as_bytes())).collect();
        assert_eq!(b64u(&root_of(&leaves)), text(row, "root"));
    }
    for row in vectors()["padded_length"].as_array().unwrap() {
        let number = |at: usize| row[at].as_str().unwrap().parse::<u64>().unwrap();
        assert_eq!(padded(number(0)), number(1));
    }
}

#[test]
fn an_ordinary_tar_reads_the_archive() {
    let vectors = vectors();
    let given = &vectors["cases"][0]["given"];
    let plaintext = plaintext_of(given);
    let mut tar = tar::Archive::new(plaintext.as_slice());
    let names: Vec<String> =
        tar.entries().unwrap().map(|e| e.unwrap().path().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["bid.json", "f/0001", "f/0002"]);
    let c = Bytes::parse(text(&vectors["cases"][0]["expect"], "c")).unwrap().0;
    archive::read(&mut plaintext.as_slice(), &c, &mut Vec::<Vec<u8>>::new()).unwrap();
}

const WITH_COMMITMENTS: &str = include_str!("../../../tests/foreign/share-commit-vectors.json");

#[test]
fn share_commitments_equal_the_vector() {
    let new: Value = serde_json::from_str(WITH_COMMITMENTS).unwrap();
    for (old, new) in vectors()["cases"].as_array().unwrap().iter().zip(new["bids"].as_array().unwrap()) {
        assert_eq!(text(old, "name"), text(new, "name"));
        let c: [u8; 32] = bytes(&old["expect"], "c");
        let set = TrusteeSet::read(text(&old["given"], "trustees").as_bytes()).unwrap();
        let dealt = split(&c, &Secret(bytes(&old["given"], "k_t")), set.t, set.n()).unwrap();
        let made: Vec<String> = dealt.iter().map(|share| b64u(&commit_share(&c, share))).collect();
        assert_eq!(made, texts(new, "shares"));
        let manifest = Manifest::read(text(new, "manifest").as_bytes()).unwrap();
        manifest.check_shares().unwrap();
        assert_eq!(b64u(&manifest.id()), text(new, "manifest_id"));
        manifest.check_signature(&from_jcs(text(new, "signature").as_bytes()).unwrap()).unwrap();
        // all but the commitments is as it was
        let mut before = manifest;
        before.lock.shares = None;
        assert_eq!(jcs_text(&before), text(&old["expect"], "manifest"));
        assert!(before.check_shares().is_err());
    }
}

#[test]
fn the_opening_check_says_what_the_vector_says() {
    let vectors: Value = serde_json::from_str(WITH_COMMITMENTS).unwrap();
    let given = &vectors["opening_check"];
    let c: [u8; 32] = bytes(given, "c");
    let keys: Vec<[u8; 65]> =
        texts(given, "box_keys").iter().map(|key| Bytes::parse(key).unwrap().0).collect();
    for row in given["rows"].as_array().unwrap() {
        let lock: Lock = from_jcs(text(row, "lock").as_bytes()).unwrap();
        let report = |report: &Value| Reported {
            i: u8::try_from(report["i"].as_u64().unwrap()).unwrap(),
            share: report["share"]
                .as_str()
                .map(|text| Share::from_bytes(&Bytes::<33>::parse(text).unwrap().0).unwrap()),
        };
        let reported: Vec<Reported> = row["reported"].as_array().unwrap().iter().map(report).collect();
        let at_fault = |why: &str, i: Option<u8>| json!({ "is": "at_fault", "why": why, "i": i });
        let found = match check(&c, &lock, &keys[..usize::from(lock.n)], &reported) {
            Verdict::Sound { liars, .. } => json!({ "is": "sound", "liars": liars }),
            Verdict::NotEnough { have, .. } => json!({ "is": "not_enough", "have": have }),
            Verdict::BidderAtFault(BidderFault::SharesDoNotFit) => at_fault("shares_do_not_fit", None),
            Verdict::BidderAtFault(BidderFault::KeyDiffers) => at_fault("key_differs", None),
            Verdict::BidderAtFault(BidderFault::CommitmentDiffers(i)) => {
                at_fault("commitment_differs", Some(i))
            }
            Verdict::BidderAtFault(BidderFault::BoxDiffers(i)) => at_fault("box_differs", Some(i)),
        };
        assert_eq!(found, row["verdict"], "{}", text(row, "name"));
    }
}
