//! The drill: every trustee opens a canary before bids come, and whoever lost a key finds it then.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse, refused};
use crate::ledger::Actor;
use crate::on_both_databases;
use crate::opening::testing::{BidBox, empty_box, signed_box, trust};
use crate::platform::canonical::jcs_text;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::moment::DAY;
use crate::platform::refusal::Failure;
use crate::project::rules::Tender;
use crate::project::store as projects;
use crate::project::testing::Shape;
use crate::sealed_bid::drill::{self, Readiness};
use crate::sealed_bid::drill_store::{self, State};
use crate::sealed_bid::testing::{Offer, bid};
use crate::sealed_bid::{actions, expiry};
use crate::sealing::boxes::{BoxKey, release_box};
use crate::sealing::context::EnvelopeKind;
use crate::sealing::document::Bytes;
use crate::sealing::drill as canary;
use crate::sealing::keys::Secret;
use crate::sealing::opening_check::Reported;
use crate::sealing::release::{OpeningBundle, Release};
use crate::sealing::shamir::Share;
use crate::tests::browser::Served;
use diesel::RunQueryDsl;

on_both_databases! {
    a_drill_is_done_when_every_trustee_has_opened_the_canary
    a_trustee_with_a_wrong_key_is_told_so_and_tries_again
    a_false_share_is_told_at_once_where_every_trustee_is_needed_and_can_be_put_right
    no_bid_is_taken_before_the_drill_is_done_or_waived
    a_drill_is_for_its_trustees_and_can_be_waived_with_a_reason
    the_trustees_page_the_bidders_and_the_hall_tell_how_ready_they_are
    what_was_waived_can_be_done_all_the_same
    a_certificate_that_ends_before_the_opening_is_warned_about
    whoever_bid_before_there_was_a_drill_changes_and_withdraws_the_bid_all_the_same
}

fn tender(house: &TestHouse, filled: &BidBox) -> Id<Tender> {
    house.door().read(|db| projects::known_lot(db, filled.lot)).unwrap().tender
}

fn begin(house: &TestHouse, tender: Id<Tender>, member: &Member) -> Result<(), Failure> {
    let (who, origin) = (member.who.clone(), house.door().config().origin.clone());
    house.act(&member.who, move |act| drill::begin(act, &origin, &who, tender)).map(drop)
}

fn bundle(house: &TestHouse, tender: Id<Tender>) -> OpeningBundle {
    house.door().read(|db| drill::bundle(house.door(), db, tender)).unwrap()
}

fn hand_in(house: &TestHouse, tender: Id<Tender>, member: &Member, release: &Release) -> Result<(), Failure> {
    let (who, text) = (member.who.clone(), jcs_text(release));
    house.act(&member.who, move |act| drill::release(act, &who, tender, &text)).map(drop)
}

fn made(house: &TestHouse, filled: &BidBox, i: u8) -> Release {
    let bundle = bundle(house, tender(house, filled));
    bundle.release_in_drill(&filled.key(i), &trust(house), house.door().now()).unwrap()
}

fn states(house: &TestHouse, tender: Id<Tender>) -> Vec<State> {
    let rows = house.door().read(|db| drill_store::releases(db, tender)).unwrap();
    rows.into_iter().map(|row| row.state).collect()
}

/// Entries of the log, those of refused acts too.
fn log_size(house: &TestHouse) -> u64 {
    house.door().write(Actor::system("test"), |act| Ok(act.close_log()?.size)).unwrap().value
}

fn readiness(house: &TestHouse, tender: Id<Tender>) -> Readiness {
    house.door().read(|db| drill::readiness(db, tender)).unwrap()
}

fn a_drill_is_done_when_every_trustee_has_opened_the_canary(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = signed_box(&house, &Shape::default());
    let tender = tender(&house, &filled);
    assert_eq!(readiness(&house, tender), Readiness::Untried);
    begin(&house, tender, filled.trustee(2)).unwrap();
    assert_eq!(refused(begin(&house, tender, filled.trustee(1))).key, "sealed_bid.drill.refusal.begun");
    assert_eq!(readiness(&house, tender), Readiness::Trying);
    // t of n would do at an opening; in a drill everybody must come
    for (i, expected) in [(1, vec![State::Received]), (2, vec![State::Right; 2])] {
        hand_in(&house, tender, filled.trustee(i), &made(&house, &filled, i)).unwrap();
        assert_eq!(states(&house, tender), expected);
        // once is enough, and a second time leaves no second line
        let size = log_size(&house);
        let again = hand_in(&house, tender, filled.trustee(i), &made(&house, &filled, i));
        assert_eq!(refused(again).key, "sealed_bid.drill.refusal.released");
        assert_eq!((states(&house, tender), log_size(&house)), (expected, size));
        assert_eq!(readiness(&house, tender), Readiness::Trying);
    }
    hand_in(&house, tender, filled.trustee(3), &made(&house, &filled, 3)).unwrap();
    assert_eq!(states(&house, tender), vec![State::Right; 3]);
    assert_eq!(readiness(&house, tender), Readiness::Done);
    let again = made(&house, &filled, 1);
    assert_eq!(
        refused(hand_in(&house, tender, filled.trustee(1), &again)).key,
        "sealed_bid.drill.refusal.done"
    );
}

fn a_trustee_with_a_wrong_key_is_told_so_and_tries_again(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = signed_box(&house, &Shape::default());
    let tender = tender(&house, &filled);
    begin(&house, tender, filled.trustee(1)).unwrap();
    // the box does not open with the key that this trustee has left
    let mut lost = made(&house, &filled, 1);
    lost.shares[0].sealed = None;
    lost.sig = filled.key(1).sign.sign(&lost.message()).unwrap();
    hand_in(&house, tender, filled.trustee(1), &lost).unwrap();
    assert_eq!(states(&house, tender), [State::Wrong], "said at once, not when the others have come");
    for i in [2, 3] {
        hand_in(&house, tender, filled.trustee(i), &made(&house, &filled, i)).unwrap();
    }
    assert_eq!(states(&house, tender), [State::Wrong, State::Right, State::Right]);
    assert_eq!(readiness(&house, tender), Readiness::Trying);
    hand_in(&house, tender, filled.trustee(1), &made(&house, &filled, 1)).unwrap();
    assert_eq!(readiness(&house, tender), Readiness::Done);
}

fn a_false_share_is_told_at_once_where_every_trustee_is_needed_and_can_be_put_right(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = signed_box(&house, &Shape { custody: (3, 3), ..Shape::default() });
    let tender = tender(&house, &filled);
    begin(&house, tender, filled.trustee(1)).unwrap();
    let bundle = bundle(&house, tender);
    let mut lie = made(&house, &filled, 2);
    let c = bundle.manifests[0].ctx.hash();
    let false_share = Share { i: 2, y: Secret::from_bytes([9; 32]) };
    lie.shares[0].sealed = Some(Bytes(release_box(&c, &false_share, &bundle.session.0).unwrap()));
    lie.sig = filled.key(2).sign.sign(&lie.message()).unwrap();
    hand_in(&house, tender, filled.trustee(2), &lie).unwrap();
    assert_eq!(states(&house, tender), [State::Wrong]);
    for i in [1, 3] {
        hand_in(&house, tender, filled.trustee(i), &made(&house, &filled, i)).unwrap();
    }
    assert_eq!(states(&house, tender), [State::Received, State::Wrong, State::Received]);
    hand_in(&house, tender, filled.trustee(2), &made(&house, &filled, 2)).unwrap();
    assert_eq!(readiness(&house, tender), Readiness::Done);
}

fn no_bid_is_taken_before_the_drill_is_done_or_waived(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = signed_box(&house, &Shape::default());
    let (bidder, tender) = (house.member(Role::Bidder, "bidder"), tender(&house, &filled));
    house.at("2026-03-24 10:00:00");
    let wanted = || {
        let (door, who) = (house.door(), &bidder.who);
        door.read(|db| {
            let facts = projects::known_lot(db, filled.lot)?;
            actions::parameters(db, door.vault(), "o", who, &facts, EnvelopeKind::Single, door.now())
        })
    };
    assert_eq!(refused(wanted()).key, "sealed_bid.refusal.no_drill");
    begin(&house, tender, filled.trustee(1)).unwrap();
    // t of n would open a bid; the third one's key may still be lost
    for i in 1..=2 {
        hand_in(&house, tender, filled.trustee(i), &made(&house, &filled, i)).unwrap();
    }
    assert_eq!(refused(wanted()).key, "sealed_bid.refusal.no_drill");
    let (who, words) = (filled.staff.agent.who.clone(), "第三位保管人住院，另两位已足够开标。");
    house.act(&filled.staff.agent.who, move |act| drill::waive(act, &who, tender, words)).unwrap();
    bid(&house, &bidder, filled.lot, EnvelopeKind::Single, &Offer::priced("9500000.00")).unwrap();
    // a drill that is done lets bids in by itself
    let other = TestHouse::new(engine);
    let ready = empty_box(&other, &Shape::default());
    let bidder = other.member(Role::Bidder, "bidder");
    other.at("2026-03-24 10:00:00");
    bid(&other, &bidder, ready.lot, EnvelopeKind::Single, &Offer::priced("9500000.00")).unwrap();
}

fn a_drill_is_for_its_trustees_and_can_be_waived_with_a_reason(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = signed_box(&house, &Shape::default());
    let tender = tender(&house, &filled);
    let stranger = &filled.staff.centre;
    assert_eq!(refused(begin(&house, tender, stranger)).status, 403);
    begin(&house, tender, filled.trustee(1)).unwrap();
    let other = made(&house, &filled, 1);
    assert_eq!(refused(hand_in(&house, tender, filled.trustee(2), &other)).status, 403);
    let mut unsigned = other.clone();
    unsigned.sig.0[9] ^= 1;
    let bad = "sealed_bid.drill.refusal.bad_release";
    assert_eq!(refused(hand_in(&house, tender, filled.trustee(1), &unsigned)).key, bad);
    let waive = |member: &Member, words: &'static str| {
        let who = member.who.clone();
        house.act(&member.who, move |act| drill::waive(act, &who, tender, words)).map(drop)
    };
    assert_eq!(refused(waive(&filled.staff.entity, "公证处休假")).status, 403);
    assert_eq!(refused(waive(&filled.staff.agent, "  ")).key, "sealed_bid.drill.refusal.words");
    waive(&filled.staff.agent, "公证处休假，开标前补做。").unwrap();
    assert_eq!(readiness(&house, tender), Readiness::Waived("公证处休假，开标前补做。".into()));
    // a drill that is done after all is what counts
    for i in 1..=3 {
        hand_in(&house, tender, filled.trustee(i), &made(&house, &filled, i)).unwrap();
    }
    assert_eq!(readiness(&house, tender), Readiness::Done);
}

fn the_trustees_page_the_bidders_and_the_hall_tell_how_ready_they_are(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = signed_box(&house, &Shape::default());
    house.at("2026-03-24 10:00:00");
    let bidder = house.member(crate::account::role::Role::Bidder, "bidder");
    let served = Served::start(house);
    let page = "/sealed-bid/TEST-0001/trustees";
    let (mut public, mut agent) = (served.visitor(), served.browser(filled.trustee(1)));
    let before = public.get(page).expect_status(200).text();
    assert!(
        !before.contains(" data-demo"),
        "a trustee's browser would take the platform's clock for its own"
    );
    assert!(before.contains("还没有演练") && !before.contains("trustees/drill\""), "{before}");
    assert!(public.get("/opening/TEST-0001/1").text().contains("还没有完成解密演练"));
    let mut reader = served.browser(&bidder);
    let told = reader.get("/sealed-bid/TEST-0001/1").expect_status(200).text();
    assert!(
        told.contains("还没有完成解密演练") && !told.contains("/sealed-bid/TEST-0001/1/single\""),
        "{told}"
    );
    let refused = reader.get("/sealed-bid/TEST-0001/1/single").expect_status(409).text();
    assert!(refused.contains("暂不能投标") && refused.contains("招标代理"), "{refused}");
    let blank = [("manifest", "{}"), ("signature", "{}"), ("upload", "/sealed-bid/upload/0")];
    reader.get("/sealed-bid/TEST-0001/1");
    let pushed = reader.post("/sealed-bid/TEST-0001/1/single/submit", &blank).expect_status(409).text();
    assert!(pushed.contains("暂不能投标"), "{pushed}");
    assert!(public.get("/tender/TEST-0001").text().contains("轮到密钥保管人"));
    agent.get(page);
    agent.post(&format!("{page}/drill"), &[]).expect_status(303);
    for i in 1..=3u8 {
        let mut trustee = served.browser(filled.trustee(i));
        assert!(trustee.get(page).text().contains("data-drill"));
        let bundle = trustee.get(&format!("{page}/drill/bundle.json")).expect_status(200).bytes;
        let bundle = OpeningBundle::read(&bundle).unwrap();
        let now = served.house.door().now();
        let release = bundle.release_in_drill(&filled.key(i), &trust(&served.house), now).unwrap();
        trustee.get(page);
        let text = jcs_text(&release);
        if i == 2 {
            let sent = trustee.post_file(&format!("{page}/drill/release-file"), "r.json", text.as_bytes());
            sent.expect_status(303);
        } else {
            trustee.post(&format!("{page}/drill/release"), &[("release", &text)]).expect_status(303);
        }
        assert!(!trustee.get(page).text().contains("data-drill"), "once is enough");
    }
    let after = public.get(page).text();
    assert!(after.contains("演练完成于") && after.matches("可用").count() >= 3, "{after}");
    assert!(!public.get("/opening/TEST-0001/1").text().contains("还没有完成解密演练"));
    let ready = reader.get("/sealed-bid/TEST-0001/1").text();
    assert!(
        !ready.contains("还没有完成解密演练")
            && public.get("/tender/TEST-0001").text().contains("轮到投标人")
    );
    reader.get("/sealed-bid/TEST-0001/1/single").expect_status(200);
}

fn what_was_waived_can_be_done_all_the_same(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = signed_box(&house, &Shape::default());
    house.at("2026-03-24 10:00:00");
    let bidder = house.member(Role::Bidder, "bidder");
    let served = Served::start(house);
    let page = "/sealed-bid/TEST-0001/trustees";
    let (mut agent, mut entity) = (served.browser(filled.trustee(1)), served.browser(filled.trustee(2)));
    agent.get(page);
    agent.post(&format!("{page}/drill/waiver"), &[("words", "监督人员在外地。")]).expect_status(303);
    let told = served.browser(&bidder).get("/sealed-bid/TEST-0001/1").expect_status(200).text();
    assert!(told.contains("监督人员在外地") && told.contains("演练仍可补做"), "{told}");
    assert!(!agent.get(page).text().contains("drill/waiver\""), "once is enough");
    assert!(entity.get(page).text().contains("trustees/drill\""));
    entity.post(&format!("{page}/drill"), &[]).expect_status(303);
    let begun = entity.get(page).text();
    assert!(begun.contains("data-drill") && !begun.contains("trustees/drill\""), "{begun}");
    for i in 1..=3 {
        let house = &served.house;
        hand_in(house, tender(house, &filled), filled.trustee(i), &made(house, &filled, i)).unwrap();
    }
    assert!(entity.get(page).text().contains("演练完成于"));
}

/// A bid from before this program knew drills: the database as it was then.
fn whoever_bid_before_there_was_a_drill_changes_and_withdraws_the_bid_all_the_same(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = empty_box(&house, &Shape::default());
    house.at("2026-03-24 10:00:00");
    let (early, late) = (house.member(Role::Bidder, "early"), house.member(Role::Bidder, "late"));
    bid(&house, &early, filled.lot, EnvelopeKind::Single, &Offer::priced("9500000.00")).unwrap();
    for table in ["sealed_bid_drill_release", "sealed_bid_drill"] {
        let forget = diesel::sql_query(format!("DELETE FROM {table}"));
        house
            .door()
            .write(Actor::system("test"), move |act| {
                forget.execute(act.db()).map(drop).map_err(|e| Failure::Fault(e.into()))
            })
            .unwrap();
    }
    assert_eq!(readiness(&house, tender(&house, &filled)), Readiness::Untried);
    let served = Served::start(house);
    let page = "/sealed-bid/TEST-0001/1";
    let (replace, withdraw) = (format!("href=\"{page}/single\""), format!("href=\"{page}/single/withdraw\""));
    let shown = served.browser(&early).get(page).expect_status(200).text();
    assert!(shown.contains(&replace) && shown.contains(&withdraw), "{shown}");
    served.browser(&early).get(&format!("{page}/single")).expect_status(200);
    let other = served.browser(&late).get(page).expect_status(200).text();
    assert!(!other.contains(&replace) && !other.contains(&withdraw), "{other}");
    let house = &served.house;
    bid(house, &early, filled.lot, EnvelopeKind::Single, &Offer::priced("9400000.00")).unwrap();
    crate::sealed_bid::testing::withdraw(house, &early, filled.lot, EnvelopeKind::Single).unwrap();
}

fn a_certificate_that_ends_before_the_opening_is_warned_about(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = empty_box(&house, &Shape::default());
    house.at("2026-03-24 10:00:00");
    let (who, now) = (filled.staff.agent.who.clone(), house.door().now());
    let ends =
        house.door().read(|db| crate::account::store::certificates(db, who.person)).unwrap()[0].not_after;
    let asked = |opens_at| house.door().read(|db| expiry::too_early(db, &who, now, opens_at)).unwrap();
    assert_eq!(asked(ends.plus(-1)), None);
    assert_eq!(asked(ends), Some(ends), "at the very instant it has ended");
    assert_eq!(asked(ends.plus(DAY)), Some(ends));
    let opens = house.door().read(|db| expiry::opens_at(db, tender(&house, &filled))).unwrap();
    assert_eq!(opens, Some(crate::project::testing::schedule().bids_until));
    // a bidder reads it on the lot's page and where the bid is sealed
    let begun = house.door().now();
    house.at("2024-03-25 10:00:00");
    let early = house.member(Role::Bidder, "early");
    house.clock.move_to(begun);
    let late = house.member(Role::Bidder, "late");
    // nobody is warned whose certificate lasts
    let served = Served::start(house);
    let shown = served.browser(&filled.staff.agent).get("/sealed-bid/TEST-0001/trustees").text();
    assert!(!shown.contains("早于开标时间"), "{shown}");
    let [mut early, mut late] = [served.browser(&early), served.browser(&late)];
    for page in ["/sealed-bid/TEST-0001/1", "/sealed-bid/TEST-0001/1/single"] {
        let told = early.get(page).expect_status(200).text();
        assert!(told.contains("您的签名证书 2026-03-2") && told.contains("早于开标时间"), "{told}");
        assert!(!late.get(page).expect_status(200).text().contains("早于开标时间"));
    }
    early.get("/account/lang/en?next=/");
    let told = early.get("/sealed-bid/TEST-0001/1/single").text();
    assert!(told.contains("Your signing certificate ends at 2026-03-2"), "{told}");
}

#[test]
fn nothing_but_a_canary_is_opened_in_a_drill() {
    let house = TestHouse::new(Engine::Sqlite);
    let filled = signed_box(&house, &Shape::default());
    let now = house.door().now();
    let made = canary::make(&filled.boxes.set, "log.test/main", now).unwrap();
    let session = BoxKey::random();
    let reported = |i: u8| {
        let release = canary::bundle(&made.manifest, &filled.boxes.set, (&session.public(), now), None)
            .release_believing(&filled.key(i), now)
            .unwrap();
        release.reported(&made.manifest, &session).unwrap()
    };
    let open = |phrase: &str, reported: &[Reported]| {
        canary::open((&made.manifest, &made.ciphertext, phrase), &filled.boxes.set, reported)
    };
    assert_eq!(open(&made.phrase, &[reported(1)]).unwrap(), canary::Shown::Nothing);
    let two = [reported(1), reported(3)];
    assert_eq!(open(&made.phrase, &two).unwrap(), canary::Shown::Opened { wrong: vec![] });
    assert_eq!(open("another phrase", &two).unwrap(), canary::Shown::Shut);
    let mut bid = made.manifest.clone();
    bid.ctx.lot = "1".into();
    let opened = canary::open((&bid, &made.ciphertext, &made.phrase), &filled.boxes.set, &two);
    assert!(opened.unwrap_err().to_string().contains("no canary"));
}
