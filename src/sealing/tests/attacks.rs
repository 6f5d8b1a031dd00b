//! Bidders and trustees who cheat, and who is named for it.

use super::{context, panel, reports, seal_with, sealed, warrant};
use crate::platform::canonical::jcs;
use crate::sealing::archive::{self, ArchiveWriter};
use crate::sealing::boxes::share_boxes;
use crate::sealing::context::Mode;
use crate::sealing::document::Bytes;
use crate::sealing::envelope::{Envelope, Unopened};
use crate::sealing::keys::{Draw, Secret, commit_share, commit_t, payload_aad, payload_key};
use crate::sealing::manifest::Manifest;
use crate::sealing::opening_check::{BidderFault, Reported, Verdict, check};
use crate::sealing::shamir::{Share, split};
use crate::sealing::stream::{SLICE, StreamOpener, StreamSealer};
use std::io::{Cursor, Write};

pub(super) fn verdict(panel: &super::Panel, sealed: &super::Sealed, reported: &[Reported]) -> Verdict {
    let manifest = &sealed.bid.manifest;
    check(&manifest.ctx.hash(), &manifest.lock, &panel.set.box_keys(), reported)
}

#[test]
fn a_lying_trustee_is_named_and_the_bid_opens_all_the_same() {
    let panel = panel(3, 5);
    let sealed = sealed(&panel, Mode::Trustees);
    let mut reported = reports(&panel, &sealed, &[1, 2, 3, 4]);
    reported[1].share = Some(Share { i: 2, y: Secret([0xaa; 32]) });
    match verdict(&panel, &sealed, &reported) {
        Verdict::Sound { key, liars } => {
            assert_eq!(key, sealed.draw.k_t);
            assert_eq!(liars, [2]);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_trustee_who_says_that_a_good_box_does_not_open_is_named() {
    let panel = panel(2, 3);
    let sealed = sealed(&panel, Mode::Trustees);
    let mut reported = reports(&panel, &sealed, &[1, 2, 3]);
    reported[2].share = None;
    assert!(matches!(verdict(&panel, &sealed, &reported), Verdict::Sound { liars, .. } if liars == [3]));
}

#[test]
fn too_few_reports_blame_nobody() {
    let panel = panel(3, 5);
    let sealed = sealed(&panel, Mode::Trustees);
    let reported = reports(&panel, &sealed, &[5, 1]);
    assert!(matches!(verdict(&panel, &sealed, &reported), Verdict::NotEnough { have: 2, need: 3 }));
    let twice = [reported[0].clone(), reported[0].clone(), reported[1].clone()];
    assert!(matches!(verdict(&panel, &sealed, &twice), Verdict::NotEnough { have: 2, need: 3 }));
}

/// The bidder deals shares so that {1, 2} give key A and {1, 3} give key B, to choose the price later.
#[test]
fn a_bidder_with_two_keys_is_named_whoever_opens() {
    let panel = panel(2, 3);
    let mut sealed = sealed(&panel, Mode::Trustees);
    let c = sealed.bid.manifest.ctx.hash();
    let a = split(&c, &sealed.draw.k_t, 2, 3).unwrap();
    let key_b = Secret([0x5b; 32]);
    // the line through share 1 of A with key B at 0, evaluated at 3
    let mut third = Secret([0; 32]);
    let slope = |at: usize| {
        let rise = a[0].y.0[at] ^ key_b.0[at];
        crate::sealing::shamir::mul(3, rise) ^ key_b.0[at]
    };
    (0..32).for_each(|at| third.0[at] = slope(at));
    let dealt = [a[0].clone(), a[1].clone(), Share { i: 3, y: third }];
    let boxes = share_boxes(&c, &sealed.draw.k_t, &dealt, &panel.set.box_keys()).unwrap();
    sealed.bid.manifest.lock.boxes = boxes.into_iter().map(Bytes).collect();

    // commitments to the shares of key A: what trustee 3 finds is not what was committed to
    let told = |sealed: &super::Sealed, who: &[u8]| verdict(&panel, sealed, &reports(&panel, sealed, who));
    let found = told(&sealed, &[1, 2]);
    assert!(matches!(found, Verdict::BidderAtFault(BidderFault::BoxDiffers(3))), "{found:?}");
    assert!(matches!(told(&sealed, &[1, 3]), Verdict::NotEnough { have: 1, need: 2 }));
    let found = told(&sealed, &[1, 2, 3]);
    assert!(matches!(found, Verdict::BidderAtFault(BidderFault::BoxDiffers(3))), "{found:?}");
    // commitments to what was dealt: proven with any two, whichever come first
    let committed = dealt.iter().map(|share| Bytes(commit_share(&c, share))).collect();
    sealed.bid.manifest.lock.shares = Some(committed);
    let found = told(&sealed, &[1, 2]);
    assert!(matches!(found, Verdict::BidderAtFault(BidderFault::CommitmentDiffers(3))), "{found:?}");
    let found = told(&sealed, &[1, 3]);
    assert!(matches!(found, Verdict::BidderAtFault(BidderFault::KeyDiffers)), "{found:?}");

    let other = reports(&panel, &sealed, &[1, 3]);
    let joined = crate::sealing::shamir::combine(&[
        other[0].share.as_ref().unwrap(),
        other[1].share.as_ref().unwrap(),
    ]);
    assert_eq!(joined, Some(key_b), "the attack itself works");
    // as it was judged before there were commitments
    sealed.bid.manifest.lock.shares = None;
    assert!(matches!(told(&sealed, &[1, 3]), Verdict::BidderAtFault(BidderFault::SharesDoNotFit)));
}

#[test]
fn a_bidder_who_spoils_one_box_is_named_and_not_the_trustee() {
    let panel = panel(2, 3);
    let mut sealed = sealed(&panel, Mode::Trustees);
    sealed.bid.manifest.lock.boxes[2].0[100] ^= 1;
    let reported = reports(&panel, &sealed, &[1, 2, 3]);
    assert!(reported[2].share.is_none());
    assert!(matches!(
        verdict(&panel, &sealed, &reported),
        Verdict::BidderAtFault(BidderFault::BoxDiffers(3))
    ));
}

#[test]
fn a_box_of_one_bid_does_not_open_in_another() {
    let panel = panel(2, 3);
    let sealed = sealed(&panel, Mode::Trustees);
    let mut other = sealed.bid.manifest.ctx.clone();
    other.bidder = Bytes([0x77; 16]);
    let stolen = &sealed.bid.manifest.lock.boxes[0].0;
    assert!(panel.keys[0].boxes.open_share(&other.hash(), 1, stolen).is_err());
    assert!(panel.keys[0].boxes.open_share(&sealed.bid.manifest.ctx.hash(), 2, stolen).is_err());
}

fn unlock_and_open(panel: &super::Panel, sealed: &super::Sealed, ciphertext: &[u8]) -> Result<(), String> {
    let envelope = Envelope::new(sealed.bid.manifest.clone());
    let reported = reports(panel, sealed, &[1, 2]);
    let unlocked =
        envelope.unlock(&warrant(sealed), &panel.set, &reported, None).map_err(|e| e.to_string())?;
    let mut shelf: Vec<Vec<u8>> = Vec::new();
    unlocked.open(ciphertext, &mut shelf).map(drop).map_err(|e| e.to_string())
}

#[test]
fn cutting_reordering_or_appending_slices_is_found() {
    let panel = panel(2, 3);
    let ctx = context(&panel.set, Mode::Trustees);
    let files = [("large.bin", vec![1; 4 * SLICE])];
    let sealed = seal_with(&panel.set, &ctx, &files, Draw::fresh(Mode::Trustees));
    let good = &sealed.ciphertext;
    unlock_and_open(&panel, &sealed, good).unwrap();
    let mut swapped = good.clone();
    swapped[SLICE..3 * SLICE].rotate_left(SLICE);
    let mut changed = good.clone();
    changed[2 * SLICE + 17] ^= 0x80;
    let longer = [good.as_slice(), &[0; 40]].concat();
    let doubled = [good.as_slice(), &good[SLICE..]].concat();
    for bad in
        [&good[..3 * SLICE], &good[..good.len() - 1], &good[..10], &swapped, &changed, &longer, &doubled]
    {
        assert!(unlock_and_open(&panel, &sealed, bad).is_err());
    }
}

#[test]
fn a_second_ciphertext_under_the_same_key_is_not_the_manifests() {
    let panel = panel(2, 3);
    let first = sealed(&panel, Mode::Trustees);
    let same_key = Draw { k_t: first.draw.k_t.clone(), k_b: None, salt: [1; 32], nonce_prefix: [2; 7] };
    let ctx = context(&panel.set, Mode::Trustees);
    let second = seal_with(&panel.set, &ctx, &[("other.txt", b"another price".to_vec())], same_key);
    let why = unlock_and_open(&panel, &first, &second.ciphertext).unwrap_err();
    assert!(why.contains("not the ciphertext that the manifest names"), "{why}");
}

#[test]
fn sealing_to_a_set_with_a_swapped_key_is_refused() {
    let honest = panel(2, 3);
    let platform = panel(2, 3);
    let mut swapped = honest.set.clone();
    swapped.members[1].hpke = platform.set.members[1].hpke;
    assert!(swapped.check().is_err());
    assert!(honest.keys[1].sign_set(&mut swapped).is_err());
    let mut doubled = honest.set.clone();
    doubled.members[1].hpke = doubled.members[0].hpke;
    assert!(doubled.check_without_signatures().is_err());
    let sealed = sealed(&honest, Mode::Trustees);
    let envelope = Envelope::new(sealed.bid.manifest.clone());
    let refused =
        envelope.unlock(&warrant(&sealed), &platform.set, &reports(&honest, &sealed, &[1, 2]), None);
    assert!(matches!(refused, Err(Unopened::WrongTrustees)));
}

/// Seals `plaintext` as it is, under a bid's own key, as a bidder with a hex editor would.
fn sealed_raw(panel: &super::Panel, plaintext: &[u8]) -> super::Sealed {
    let mut sealed = sealed(panel, Mode::Trustees);
    let c = sealed.bid.manifest.ctx.hash();
    let key = payload_key(&c, &sealed.draw.k_t, None);
    let mut stream =
        StreamSealer::new(Cursor::new(Vec::new()), &key, &payload_aad(&c), &[4; 32], [5; 7], 0).unwrap();
    stream.write_all(plaintext).unwrap();
    let (ciphertext, measured) = stream.finish(&[]).unwrap();
    sealed.bid.manifest.ct.root = Bytes(measured.root);
    sealed.bid.manifest.ct.size.0 = measured.size;
    sealed.ciphertext = ciphertext.into_inner();
    sealed
}

fn archive_of(bid_json: &[u8]) -> ArchiveWriter<Vec<u8>> {
    let head = archive::head(bid_json).unwrap();
    let length = head.len();
    ArchiveWriter::behind(head, length)
}

fn plaintext_of(sealed: &super::Sealed) -> Vec<u8> {
    let c = sealed.bid.manifest.ctx.hash();
    let key = payload_key(&c, &sealed.draw.k_t, None);
    let mut plain = Vec::new();
    let mut stream = StreamOpener::new(sealed.ciphertext.as_slice(), &key, &payload_aad(&c)).unwrap();
    std::io::copy(&mut stream, &mut plain).unwrap();
    stream.finish().unwrap();
    plain
}

#[test]
fn an_archive_that_deviates_in_any_way_is_refused() {
    let panel = panel(2, 3);
    let honest = sealed(&panel, Mode::Trustees);
    let c = honest.bid.manifest.ctx.hash();
    let good = plaintext_of(&honest);
    let read = |plain: &[u8]| archive::read(&mut &*plain, &c, &mut Vec::<Vec<u8>>::new());
    let document = read(&good).unwrap();
    let json = jcs(&document);
    let first = 512 + json.len().next_multiple_of(512);
    let mut variants: Vec<Vec<u8>> = Vec::new();
    let mut vary = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut plain = good.clone();
        change(&mut plain);
        variants.push(plain);
    };
    vary(&|p| p[first + 512] ^= 1); // a byte of the first file
    vary(&|p| p[first + 513 + 16] = 1); // padding after the first file
    vary(&|p| p[first + 156] = b'2'); // a symbolic link
    vary(&|p| p[first + 100] = b'1'); // another file mode
    vary(&|p| *p.last_mut().unwrap() = 1); // the last byte of all
    vary(&|p| p.extend_from_slice(&[0; 512])); // longer
    vary(&|p| p.truncate(p.len() - 512)); // shorter
    vary(&|p| p.swap(first, first + 1)); // another name
    let extra_at = first + 512 + 512 + 512 + 5120;
    vary(&|p| p[extra_at..extra_at + 512].copy_from_slice(&good[first..first + 512])); // an entry more
    let reordered = {
        let mut archive = archive_of(&json);
        archive.entry("f/0002", 5000, [3; 5000].as_slice()).unwrap();
        archive.entry("f/0001", 16, b"price 1234567.89".as_slice()).unwrap();
        archive.finish().unwrap()
    };
    let missing = archive_of(&json).finish().unwrap();
    variants.extend([reordered, missing, b"PK\x03\x04 a zip".to_vec(), vec![0; 1 << 20]]);
    for (at, plain) in variants.iter().enumerate() {
        assert!(read(plain).is_err(), "variant {at}");
        let bid = sealed_raw(&panel, plain);
        assert!(unlock_and_open(&panel, &bid, &bid.ciphertext).is_err(), "variant {at} as a bid");
    }
    assert_eq!(plaintext_of(&sealed_raw(&panel, &good)), good);
}

#[test]
fn a_bid_document_of_another_bid_or_with_a_changed_price_is_refused() {
    let panel = panel(2, 3);
    let sealed = sealed(&panel, Mode::Trustees);
    let c = sealed.bid.manifest.ctx.hash();
    let plain = plaintext_of(&sealed);
    let read = |plain: &[u8], c: &[u8; 32]| archive::read(&mut &*plain, c, &mut Vec::<Vec<u8>>::new());
    let document = read(&plain, &c).unwrap();
    assert!(read(&plain, &[0; 32]).is_err());
    let json = String::from_utf8(jcs(&document)).unwrap().replace("1234567.89", "1234567.88");
    let mut archive = archive_of(json.as_bytes());
    archive.entry("f/0001", 16, b"price 1234567.89".as_slice()).unwrap();
    archive.entry("f/0002", 5000, [3; 5000].as_slice()).unwrap();
    let why = read(&archive.finish().unwrap(), &c).unwrap_err().to_string();
    assert!(why.contains("signature"), "{why}");
}

#[test]
fn a_manifest_that_contradicts_itself_is_not_read() {
    let panel = panel(2, 3);
    let good = sealed(&panel, Mode::Trustees).bid.manifest;
    assert_eq!(Manifest::read(&jcs(&good)).unwrap(), good);
    let mut variants = Vec::new();
    let mut vary = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = good.clone();
        change(&mut manifest);
        variants.push(jcs(&manifest));
    };
    vary(&|m| m.lock.t = 1);
    vary(&|m| m.lock.t = 4);
    vary(&|m| m.lock.n = 2);
    vary(&|m| m.lock.boxes.clear());
    vary(&|m| m.lock.shares = Some(Vec::new()));
    vary(&|m| m.lock.shares.as_mut().unwrap().push(Bytes([1; 32])));
    vary(&|m| m.lock.commit_b = Some(Bytes([1; 32])));
    vary(&|m| m.ctx.mode = Mode::Dual);
    vary(&|m| m.ctx.rev = 0);
    vary(&|m| m.ctx.rev = 2);
    vary(&|m| m.prev = Some(Bytes([1; 32])));
    vary(&|m| m.ct.size.0 = 1000);
    vary(&|m| m.ctx.lot = String::new());
    let spaced = String::from_utf8(jcs(&good)).unwrap().replacen(':', ": ", 1);
    let unknown = String::from_utf8(jcs(&good)).unwrap().replacen("{\"client\"", "{\"a\":1,\"client\"", 1);
    let mut old = good.clone();
    old.lock.shares = None;
    assert_eq!(Manifest::read(&jcs(&old)).unwrap(), old, "manifests of before are read");
    assert!(old.check_shares().is_err() && good.check_shares().is_ok());
    let null = String::from_utf8(jcs(&old)).unwrap().replacen("\"t\":2}", "\"shares\":null,\"t\":2}", 1);
    // absent, not null: otherwise one bid had two texts
    assert!(null.contains("null,\"t\"") && Manifest::read(null.as_bytes()).is_err());
    variants.extend([spaced.into_bytes(), unknown.into_bytes(), vec![b'{'; 70_000]]);
    for bytes in variants {
        assert!(Manifest::read(&bytes).is_err(), "{}", String::from_utf8_lossy(&bytes));
    }
    assert_ne!(commit_t(&good.ctx.hash(), &Secret([0; 32])), good.lock.commit_t.0);
}
