//! The deadline: too few bidders, and a bid at the exact instant.

use super::bids::{submit, upload};
use super::day::{DEADLINE, Day, LOT};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::sealed_bid::testing::Offer;

on_both_databases! {
    with_two_bidders_nothing_is_opened_and_the_deposits_go_back
    a_bid_at_the_exact_deadline_is_late_and_the_attempt_is_on_record
}

fn with_two_bidders_nothing_is_opened_and_the_deposits_go_back(engine: Engine) {
    let day = Day::begin(engine, "toofew", "3", 2);
    let taken = day.bids_in(&["4800000.00", "4900000.00"]);
    let mut agent = day.close();
    let hall = day.public_hall();
    assert!(hall.contains("投标人不足 3 家，不予开标。所有投标文件保持密封"), "{hall}");
    assert!(!hall.contains("bidder1有限公司"), "who bid in vain stays secret");
    // nothing can be released, and nothing opened
    let mut trustee = day.enter(&day.staff.entity);
    trustee.get(&format!("{}/single/bundle.json", day.hall())).expect_status(409);
    day.open(&mut agent, false).expect_status(409);
    let public = day.served.visitor().get(&format!("/tender/{}", super::day::NUMBER)).expect_status(200);
    assert!(public.text().contains("流标"), "{}", public.text());
    assert_eq!(day.entries("opening.not_opened"), 1);

    for bidder in &day.bidders {
        let page = day.enter(bidder).get(&format!("/deposit/{LOT}")).expect_status(200).text();
        let words = "保证金将于 2026-03-30 前退还，事由：投标人少于法定人数，不予开标";
        assert!(page.contains(words), "{page}");
    }
    day.pay_back("2026-03-26", 2);
    // the ciphertexts are what was sealed, and nobody has opened them
    let verdict = day.judged(taken.into_iter().map(|bid| bid.proof).collect());
    verdict.holds(&["the box was closed at", "2 count", "2 deposits, "]);
    assert!(!verdict.lines().iter().any(|line| line.contains("opened again")), "{:#?}", verdict.lines());
}

fn a_bid_at_the_exact_deadline_is_late_and_the_attempt_is_on_record(engine: Engine) {
    let day = Day::begin(engine, "late", "3", 5);
    let mut taken = day.bids_in(&["4800000.00", "4900000.00", "4700000.00"]);
    let last = &day.bidders[3..];
    let mut browsers = day.enter_all(last);
    day.pay_all(&mut browsers, last);
    day.at("2026-03-25 09:25:00");
    let mut browsers = day.enter_all(last);
    let offer = Offer::priced("4600000.00");
    let [(early, first), (late, second)] = [0, 1].map(|place| {
        let (sealed, ciphertext) = day.seal(&mut browsers[place], &last[place], &offer);
        let address = upload(&mut browsers[place], &ciphertext);
        (sealed, address)
    });
    let deadline = crate::platform::moment::Moment::parse_beijing(DEADLINE).unwrap();
    // one microsecond before the deadline is in time
    day.served.house.clock.move_to(deadline.plus(-1));
    taken.push(day.taken(&mut browsers[0], &early, &first));
    // the form was open in time; the button is pressed at the exact instant
    browsers[1].get(&format!("/sealed-bid/{LOT}/single")).expect_status(200);
    day.at(DEADLINE);
    let refused = submit(&mut browsers[1], &late, &second);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("投标截止时间 2026-03-25 09:30:00 已到"), "{}", refused.text());
    assert!(refused.text().contains("逾期的尝试会记录在案"));
    let mine = browsers[1].get("/sealed-bid").expect_status(200).text();
    assert!(!mine.contains("/sealed-bid/receipt/"), "there is no receipt for a late bid");

    day.opened();
    assert_eq!(day.entries("sealed_bid.refused_late"), 1);
    let hall = day.public_hall();
    assert!(hall.contains("bidder4有限公司") && !hall.contains("bidder5有限公司"), "{hall}");
    let deposit = day.enter(&last[1]).get(&format!("/deposit/{LOT}")).expect_status(200).text();
    assert!(deposit.contains("事由：未递交投标文件"), "{deposit}");
    day.judged(taken.into_iter().map(|bid| bid.proof).collect())
        .holds(&["4 count", "4 were read out, 4 opened again"]);
}
