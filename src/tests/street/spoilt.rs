//! A bid that does not open, and a bid that was taken back in time.

use super::bids::upload;
use super::day::{Day, LOT};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::sealed_bid::testing::Offer;
use crate::sealing::document::Blob;
use crate::sealing::signature::{Signer, SigningKey};

on_both_databases! {
    an_undecryptable_bid_is_its_bidders_fault_and_the_others_go_on
    a_bid_withdrawn_in_time_does_not_count_and_its_deposit_goes_back
}

/// Example E16: three receipts at the deadline, one does not open by its bidder's own fault.
fn an_undecryptable_bid_is_its_bidders_fault_and_the_others_go_on(engine: Engine) {
    let day = Day::begin(engine, "undecryptable", "3", 3);
    let mut taken = day.bids_in(&["4800000.00", "4900000.00"]);
    let spoiler = &day.bidders[2];
    let mut browser = day.enter(spoiler);
    day.pay_all(std::slice::from_mut(&mut browser), std::slice::from_ref(spoiler));
    let (mut sealed, ciphertext) = day.seal(&mut browser, spoiler, &Offer::priced("4700000.00"));
    // the third trustee's box holds something else than the committed key; the platform can not see that before the opening
    sealed.manifest.lock.boxes[2].0[80] ^= 1;
    let key = SigningKey::from_pkcs8(&spoiler.pkcs8).unwrap();
    let signer = Signer::new(key, vec![Blob(spoiler.certificate.clone())]).unwrap();
    sealed.signature = signer.sign(&sealed.manifest.message()).unwrap();
    let address = upload(&mut browser, &ciphertext);
    taken.push(day.taken(&mut browser, &sealed, &address));

    let experts = day.draw_experts();
    let mut agent = day.opened();
    let hall = day.public_hall();
    assert!(hall.contains("<dt>截止时投标人数量</dt><dd>3</dd>"), "{hall}");
    assert!(hall.contains("4,800,000.00") && hall.contains("4,900,000.00"), "{hall}");
    assert!(!hall.contains("4,700,000.00"), "{hall}");
    assert!(hall.contains("某保管人的密钥盒不是由所承诺的密钥生成。 属投标人原因，视为撤销。"), "{hall}");
    // two are left to be judged; the committee must say whether they still compete
    day.at("2026-03-25 10:30:00");
    let mut sittings = day.convene(&mut agent, &experts);
    day.review(&mut sittings, 2);
    let compete = [
        ("about", "competition"),
        ("bid", "b1"),
        ("explanation", ""),
        ("answer", "yes"),
        ("reason", "两家报价均低于最高投标限价且互不相同，仍有竞争。"),
    ];
    day.lead(&mut sittings, "decision", &compete);
    day.score(&mut sittings, 2, |_| ["24", "8"]);
    let report = day.sign_report(&mut agent, &mut sittings);
    assert!(report.contains("bidder1有限公司") && !report.contains("bidder3有限公司"), "{report}");

    // the deposit of who is at fault may be kept
    let mut desk = day.enter(&day.treasurer);
    let list = desk.get("/deposit/treasury/deposits").expect_status(200).text();
    let row = list.split("<tr>").find(|row| row.contains("bidder3有限公司")).unwrap();
    let address = row.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
    desk.get(address).expect_status(200);
    let keep = [("reason", "revoked_after_deadline"), ("why", "开标记录第 3 号：投标人原因未能解密")];
    desk.post(&format!("{address}/forfeit"), &keep).expect_status(303);
    let own = day.enter(spoiler).get(&format!("/deposit/{LOT}")).expect_status(200).text();
    assert!(own.contains("不予退还"), "{own}");
    let others = day.enter(&day.bidders[0]).get(&format!("/deposit/{LOT}")).expect_status(200).text();
    assert!(!others.contains("不予退还"), "{others}");
    day.judged(taken.into_iter().map(|bid| bid.proof).collect()).holds(&[
        "3 count",
        "the bidder's fault",
        "2 were read out, 2 opened again",
        "evaluation",
        "3 deposits, ",
    ]);
}

fn a_bid_withdrawn_in_time_does_not_count_and_its_deposit_goes_back(engine: Engine) {
    let day = Day::begin(engine, "withdrawn", "3", 4);
    day.at("2026-03-10 10:00:00");
    day.open_treasury();
    let bidder = &day.bidders[3];
    let mut browser = day.enter(bidder);
    day.pay_all(std::slice::from_mut(&mut browser), std::slice::from_ref(bidder));
    let deposit = format!("/deposit/{LOT}");
    let page = format!("/sealed-bid/{LOT}/single/withdraw");
    day.bid(&mut browser, bidder, &Offer::priced("4650000.00"));
    browser.sign(bidder, &page, &page, &[]).expect_status(303);
    // five days from the notice end on a Sunday
    let due = "保证金将于 2026-03-16 前退还，事由：投标截止前撤回投标";
    assert!(browser.get(&deposit).expect_status(200).text().contains(due));
    // the bidder thinks again, and the deposit stands for the new bid; and then withdraws that too
    let second = day.bid(&mut browser, bidder, &Offer::priced("4600000.00"));
    assert!(browser.get(&deposit).expect_status(200).text().contains("保证金已足额到账"));
    let receipt = browser.sign(bidder, &page, &page, &[]).expect_status(303).location();
    assert!(browser.get(&receipt).expect_status(200).text().contains("撤回回执"));
    assert!(browser.get("/sealed-bid").expect_status(200).text().contains("已撤回"));
    browser.get(&second.receipt).expect_status(200);
    browser.get(&page).expect_status(409);
    assert!(browser.get(&deposit).expect_status(200).text().contains(due));
    day.pay_back("2026-03-11", 1);
    assert!(browser.get(&deposit).expect_status(200).text().contains("保证金已退回账户"));

    let taken = day.bids_in(&["4800000.00", "4900000.00", "4700000.00"]);
    day.opened();
    let hall = day.public_hall();
    assert!(hall.contains("bidder3有限公司") && !hall.contains("bidder4有限公司"), "{hall}");
    assert!(!hall.contains("4,600,000.00"), "nobody opens what was withdrawn");
    day.enter(bidder).get(&page).expect_status(409);
    // the others' money stays until the contract
    let due = day.enter(&day.treasurer).get("/deposit/treasury/refunds").expect_status(200).text();
    assert!(!due.contains("bidder3有限公司"), "{due}");
    day.judged(taken.into_iter().map(|bid| bid.proof).collect()).holds(&[
        "3 count, 2 more are in the log (replaced, withdrawn, incomplete)",
        "3 were read out, 3 opened again",
        "4 deposits, ",
    ]);
}
