//! A deposit that somebody else paid.

use super::day::{Day, LOT};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::sealed_bid::testing::Offer;
use crate::tests::browser::Browser;

on_both_databases! { a_deposit_paid_by_somebody_else_waits_for_the_treasurer_and_goes_back }

fn a_deposit_paid_by_somebody_else_waits_for_the_treasurer_and_goes_back(engine: Engine) {
    let day = Day::begin(engine, "wrongpayer", "3", 4);
    let mut taken = day.bids_in(&["4800000.00", "4900000.00"]);
    let (bidder, stranger) = (&day.bidders[2], &day.bidders[3]);
    let mut browser = day.enter(bidder);
    let page = format!("/deposit/{LOT}");
    let account = day.ask_account(&mut browser, bidder);
    let mut desk = day.import(&[day.payment(&account, "W1", stranger)]);
    // it is not credited, and not lost
    let own = browser.get(&page).expect_status(200).text();
    assert!(!own.contains("保证金已足额到账") && own.contains("pay-number"), "{own}");
    let list = desk.get("/deposit/treasury/work-list").expect_status(200).text();
    assert!(list.contains("付款人不是投标人") && list.contains("80,000.00"), "{list}");
    assert!(list.contains("bidder4有限公司"), "{list}");
    let item = list.split("href=\"/deposit/treasury/work-list/").nth(1).unwrap().split('"').next().unwrap();
    let item = format!("/deposit/treasury/work-list/{item}");
    desk.get(&item).expect_status(200);
    let undecided = desk.post(&item, &[("why", "投标人来电")]).expect_status(422).text();
    assert!(undecided.contains("请选择一种处理方式"), "{undecided}");
    let back = [("resolution", "send_back"), ("why", "付款人不是投标人，原路退回")];
    desk.post(&item, &back).expect_status(303);
    assert!(desk.get(&item).expect_status(200).text().contains("原路退回"));
    assert_balanced(&mut desk);
    // the money goes to who paid it, to the fen
    let order = day.pay_back("2026-03-25", 1);
    assert!(order.contains("bidder4有限公司") && order.contains(">80000.00<"), "{order}");

    // the bidder pays again, from its own account, and is in
    let again = day.payment(&account, "W2", bidder);
    day.import(&[again]);
    assert!(browser.get(&page).expect_status(200).text().contains("保证金已足额到账：80,000.00 元"));
    taken.push(day.bid(&mut browser, bidder, &Offer::priced("4700000.00")));
    day.opened();
    assert!(day.public_hall().contains("bidder3有限公司"));
    assert_balanced(&mut day.enter(&day.treasurer));
    day.judged(taken.into_iter().map(|bid| bid.proof).collect()).holds(&["3 count", "3 deposits, "]);
}

fn assert_balanced(desk: &mut Browser) {
    let book = desk.get("/deposit/treasury/book").expect_status(200).text();
    assert!(book.contains("借贷平衡"), "{book}");
}
