//! Trustees who are lost, and trustees who lie.

use super::day::Day;
use super::hall::written;
use crate::on_both_databases;
use crate::opening::testing::trust;
use crate::platform::database::testing::Engine;
use crate::sealing::boxes::release_box;
use crate::sealing::document::Bytes;
use crate::sealing::shamir::Share;

on_both_databases! {
    a_lost_trustee_stops_nobody_but_one_alone_opens_nothing
    a_lying_trustee_is_named_and_every_bid_opens
}

const PRICES: [&str; 3] = ["4800000.00", "4900000.00", "4700000.00"];

fn a_lost_trustee_stops_nobody_but_one_alone_opens_nothing(engine: Engine) {
    let day = Day::begin(engine, "lost", "3", 3);
    let taken = day.bids_in(&PRICES);
    let mut agent = day.close();
    day.release(3);
    // one trustee is not enough, whatever the agent declares
    for given_up in [false, true] {
        let refused = day.open(&mut agent, given_up);
        assert_eq!(refused.status, 422, "{}", refused.text());
        assert!(refused.text().contains("class=\"problem"), "{}", refused.text());
    }
    let sealed = day.public_hall();
    assert!(!PRICES.iter().any(|price| sealed.contains(&written(price)) || sealed.contains(price)));
    // the second trustee never comes; the first does
    day.release(1);
    day.open(&mut agent, false).expect_status(303);
    day.publish_record(&mut agent);
    let hall = day.public_hall();
    assert!(PRICES.iter().all(|price| hall.contains(&written(price))), "{hall}");
    assert!(hall.contains("<span class=\"tag\">未释放</span>"), "{hall}");
    day.judged(taken.into_iter().map(|bid| bid.proof).collect()).holds(&[
        "any 2 of 3 open together",
        "2 trustees signed",
        "3 were read out, 3 opened again",
    ]);
}

fn a_lying_trustee_is_named_and_every_bid_opens(engine: Engine) {
    let day = Day::begin(engine, "lying", "3", 3);
    let taken = day.bids_in(&PRICES);
    let mut agent = day.close();
    lie(&day, 1);
    day.release(2);
    // two shares contradict each other: nobody is blamed before the third has spoken
    let wait = day.open(&mut agent, false);
    assert!(wait.status == 422 && wait.text().contains("请等待第 3 位保管人"), "{}", wait.text());
    assert!(!day.public_hall().contains("与密封内容不符"));
    day.release(3);
    day.open(&mut agent, false).expect_status(303);
    day.publish_record(&mut agent);
    let hall = day.public_hall();
    assert!(PRICES.iter().all(|price| hall.contains(&written(price))), "{hall}");
    let of_agent = hall.split("<td class=\"num\">1</td>").nth(1).unwrap().split("</tr>").next().unwrap();
    assert!(of_agent.contains("3 份与密封内容不符"), "{of_agent}");
    assert_eq!(hall.matches("份与密封内容不符").count(), 1, "{hall}");
    // the evidence names the same trustee for each bid, and finds nothing else
    let verdict = day.judged(taken.into_iter().map(|bid| bid.proof).collect());
    let broken = verdict.broken();
    assert_eq!(broken.len(), 3, "{:#?}", verdict.lines());
    assert!(broken.iter().all(|line| line.contains("the share of trustee 1 is not the one")), "{broken:#?}");
    assert!(verdict.lines().iter().any(|line| line.contains("3 were read out, 3 opened again")));
    // and a sentence that says what that means, for whoever reads the report; it judges nothing
    let notes: Vec<_> = verdict.lines().into_iter().filter(|line| line.starts_with("note")).collect();
    assert_eq!(notes.len(), 1, "{:#?}", verdict.lines());
    assert!(
        notes[0].contains("trustee 1 handed in wrong shares for 3 bids")
            && notes[0].contains("do not rest on")
    );
}

/// The trustee with this number hands in a signed release with a wrong share for every bid.
fn lie(day: &Day, i: u8) {
    let mut browser = day.enter(day.trustees()[usize::from(i) - 1]);
    let bundle = day.bundle(&mut browser);
    let key = day.key(i);
    let now = day.served.house.door().now();
    let mut release = bundle.release(&key, &trust(&day.served.house), now).unwrap();
    for (line, manifest) in release.shares.iter_mut().zip(&bundle.manifests) {
        let c = manifest.ctx.hash();
        let own = &manifest.lock.boxes[usize::from(i) - 1].0;
        let mut bytes = *key.boxes.open_share(&c, i, own).unwrap().to_bytes();
        bytes[20] ^= 1;
        let share = Share::from_bytes(&bytes).unwrap();
        line.sealed = Some(Bytes(release_box(&c, &share, &bundle.session.0).unwrap()));
    }
    release.sig = key.sign.sign(&release.message()).unwrap();
    day.hand_in(&mut browser, &release).expect_status(303);
}
