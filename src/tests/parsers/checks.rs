//! What every parser of outside bytes keeps, whatever the bytes: it does not panic, what it takes it takes in one form only
//! (written again it is the same bytes, where the format has a writer), and what it points at lies within what it was given.
//!
//! The property tests and the fuzz targets run these same functions; `fuzz/src/lib.rs` takes this file in by its path. Each
//! gives whether the bytes were taken, so that a test can see that its good examples are.

use crate::deposit::{bank_csv, camt054};
use crate::expert_draw::pool;
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::note::{KeyKind, Note, VerifierKey};
use crate::ledger::policy::Policy;
use crate::ledger::proof::Receipt;
use crate::ledger::rotation::Rotations;
use crate::ledger::tiles::{Resource, bundle, parse_bundle};
use crate::ledger::{leaf, timestamp, tree, witness};
use crate::platform::canonical::{from_jcs, jcs};
use crate::platform::digest::sha256;
use crate::recording::{ebml, segments};
use crate::sealed_bid::tus_headers;
use crate::sealing::archive::{self, ArchiveWriter};
use crate::sealing::bid_document::BidDocument;
use crate::sealing::bid_set::BidSet;
use crate::sealing::bidder_key::{KeyBundle, LockedKeyFile, read_key_file};
use crate::sealing::command::BidParameters;
use crate::sealing::context::Context;
use crate::sealing::key_file::read_box_key;
use crate::sealing::keys::Secret;
use crate::sealing::manifest::Manifest;
use crate::sealing::opening_check::{Reported, Verdict, check};
use crate::sealing::release::{BidderRelease, OpeningBundle, Release};
use crate::sealing::shamir::Share;
use crate::sealing::signature::{Signature, certificate_point};
use crate::sealing::stream::{StreamOpener, looks_sealed, measure};
use crate::sealing::trustees::TrusteeSet;
use crate::verify::bundle::Bundle;
use crate::verify::container;
use crate::verify::findings::Findings;
use serde::Serialize;
use std::io::Read;
use std::ops::Range;

/// A family of parsers: the name of its fuzz target, and what is done with the bytes.
pub type Family = (&'static str, fn(&[u8]) -> bool);

pub const FAMILIES: [Family; 12] = [
    ("envelope", envelope),
    ("release", release),
    ("papers", papers),
    ("archive", archive),
    ("stream", stream),
    ("tus_headers", tus_headers),
    ("note", note),
    ("proofs", proofs),
    ("timestamp", timestamp),
    ("evidence", evidence),
    ("lists", lists),
    ("recording", recording),
];

/// The key under which the examples of `stream` are sealed, and what it is bound to.
pub const STREAM_KEY: [u8; 32] = [3; 32];
pub const STREAM_AAD: &[u8] = b"examples";

/// A document that was read is the bytes that it was read from.
fn canonical<T: Serialize, E>(read: Result<T, E>, bytes: &[u8]) -> bool {
    let Ok(document) = read else { return false };
    assert!(jcs(&document) == bytes, "read from other bytes than it writes");
    true
}

/// What a bid is handed in with, and what it is sealed with: manifest, signature, context, bid set, trustees, parameters.
pub fn envelope(bytes: &[u8]) -> bool {
    let manifest = Manifest::read(bytes);
    if let Ok(manifest) = &manifest {
        let _ = manifest.measured();
        assert_eq!(Manifest::read(bytes).ok().as_ref(), Some(manifest));
        invented_shares_prove_nothing(manifest, bytes);
    }
    let signature = from_jcs::<Signature>(bytes);
    if let Ok(signature) = &signature {
        let _ = signature.verify(b"other");
    }
    let _ = certificate_point(bytes);
    let taken = [
        BidParameters::read(bytes).is_ok(),
        canonical(manifest, bytes),
        canonical(signature, bytes),
        canonical(from_jcs::<Context>(bytes), bytes),
        canonical(BidSet::read(bytes), bytes),
        canonical(TrusteeSet::read(bytes), bytes),
    ];
    taken.contains(&true)
}

/// Shares that nobody committed to give no key and prove no fault, whatever the manifest says; and there is a commitment for each
/// trustee or for none.
fn invented_shares_prove_nothing(manifest: &Manifest, bytes: &[u8]) {
    let lock = &manifest.lock;
    assert_eq!(manifest.check_shares().is_ok(), lock.shares.is_some());
    let Some(shares) = &lock.shares else { return };
    assert_eq!(shares.len(), lock.boxes.len());
    let y = sha256(&[bytes]);
    let invented: Vec<Reported> =
        (1..=lock.n).map(|i| Reported { i, share: Share::from_bytes(&[&[i][..], &y].concat()) }).collect();
    match check(&manifest.ctx.hash(), lock, &[], &invented) {
        Verdict::Sound { .. } => panic!("a key out of nothing"),
        Verdict::BidderAtFault(fault) => {
            assert!(!fault.is_proven(), "proven with invented shares: {fault:?}")
        }
        Verdict::NotEnough { have, .. } => assert_eq!(have, 0),
    }
}

/// What opens bids: releases of trustees and bidders, what they are made from, key files.
pub fn release(bytes: &[u8]) -> bool {
    let _ = KeyBundle::read(bytes);
    let opening = OpeningBundle::read(bytes).inspect(|bundle| {
        // whatever it says of itself is believed here, so that the check goes as deep as it can
        let trust = bundle.log.as_ref().and_then(|log| Policy::parse(&log.policy).ok());
        let _ = trust.map(|trust| bundle.check(&trust, bundle.opens_at));
        let trust = bundle.drill.as_ref().and_then(|log| Policy::parse(&log.policy).ok());
        let _ = trust.map(|trust| bundle.check_drill(&trust, bundle.opens_at));
    });
    // a file with a passphrase asks for as many rounds as it names: tried only without
    let locked = serde_json::from_slice::<LockedKeyFile>(bytes).is_ok();
    let key = !locked && read_key_file(bytes, "").is_ok();
    let boxed = bytes.len() < 64 && read_box_key(bytes, "").is_ok();
    let taken = [
        canonical(Release::read(bytes), bytes),
        canonical(BidderRelease::read(bytes), bytes),
        canonical(opening, bytes),
    ];
    taken.contains(&true) || locked || key || boxed
}

/// A list of changes to the papers of an opening.
pub fn papers(bytes: &[u8]) -> bool {
    super::papers::check(bytes)
}

/// The plaintext of a bid behind the 32 bytes of its context's hash. What is taken is written again, byte for byte.
pub fn archive(bytes: &[u8]) -> bool {
    let Some((c, mut plain)) = bytes.split_first_chunk::<32>() else { return false };
    let _ = BidDocument::read(plain, c);
    let whole = plain;
    let mut files: Vec<Vec<u8>> = Vec::new();
    let Ok(document) = archive::read(&mut plain, c, &mut files) else { return false };
    let Ok(head) = archive::head(&jcs(&document)) else { panic!("what was read can not be written") };
    let mut writer = ArchiveWriter::behind(head.clone(), head.len());
    for (listed, content) in document.files.iter().zip(&files) {
        let written = writer.entry(&listed.path, listed.size.0, content.as_slice());
        assert_eq!(written.ok(), Some(listed.sha256.0));
    }
    assert!(writer.finish().is_ok_and(|again| again == whole), "an archive has another form too");
    true
}

/// A ciphertext: its header, its segments, its length.
pub fn stream(bytes: &[u8]) -> bool {
    let _ = looks_sealed(bytes);
    let measured = measure(bytes).expect("memory can be read");
    assert_eq!(measured.size, bytes.len() as u64);
    let Ok(mut opener) = StreamOpener::new(bytes, &Secret(STREAM_KEY), STREAM_AAD) else { return false };
    let mut plain = Vec::new();
    let whole = opener.read_to_end(&mut plain).is_ok();
    let finished = opener.finish();
    assert!(whole || finished.is_err(), "a broken stream ends well");
    finished.is_ok_and(|found| {
        assert_eq!(found, measured);
        true
    })
}

/// What a tus request carries, one header in a line.
pub fn tus_headers(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let mut taken = false;
    for line in text.lines() {
        if let Some(count) = tus_headers::count(line) {
            assert_eq!(line.parse(), Ok(count));
            taken = true;
        }
        if let Some(sum) = tus_headers::checksum(line) {
            assert_eq!(line, format!("sha256 {}", crate::platform::digest::b64(&sum)));
            taken = true;
        }
    }
    taken
}

/// Signed notes, checkpoints, cosignatures, keys, changes of keys, policies.
pub fn note(bytes: &[u8]) -> bool {
    let mut taken = false;
    if let Ok(note) = Note::parse(bytes) {
        assert!(note.to_string().as_bytes() == bytes, "a note has another form too");
        let key = VerifierKey::new("log.example/x", KeyKind::Signer, [7; 32]).expect("a lawful name");
        let _ = (note.verify(std::slice::from_ref(&key)), note.cosigned_at(&key));
        let _ = Checkpoint::open(bytes, "log.example/x", &[key]);
        if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
            assert!(note.text().starts_with(&checkpoint.to_string()), "a checkpoint has another form too");
        }
        taken = true;
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return taken };
    if let Ok(key) = VerifierKey::parse(text) {
        assert_eq!(key.to_string(), text);
        taken = true;
    }
    if let Ok(rotations) = Rotations::parse(text) {
        let again = rotations.to_string();
        assert_eq!(
            Rotations::parse(&again).ok().as_ref(),
            Some(&rotations),
            "changes of keys are read otherwise again"
        );
        taken |= !rotations.list().is_empty();
    }
    if let Ok(policy) = Policy::parse(text) {
        let again = policy.to_string();
        assert_eq!(Policy::parse(&again).map(|policy| policy.to_string()).ok(), Some(again));
        taken = true;
    }
    taken
}

/// Receipts, requests to witnesses, tile names, entry bundles, leaves, and proofs of any length.
pub fn proofs(bytes: &[u8]) -> bool {
    let mut taken = false;
    if let Ok(receipt) = Receipt::parse(bytes) {
        assert!(receipt.to_string().as_bytes() == bytes, "a receipt has another form too");
        let _ = receipt.verify(b"other", 70, "log.example/x", &[]);
        taken = true;
    }
    if let Some(request) = witness::Request::parse(bytes) {
        assert!(request.to_string().as_bytes() == bytes, "a request has another form too");
        let _ = request.judge(&[], &Rotations::default(), |_| None);
        taken = true;
    }
    if let Some(entries) = parse_bundle(bytes) {
        assert_eq!(bundle(entries).as_deref(), Some(bytes));
        taken = true;
    }
    if let Some(commitment) = leaf::parse_entry(bytes) {
        assert_eq!(leaf::entry_of(&commitment), bytes);
        taken = true;
    }
    if let Some(resource) = std::str::from_utf8(bytes).ok().and_then(Resource::parse) {
        assert_eq!(resource.path().as_bytes(), bytes);
        taken = true;
    }
    any_proof(bytes);
    taken
}

/// Two numbers and hashes, taken for a proof: it may fail, and must not believe two things.
fn any_proof(bytes: &[u8]) {
    let Some((index, rest)) = bytes.split_first_chunk::<8>() else { return };
    let Some((size, rest)) = rest.split_first_chunk::<8>() else { return };
    let (index, size) = (u64::from_le_bytes(*index), u64::from_le_bytes(*size));
    let (hashes, _) = rest.as_chunks::<32>();
    let Some((leaf, proof)) = hashes.split_first() else { return };
    let (root, other) = (tree::empty_root(), [1; 32]);
    let both = tree::verify_inclusion(leaf, index, size, proof, &root)
        && tree::verify_inclusion(leaf, index, size, proof, &other);
    let grown = tree::verify_consistency(index, size, leaf, &root, proof)
        && tree::verify_consistency(index, size, leaf, &other, proof);
    // from the empty tree everything grows
    assert!(!both && (!grown || index == 0), "one proof for two roots");
}

/// RFC 3161 tokens and answers.
pub fn timestamp(bytes: &[u8]) -> bool {
    let _ = timestamp::Request::new("text").token(bytes);
    !matches!(timestamp::verify(bytes, "text", &[]), Err(timestamp::TimestampError::Malformed))
}

/// Evidence bundles. A container that is taken is written again, byte for byte.
pub fn evidence(bytes: &[u8]) -> bool {
    let archive = bytes.to_vec();
    let Ok(members) = container::list(&archive) else { return false };
    let mut writer = container::Writer::new(Vec::new());
    for member in &members {
        let added = writer.add(&member.name, member.size, &mut container::open(&archive, member));
        assert!(added.is_ok(), "{} can not be written", member.name);
    }
    assert!(writer.finish().is_ok_and(|again| again == bytes), "a container has another form too");
    let mut findings = Findings::default();
    Bundle::read(archive, &mut findings).is_some()
}

/// Lists from outside: the bank's notices (camt.054 and CSV), and the pool of experts.
pub fn lists(bytes: &[u8]) -> bool {
    let xml = camt054::read(bytes);
    let csv = bank_csv::read(bytes);
    for notice in [&xml, &csv].into_iter().flatten() {
        for movement in &notice.movements {
            assert!(movement.amount.0 > 0, "money that is none");
            assert_eq!(movement.key(), movement.clone().key());
        }
    }
    xml.is_ok() || csv.is_ok() || pool::read(bytes).is_ok()
}

/// What browsers record: WebM and fragmented MP4.
pub fn recording(bytes: &[u8]) -> bool {
    let within = |ranges: &[Range<usize>]| {
        let mut end = 0;
        for range in ranges {
            assert!(end <= range.start && range.start <= range.end && range.end <= bytes.len(), "{range:?}");
            end = range.end;
        }
    };
    let mut taken = false;
    for closed in [false, true] {
        if let Ok((found, video)) = ebml::pieces(bytes, None, closed) {
            within(&found.head.iter().cloned().chain(found.pieces).collect::<Vec<_>>());
            taken |= video.is_some();
        }
        let ending = if closed { segments::Ending::Closed } else { segments::Ending::Open };
        if let Ok(cut) = segments::cut(None, bytes, ending) {
            let init = cut.init.iter().map(|(range, _)| range.clone());
            within(&init.chain(cut.segments.iter().map(|segment| segment.bytes.clone())).collect::<Vec<_>>());
            assert!(cut.consumed <= bytes.len());
            taken |= cut.init.is_some();
        }
    }
    taken
}
