//! Submit, replace, withdraw, the deadline, and what counts at the closing.

use super::{Box1, box1, offer};
use crate::account::testing::refused;
use crate::ledger::{Act, proof::Receipt};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::refusal::Failure;
use crate::project::actions::gate;
use crate::project::testing::{Shape, facts};
use crate::sealed_bid::actions::{self, LATE_ON_RECORD_MAX, bid_set};
use crate::sealed_bid::ciphertext::reader;
use crate::sealed_bid::rules::{Kept, check_size};
use crate::sealed_bid::store::{self, CountedEnvelope};
use crate::sealed_bid::testing::{Offer, bid, parameters, seal_offer, submit, upload, withdraw};
use crate::sealed_bid::uploads;
use crate::sealing::bid_set::{BidSet, Closing};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::{Bytes, Count};
use crate::sealing::envelope::Envelope;
use crate::sealing::opening_check::Reported;
use crate::sealing::stream::{SLICE, measure};
use crate::sealing::warrant::OpeningWarrant;
use std::collections::BTreeSet;

on_both_databases! {
    a_submitted_bid_opens_with_two_trustees_and_its_receipt_proves_the_manifest
    a_bid_at_the_exact_deadline_is_late_and_the_try_is_on_record
    a_replacement_counts_and_the_old_revision_does_not
    a_withdrawn_bid_does_not_count_and_may_be_made_anew
    two_envelopes_are_two_bids
    a_bid_sealed_for_something_else_is_refused_with_the_reason
    an_unfinished_or_foreign_or_used_upload_is_no_bid
    nothing_can_be_sealed_before_all_trustees_have_signed
    many_bidders_at_once_all_count_once
    of_two_first_bids_that_come_at_once_one_stands_beside_the_other_envelope
    expired_uploads_go_and_submitted_ones_stay
}

/// What the opening does at the deadline: closes the log and takes the bids that count.
fn close(x: &Box1, kind: EnvelopeKind) -> (BidSet, Vec<CountedEnvelope>) {
    x.house.at("2026-03-25 09:30:00");
    let (lot, facts) = (x.lot, facts(&x.house, x.lot));
    let done = x.house.act(&x.staff.centre.who, move |act: &mut Act<'_>| {
        act.exclude(&gate(lot))?;
        let head = act.close_log()?;
        let closing = Closing { root: Bytes(head.root), size: Count(head.size) };
        let vault = act.vault().clone();
        let counted = store::counted(act.db(), &vault, lot, kind, head.size)?;
        Ok((bid_set(&facts, kind, closing, &counted), counted))
    });
    done.unwrap().value
}

fn a_submitted_bid_opens_with_two_trustees_and_its_receipt_proves_the_manifest(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let kept = bid(&x.house, &x.first, x.lot, EnvelopeKind::Single, &offer()).unwrap();
    let door = x.house.door();
    let receipt = door.read(|db| door.receipt(db, kept.entry)).unwrap().to_string();
    let manifest = kept.manifest().unwrap();
    let proven = Receipt::parse(receipt.as_bytes()).unwrap();
    proven.verify(&manifest.message(), 70, door.log_key().name(), &[door.log_key().clone()]).unwrap();
    assert!(
        proven.verify(b"another manifest", 70, door.log_key().name(), &[door.log_key().clone()]).is_err()
    );

    let (set, counted) = close(&x, EnvelopeKind::Single);
    set.check().unwrap();
    assert_eq!(counted.len(), 1);
    set.check_manifests(&[counted[0].manifest.clone()]).unwrap();
    let c = manifest.ctx.hash();
    let report = |at: usize| Reported {
        i: at as u8 + 1,
        share: x.boxes.keys[at].open_share(&c, at as u8 + 1, &manifest.lock.boxes[at].0).ok(),
    };
    let warrant = OpeningWarrant::issue([manifest.id()]);
    let envelope = Envelope::new(manifest.clone());
    let unlocked = envelope.unlock(&warrant, &x.boxes.set, &[report(0), report(2)], None).unwrap();
    let parts = door.read(|db| store::parts(db, counted[0].upload)).unwrap();
    let mut shelf: Vec<Vec<u8>> = Vec::new();
    let opened = unlocked.open(reader(door.files().clone(), parts).unwrap(), &mut shelf).unwrap();
    assert_eq!(opened.form()["price"], "8765432.10");
    assert_eq!(shelf[0], "投标报价 8765432.10 元".as_bytes());
}

fn a_bid_at_the_exact_deadline_is_late_and_the_try_is_on_record(engine: Engine) {
    let x = box1(engine, &Shape::default());
    x.house.at("2026-03-25 09:00:00");
    let parameters = parameters(&x.house, &x.first, x.lot, EnvelopeKind::Single);
    let (sealed, ciphertext) = seal_offer(&x.house, &x.first, &parameters, &offer());
    let upload = upload(&x.house, &x.first, &ciphertext);
    let size = |x: &Box1| x.house.door().read(crate::ledger::store::head).unwrap().unwrap().size;
    let before = size(&x);
    x.house.at("2026-03-25 09:30:00");
    let late = refused(submit(&x.house, &x.first, x.lot, &sealed, upload));
    assert_eq!((late.key.as_ref(), late.status), ("sealed_bid.refusal.late", 409));
    // the record becomes visible with the next act at the latest
    let kept =
        x.house.door().write(crate::ledger::Actor::system("test"), |act| Ok(act.close_log()?.size)).unwrap();
    assert_eq!(kept.value, before + 1, "the refusal is in the log");
    // whoever goes on pressing the button is refused each time, and does not fill the log
    for _ in 0..3 * LATE_ON_RECORD_MAX {
        assert_eq!(
            refused(submit(&x.house, &x.first, x.lot, &sealed, upload)).key,
            "sealed_bid.refusal.late"
        );
    }
    let other = refused(withdraw(&x.house, &x.second, x.lot, EnvelopeKind::Single));
    assert_eq!(other.key, "sealed_bid.refusal.late");
    let kept =
        x.house.door().write(crate::ledger::Actor::system("test"), |act| Ok(act.close_log()?.size)).unwrap();
    let more = kept.value - before;
    assert!((u64::from(LATE_ON_RECORD_MAX)..3 * u64::from(LATE_ON_RECORD_MAX)).contains(&more), "{more}");
    let (set, _) = close(&x, EnvelopeKind::Single);
    assert!(set.bids.is_empty());
    x.house.at("2026-03-25 09:29:59");
    submit(&x.house, &x.first, x.lot, &sealed, upload).unwrap();
}

fn a_replacement_counts_and_the_old_revision_does_not(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let single = EnvelopeKind::Single;
    let old = bid(&x.house, &x.first, x.lot, single, &Offer::priced("9000000.00")).unwrap();
    let stale = parameters(&x.house, &x.first, x.lot, single);
    let new = bid(&x.house, &x.first, x.lot, single, &Offer::priced("8000000.00")).unwrap();
    let ctx = |kept: &Kept| kept.manifest().unwrap().ctx.clone();
    assert_eq!((ctx(&old).rev, ctx(&new).rev), (1, 2));
    assert_eq!(ctx(&old).bid, ctx(&new).bid);
    assert_eq!(new.manifest().unwrap().prev, Some(Bytes(old.manifest().unwrap().id())));

    // a third one, sealed in another window before the second arrived
    let (sealed, ciphertext) = seal_offer(&x.house, &x.first, &stale, &offer());
    let uploaded = upload(&x.house, &x.first, &ciphertext);
    assert_eq!(
        refused(submit(&x.house, &x.first, x.lot, &sealed, uploaded)).key,
        "sealed_bid.refusal.other_revision"
    );

    let (_, counted) = close(&x, single);
    assert_eq!(counted.iter().map(|c| c.manifest.id()).collect::<Vec<_>>(), [new.manifest().unwrap().id()]);
}

fn a_withdrawn_bid_does_not_count_and_may_be_made_anew(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let single = EnvelopeKind::Single;
    assert_eq!(
        refused(withdraw(&x.house, &x.first, x.lot, single)).key,
        "sealed_bid.refusal.nothing_to_withdraw"
    );
    bid(&x.house, &x.first, x.lot, single, &offer()).unwrap();
    bid(&x.house, &x.second, x.lot, single, &offer()).unwrap();
    withdraw(&x.house, &x.first, x.lot, single).unwrap();
    withdraw(&x.house, &x.second, x.lot, single).unwrap();
    assert_eq!(
        refused(withdraw(&x.house, &x.first, x.lot, single)).key,
        "sealed_bid.refusal.nothing_to_withdraw"
    );
    let again = bid(&x.house, &x.second, x.lot, single, &offer()).unwrap();
    assert_eq!(again.manifest().unwrap().ctx.rev, 2);
    let (_, counted) = close(&x, single);
    assert_eq!(counted.iter().map(|c| c.organisation).collect::<Vec<_>>(), [x.second.who.organisation]);
    let late = refused(withdraw(&x.house, &x.second, x.lot, single));
    assert_eq!(late.key, "sealed_bid.refusal.late");
}

fn two_envelopes_are_two_bids(engine: Engine) {
    let x = box1(engine, &Shape::procurement());
    let (technical, commercial) = (EnvelopeKind::Technical, EnvelopeKind::Commercial);
    let offer_t = Offer::technical("方案");
    let offer_c = Offer { form: vec![("price", "1.00".into())], ..Offer::priced("1.00") };
    bid(&x.house, &x.first, x.lot, technical, &offer_t).unwrap();
    bid(&x.house, &x.first, x.lot, commercial, &offer_c).unwrap();
    bid(&x.house, &x.second, x.lot, technical, &offer_t).unwrap();
    let door = x.house.door();
    let wrong = door.read(|db| {
        let lot = crate::project::store::known_lot(db, x.lot)?;
        let single = EnvelopeKind::Single;
        actions::parameters(db, door.vault(), "o", &x.first.who, &lot, single, door.now())
    });
    assert_eq!(refused(wrong).key, "sealed_bid.refusal.no_such_envelope");
    // each is a bid of its own, and a bidder counts with both only
    let first = [x.first.who.organisation];
    for kind in [technical, commercial] {
        let (set, counted) = close(&x, kind);
        assert_eq!((set.bids.len(), counted.len()), (1, 1));
        assert_eq!(counted.iter().map(|bid| bid.organisation).collect::<Vec<_>>(), first);
    }
}

fn a_bid_sealed_for_something_else_is_refused_with_the_reason(engine: Engine) {
    let x = box1(engine, &Shape { lots: 2, ..Shape::default() });
    let good = parameters(&x.house, &x.first, x.lot, EnvelopeKind::Single);
    let tender = facts(&x.house, x.lot).tender;
    let lots = x.house.door().read(|db| crate::project::store::lots_of(db, tender)).unwrap();
    let try_with = |change: &dyn Fn(&mut crate::sealing::command::BidParameters)| {
        let mut parameters = good.clone();
        change(&mut parameters);
        let (sealed, ciphertext) = seal_offer(&x.house, &x.first, &parameters, &offer());
        let uploaded = upload(&x.house, &x.first, &ciphertext);
        refused(submit(&x.house, &x.first, x.lot, &sealed, uploaded)).key.into_owned()
    };
    let other_lot = parameters(&x.house, &x.first, lots[1].lot, EnvelopeKind::Single);
    let other_bidder = parameters(&x.house, &x.second, x.lot, EnvelopeKind::Single);
    assert_eq!(try_with(&|p| *p = other_lot.clone()), "sealed_bid.refusal.other_tender");
    assert_eq!(try_with(&|p| *p = other_bidder.clone()), "sealed_bid.refusal.other_tender");
    assert_eq!(try_with(&|p| p.ctx.origin = "another.log".into()), "sealed_bid.refusal.other_tender");
    assert_eq!(try_with(&|p| p.ctx.tender_doc = Bytes([1; 32])), "sealed_bid.refusal.documents_changed");
    assert_eq!(
        try_with(&|p| {
            p.trustees.members.pop();
            p.trustees.members.push(p.trustees.members[0].clone());
            let own = crate::sealing::trustees::TrusteeKey::generate("TEST-0001", 1).unwrap().0;
            let other = crate::sealing::trustees::TrusteeKey::generate("TEST-0001", 2).unwrap().0;
            p.trustees.members = vec![own.member("a"), other.member("b")];
            own.sign_set(&mut p.trustees).unwrap();
            other.sign_set(&mut p.trustees).unwrap();
            p.ctx.trustees = Bytes(p.trustees.hash());
        }),
        "sealed_bid.refusal.other_trustees"
    );
    // signed by another bidder's key
    let (mut sealed, ciphertext) = seal_offer(&x.house, &x.first, &good, &offer());
    let (other, _) = seal_offer(&x.house, &x.second, &good, &offer());
    let uploaded = upload(&x.house, &x.first, &ciphertext);
    let own = sealed.signature.clone();
    sealed.signature = other.signature.clone();
    assert_eq!(
        refused(submit(&x.house, &x.first, x.lot, &sealed, uploaded)).key,
        "account.refusal.unknown_certificate"
    );
    sealed.signature = own;
    sealed.signature.sig.0[3] ^= 1;
    assert_eq!(
        refused(submit(&x.house, &x.first, x.lot, &sealed, uploaded)).key,
        "account.refusal.signature"
    );
    sealed.manifest.ct.root = Bytes([7; 32]);
    assert_eq!(
        refused(submit(&x.house, &x.first, x.lot, &sealed, uploaded)).key,
        "sealed_bid.refusal.other_ciphertext"
    );
}

fn an_unfinished_or_foreign_or_used_upload_is_no_bid(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let parameters = parameters(&x.house, &x.first, x.lot, EnvelopeKind::Single);
    let (sealed, ciphertext) = seal_offer(&x.house, &x.first, &parameters, &offer());
    let theirs = upload(&x.house, &x.second, &ciphertext);
    assert_eq!(
        refused(submit(&x.house, &x.first, x.lot, &sealed, theirs)).key,
        "sealed_bid.refusal.no_upload"
    );
    let limits = uploads::Limits::of(x.house.door());
    let (who, size) = (x.first.who.clone(), ciphertext.len() as u64);
    let half =
        x.house.act(&x.first.who, move |act| uploads::create(act, &who, size, &limits)).unwrap().value.id;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let piece = bytes::Bytes::copy_from_slice(&ciphertext[..SLICE]);
    let part = runtime.block_on(uploads::keep(x.house.door().files(), half, 0, piece)).unwrap();
    let (who, again) = (x.first.who.clone(), part.clone());
    x.house.act(&x.first.who, move |act| uploads::accept(act, &who, half, &[], &[part])).unwrap();
    let who = x.first.who.clone();
    let twice = x.house.act(&x.first.who, move |act| uploads::accept(act, &who, half, &[], &[again]));
    assert_eq!(refused(twice).key, "sealed_bid.refusal.wrong_offset");
    assert_eq!(
        refused(submit(&x.house, &x.first, x.lot, &sealed, half)).key,
        "sealed_bid.refusal.unfinished"
    );
    let whole = upload(&x.house, &x.first, &ciphertext);
    submit(&x.house, &x.first, x.lot, &sealed, whole).unwrap();
    assert_eq!(
        refused(submit(&x.house, &x.first, x.lot, &sealed, whole)).key,
        "sealed_bid.refusal.no_upload"
    );
    let who = x.first.who.clone();
    let ended = x.house.act(&x.first.who, move |act| uploads::terminate(act, &who, whole));
    assert_eq!(
        refused(ended).key,
        "sealed_bid.refusal.no_upload",
        "a submitted ciphertext can not be taken back"
    );
    let parts = x.house.door().read(|db| store::parts(db, whole)).unwrap();
    let stored = reader(x.house.door().files().clone(), parts).unwrap();
    assert_eq!(measure(stored).unwrap(), sealed.manifest.measured());
}

fn nothing_can_be_sealed_before_all_trustees_have_signed(engine: Engine) {
    let house = crate::account::testing::TestHouse::new(engine);
    let staff = crate::project::testing::staff(&house);
    let lot = crate::project::testing::announced_lot(&house, &staff);
    let bidder = house.member(crate::account::role::Role::Bidder, "jiajian");
    let door = house.door();
    let early = door.read(|db| {
        let facts = crate::project::store::known_lot(db, lot)?;
        actions::parameters(db, door.vault(), "o", &bidder.who, &facts, EnvelopeKind::Single, door.now())
    });
    assert_eq!(refused(early).key, "sealed_bid.refusal.no_trustees");
}

fn many_bidders_at_once_all_count_once(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let bidders: Vec<_> =
        (0..6).map(|n| x.house.member(crate::account::role::Role::Bidder, &format!("many{n}"))).collect();
    let ready: Vec<_> = bidders
        .iter()
        .map(|member| {
            let parameters = parameters(&x.house, member, x.lot, EnvelopeKind::Single);
            let (sealed, ciphertext) = seal_offer(&x.house, member, &parameters, &offer());
            let upload = upload(&x.house, member, &ciphertext);
            (member, sealed, upload)
        })
        .collect();
    std::thread::scope(|scope| {
        for (member, sealed, upload) in &ready {
            for _ in 0..2 {
                scope.spawn(|| submit(&x.house, member, x.lot, sealed, *upload).map_err(|_: Failure| ()));
            }
        }
    });
    let (set, counted) = close(&x, EnvelopeKind::Single);
    assert_eq!(counted.len(), 6);
    set.check().unwrap();
}

fn of_two_first_bids_that_come_at_once_one_stands_beside_the_other_envelope(engine: Engine) {
    let x = box1(engine, &Shape::procurement());
    let (technical, commercial) = (EnvelopeKind::Technical, EnvelopeKind::Commercial);
    let bidders: Vec<_> =
        (0..5).map(|n| x.house.member(crate::account::role::Role::Bidder, &format!("window{n}"))).collect();
    let sealed = |member, kind, offer: &Offer| {
        let (bid, ciphertext) =
            seal_offer(&x.house, member, &parameters(&x.house, member, x.lot, kind), offer);
        (member, bid, upload(&x.house, member, &ciphertext))
    };
    let forms: Vec<_> = bidders
        .iter()
        .flat_map(|member| {
            let price = Offer { form: vec![("price", "1.00".into())], ..Offer::priced("1.00") };
            [
                sealed(member, technical, &Offer::technical("方案一")),
                sealed(member, technical, &Offer::technical("方案二")),
                sealed(member, commercial, &price),
            ]
        })
        .collect();
    let answers: Vec<_> = std::thread::scope(|scope| {
        let (x, sent) = (&x, forms.iter());
        let sent: Vec<_> = sent
            .map(|(member, bid, upload)| scope.spawn(move || submit(&x.house, member, x.lot, bid, *upload)))
            .collect();
        sent.into_iter().map(|form| form.join().unwrap()).collect()
    });
    for (member, answers) in bidders.iter().zip(answers.chunks(3)) {
        let refusals: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert!(answers[2].is_ok() && refusals.len() == 1, "{answers:?}");
        let door = x.house.door();
        let steps = door.read(|db| actions::own_steps(db, door.vault(), &member.who)).unwrap();
        let kinds: BTreeSet<_> = steps.iter().map(|step| step.record.envelope).collect();
        assert_eq!((steps.len(), kinds), (2, BTreeSet::from([technical, commercial])));
    }
    for kind in [technical, commercial] {
        let (set, counted) = close(&x, kind);
        assert_eq!((set.bids.len(), counted.len()), (5, 5));
    }
}

fn expired_uploads_go_and_submitted_ones_stay(engine: Engine) {
    let x = box1(engine, &Shape::default());
    let kept = bid(&x.house, &x.first, x.lot, EnvelopeKind::Single, &offer()).unwrap();
    let parameters = parameters(&x.house, &x.first, x.lot, EnvelopeKind::Single);
    let (_, ciphertext) = seal_offer(&x.house, &x.first, &parameters, &offer());
    let left = upload(&x.house, &x.first, &ciphertext);
    let files = |id| x.house.door().read(|db| store::parts(db, id)).unwrap();
    let lost = files(left);
    x.house.at("2026-03-14 10:00:00");
    crate::sealed_bid::jobs::due(x.house.door()).unwrap();
    crate::sealed_bid::jobs::due(x.house.door()).unwrap();
    assert!(files(left).is_empty());
    assert!(measure(reader(x.house.door().files().clone(), lost).unwrap()).is_err(), "the bytes are removed");
    let crate::sealed_bid::rules::Deed::Submitted { upload, manifest, .. } = kept.record.deed else {
        panic!()
    };
    let stored = reader(x.house.door().files().clone(), files(upload)).unwrap();
    assert_eq!(measure(stored).unwrap(), manifest.measured());
}

#[test]
fn only_sizes_that_a_sealed_bid_can_have_are_taken() {
    let max = 1 << 30;
    for plain in [1u64 << 20, 1_081_344, 3_538_944, 104_857_600] {
        let size = crate::sealing::stream::ciphertext_size(plain);
        check_size(size, max).unwrap();
        assert!(check_size(size + 1, max).is_err());
        assert!(check_size(size - 512, max).is_err());
    }
    for wrong in [0, 1, 40, 56, 1000, 1 << 20, 20_000_000, max + 1] {
        assert!(check_size(wrong, max).is_err(), "{wrong}");
    }
}
