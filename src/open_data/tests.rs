//! What support staff see of a receipt, over HTTP.

use crate::account::testing::TestHouse;
use crate::on_both_databases;
use crate::opening::testing::bids_in;
use crate::platform::database::testing::{Engine, everything};
use crate::platform::refusal::Fault;
use crate::sealed_bid::rules::Kept;
use crate::sealed_bid::testing::{Offer, bid, withdraw};
use crate::sealing::context::EnvelopeKind::Single;
use crate::tests::browser::{Browser, Seen, Served};
use diesel::RunQueryDsl;

on_both_databases! {
    staff_see_what_a_receipt_proves_and_nothing_more
    a_receipt_that_is_not_genuine_is_refused_with_the_reason
    a_log_that_lost_what_it_promised_is_called_so
}

const PAGE: &str = "/open-data/receipt";

fn receipt(house: &TestHouse, kept: &Kept) -> String {
    house.door().read(|db| house.door().receipt(db, kept.entry)).unwrap().to_string()
}

fn shown(browser: &mut Browser, file: &str) -> Seen {
    browser.get(PAGE).expect_status(200);
    browser.post_file(PAGE, "receipt.tlog-proof", file.as_bytes())
}

fn contents(house: &TestHouse) -> Vec<String> {
    let mut rows = house.door().read(|db| Ok::<_, Fault>(everything(db))).unwrap();
    rows.retain(|row| !row.starts_with("account_session|"));
    rows
}

fn staff_see_what_a_receipt_proves_and_nothing_more(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["9000000.00", "9100000.00"]);
    let bidder = house.member(crate::account::role::Role::Bidder, "secretbidder");
    let kept = bid(&house, &bidder, filled.lot, Single, &Offer::priced("7654321.98")).unwrap();
    let file = receipt(&house, &kept);
    let served = Served::start(house);
    let mut staff = served.browser(&filled.staff.centre);
    assert!(staff.get("/desk").expect_status(200).text().contains(PAGE), "the desk leads there");
    let before = contents(&served.house);
    let page = shown(&mut staff, &file).expect_status(200).text();
    assert_eq!(contents(&served.house), before, "asking leaves nothing behind");
    assert!(page.contains("回执真实有效") && page.contains("一份投标已在此时收到"), "{page}");
    assert!(page.contains(&kept.at.beijing()), "{page}");
    let index = file.split("\nindex ").nth(1).unwrap().lines().next().unwrap();
    assert!(page.contains(&format!("/log/entry/{index}\"")), "{page}");
    let own = [&bidder.who.organisation.to_string(), &bidder.who.credit_code, &filled.lot.to_string()];
    for secret in
        ["secretbidder", "TEST-0001", "滨海路", "7654321"].into_iter().chain(own.map(String::as_str))
    {
        assert!(!page.contains(secret), "{secret}: {page}");
    }
    // whether the bid still stands is the bidder's to know: nothing of the page changes
    let second = bid(&served.house, &bidder, filled.lot, Single, &Offer::priced("7654000.00")).unwrap();
    assert_eq!(shown(&mut staff, &file).text(), page, "the page tells that the bid was replaced");
    let back = withdraw(&served.house, &bidder, filled.lot, Single).unwrap();
    assert_eq!(shown(&mut staff, &file).text(), page, "the page tells that the bid was taken back");
    let newer = shown(&mut staff, &receipt(&served.house, &second)).expect_status(200).text();
    assert!(newer.contains("一份投标已在此时收到"));
    let taken_back = shown(&mut staff, &receipt(&served.house, &back)).expect_status(200).text();
    assert!(taken_back.contains("一份投标撤回已在此时收到"));
    // for the supervisor, in the other language
    let mut supervisor = served.browser(&filled.staff.supervisor);
    supervisor.get(&format!("/account/lang/en?next={PAGE}"));
    let english = shown(&mut supervisor, &file).expect_status(200).text();
    assert!(english.contains("that a bid was received at this time") && !english.contains("open_data."));
}

fn a_receipt_that_is_not_genuine_is_refused_with_the_reason(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["9000000.00"]);
    let member = &filled.bidders[0];
    let kept = bid(&house, member, filled.lot, Single, &Offer::priced("8000000.00")).unwrap();
    let file = receipt(&house, &kept);
    let elsewhere = TestHouse::new(Engine::Sqlite);
    let theirs = bids_in(&elsewhere, &["9000000.00"]);
    let theirs =
        bid(&elsewhere, &theirs.bidders[0], theirs.lot, Single, &Offer::priced("8000000.00")).unwrap();
    let theirs = receipt(&elsewhere, &theirs);
    let served = Served::start(house);
    let mut staff = served.browser(&filled.staff.centre);
    let index = file.split("\nindex ").nth(1).unwrap().lines().next().unwrap();
    let moved = file
        .replace(&format!("\nindex {index}\n"), &format!("\nindex {}\n", index.parse::<u64>().unwrap() - 1));
    for (name, file, reason) in [
        ("a picture", "\u{89}PNG", "这个文件不是回执"),
        ("nothing", "", "这个文件不是回执"),
        ("another platform's", theirs.as_str(), "没有本平台日志的有效签名"),
        ("another place", moved.as_str(), "与其中的证明不符"),
    ] {
        let page = shown(&mut staff, file).expect_status(422).text();
        assert!(page.contains(reason) && !page.contains("真实有效"), "{name}: {page}");
    }
    shown(&mut staff, &"x".repeat(70_000)).expect_status(413);
    shown(&mut staff, &file).expect_status(200);
}

fn a_log_that_lost_what_it_promised_is_called_so(engine: Engine) {
    let house = TestHouse::new(engine);
    let filled = bids_in(&house, &["9000000.00"]);
    let kept = bid(&house, &filled.bidders[0], filled.lot, Single, &Offer::priced("8000000.00")).unwrap();
    let file = receipt(&house, &kept);
    // an operator with the database in hand puts another line in its place
    let bytes = match engine {
        Engine::Sqlite => "x'00'",
        Engine::Postgres => "'\\x00'",
    };
    let rewrite = format!("UPDATE ledger_entry SET leaf = {bytes} WHERE id = '{}'", kept.entry);
    let rewritten = house.act(&filled.staff.centre.who, move |act| {
        Ok(diesel::sql_query(rewrite).execute(act.db()).map_err(Fault::from)?)
    });
    assert_eq!(rewritten.unwrap().value, 1);
    let served = Served::start(house);
    let page = shown(&mut served.browser(&filled.staff.centre), &file).expect_status(422).text();
    assert!(page.contains("日志可能被改写") && !page.contains("真实有效"), "{page}");
}
