//! Sent with the act, delivered once, seen by its addressee alone.

use super::rules::Notice;
use super::{actions, jobs, store};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::moment::SECOND;
use crate::platform::queue;
use crate::platform::refusal::Refused;
use crate::tests::browser::Served;

on_both_databases! {
    a_message_arrives_once_whoever_delivers_it
    an_act_that_is_refused_sends_nothing
    a_message_that_does_not_open_holds_up_no_other
    only_the_addressee_reads_a_message_and_marks_it_read_in_either_language
}

fn sent(house: &TestHouse, to: &Member, notice: Notice) {
    let organisation = to.who.organisation;
    house
        .act(&to.who, move |act| {
            Ok(actions::send(act, organisation, notice, "TEST-0001/1", "/tender/TEST-0001".into())?)
        })
        .unwrap();
}

fn letters(house: &TestHouse, of: &Member) -> Vec<(Notice, bool)> {
    let vault = house.door().vault().clone();
    let rows = house.door().read(|db| store::newest(db, &vault, of.who.organisation, 10)).unwrap();
    rows.into_iter().map(|row| (row.content.notice, row.read)).collect()
}

fn a_message_arrives_once_whoever_delivers_it(engine: Engine) {
    let house = TestHouse::new(engine);
    let (one, other) = (house.member(Role::Bidder, "one"), house.member(Role::Bidder, "other"));
    sent(&house, &one, Notice::Award);
    assert_eq!(letters(&house, &one), []);
    let now = house.door().now();
    let waiting = house.door().read(|db| queue::due(db, actions::KIND, now, 10)).unwrap();
    jobs::due(house.door()).unwrap();
    // a server that was slower, and one that died before it could say that it was done
    for message in waiting {
        house.act(&one.who, move |act| actions::deliver(act, &message)).unwrap();
    }
    jobs::due(house.door()).unwrap();
    assert_eq!(letters(&house, &one), [(Notice::Award, false)]);
    assert_eq!(letters(&house, &other), []);
}

fn an_act_that_is_refused_sends_nothing(engine: Engine) {
    let house = TestHouse::new(engine);
    let one = house.member(Role::Bidder, "one");
    let organisation = one.who.organisation;
    let refused = house.act(&one.who, move |act| {
        actions::send(act, organisation, Notice::Award, "TEST-0001/1", "/".into())?;
        Err::<(), _>(Refused::new(409, "platform.refusal.not_found").into())
    });
    assert!(refused.is_err());
    jobs::due(house.door()).unwrap();
    assert_eq!(letters(&house, &one), []);
}

fn a_message_that_does_not_open_holds_up_no_other(engine: Engine) {
    let house = TestHouse::new(engine);
    let one = house.member(Role::Bidder, "one");
    house.act(&one.who, |act| Ok(act.queue(actions::KIND, &"no letter at all")?)).unwrap();
    sent(&house, &one, Notice::DepositCredited);
    jobs::due(house.door()).unwrap();
    assert_eq!(letters(&house, &one), [(Notice::DepositCredited, false)]);
    let now = house.door().now();
    let waiting = |at| house.door().read(|db| queue::due(db, actions::KIND, at, 10)).unwrap().len();
    assert_eq!((waiting(now), waiting(now.plus(600 * SECOND))), (0, 1), "it is tried again later");
}

fn only_the_addressee_reads_a_message_and_marks_it_read_in_either_language(engine: Engine) {
    let served = Served::start(TestHouse::new(engine));
    let house = &served.house;
    let (one, other) = (house.member(Role::Bidder, "one"), house.member(Role::Bidder, "other"));
    for notice in Notice::ALL {
        sent(house, &one, notice);
    }
    jobs::due(house.door()).unwrap();
    let mut browser = served.browser(&one);
    assert!(browser.get("/desk").expect_status(200).text().contains("消息（5 条未读）"));
    let page = browser.get("/message").expect_status(200);
    let text = page.text();
    assert!(text.contains("贵单位中标 TEST-0001/1") && text.contains("/tender/TEST-0001"), "{text}");
    assert_eq!(text.matches("未读").count(), 5);
    let until = page.field("until").unwrap();
    // what arrives between looking and marking stays unread
    house.clock.move_to(house.door().now().plus(SECOND));
    sent(house, &one, Notice::Loss);
    jobs::due(house.door()).unwrap();
    browser.post("/message/read", &[("until", &until)]).expect_status(303);
    browser.get("/account/lang/en?next=/message");
    let text = browser.get("/message").expect_status(200).text();
    assert_eq!(text.matches(">New<").count(), 1, "{text}");
    assert!(text.contains("The deposit for TEST-0001/1 has arrived in full."));
    assert!(!text.contains("message."), "a sentence is missing: {text}");
    let empty = served.browser(&other).get("/message").expect_status(200).text();
    assert!(empty.contains("还没有消息") && !empty.contains("TEST-0001"));
}
