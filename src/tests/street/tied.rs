//! Two bids that are equal in everything: the rules of the tender documents part them, and at last a lot that nobody chose.

use super::day::{Day, LOT};
use crate::evaluation::ranking::TieDraw;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::digest::from_b64u;

on_both_databases! { equal_bids_are_parted_by_a_lot_that_was_fixed_when_the_box_was_closed }

fn equal_bids_are_parted_by_a_lot_that_was_fixed_when_the_box_was_closed(engine: Engine) {
    let day = Day::begin(engine, "tied", "3", 3);
    let taken = day.bids_in(&["4900000.00", "4900000.00", "5000000.00"]);
    let experts = day.draw_experts();
    let mut agent = day.opened();
    // the root of the log at the closing stands on the public page before anybody has judged anything
    let hall = day.public_hall();
    let root = hall.split("<code>").nth(1).unwrap().split('<').next().unwrap();
    let seed = from_b64u(root).unwrap();
    let draw = TieDraw { seed: &seed, tender: super::day::NUMBER, lot: "1" };
    let (first, second) = if draw.ticket("b1") < draw.ticket("b2") { (1, 2) } else { (2, 1) };

    day.at("2026-03-25 10:30:00");
    let mut sittings = day.convene(&mut agent, &experts);
    day.evaluate(&mut sittings, 3, |_| ["24", "8"]);
    let report = day.sign_report(&mut agent, &mut sittings);
    let ranks: Vec<&str> = report.split("<th scope=\"row\">").skip(1).collect();
    assert_eq!(ranks.len(), 3);
    let bidder = |row: &str| row.split("</th>").next().unwrap().to_owned();
    assert!(bidder(ranks[0]).contains(&format!("bidder{first}有限公司")), "{report}");
    assert!(bidder(ranks[1]).contains(&format!("bidder{second}有限公司")), "{report}");
    let total = |row: &str| row.split("<strong>").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(total(ranks[0]), total(ranks[1]), "they are equal to the last digit");
    assert!(total(ranks[2]) < total(ranks[1]));
    // the report says what parted them, and only them
    assert!(bidder(ranks[1]).contains("由可复算的抽签决定先后"), "{report}");
    assert_eq!(report.matches("由可复算的抽签").count(), 1, "{report}");
    // the notice has them in this order, and only the first can be awarded to
    let lot = format!("/publication/{LOT}");
    let sign = format!("{lot}/sign/candidates");
    agent.sign(&day.staff.agent, &sign, &sign, &[]).expect_status(303);
    let notice = day.served.visitor().get(&format!("{lot}/candidates")).expect_status(200).text();
    let place = |bidder: usize| notice.find(&format!("bidder{bidder}有限公司")).unwrap();
    assert!(place(first) < place(second) && place(second) < place(3), "{notice}");
    day.judged(taken.into_iter().map(|bid| bid.proof).collect()).holds(&["3 count", "evaluation"]);
}
