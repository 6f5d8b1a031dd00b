//! Who is not seated: a committee that is not the announced one, and people who are tied to a bidder.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse, refused};
use crate::evaluation::actions::{self, Conflict, Invited};
use crate::evaluation::testing::{E4, invited, opened};
use crate::expert_draw::actions::link_account;
use crate::expert_draw::pool::FormerEmployer;
use crate::expert_draw::testing::{import_people, people};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::project::testing::{Staff, announced_lot, staff};
use chrono::NaiveDate;

on_both_databases! {
    the_committee_must_be_the_one_that_the_tender_documents_announced
    nobody_who_is_tied_to_a_bidder_is_seated
    a_seat_is_not_filled_again_with_somebody_who_is_tied_to_a_bidder
}

struct Scene {
    house: TestHouse,
    staff: Staff,
    lot: Id<Lot>,
    bidders: Vec<Member>,
    /// Five experts, then two representatives.
    people: Vec<Invited>,
}

/// A lot whose bids were opened. The documents announce seven members, five of them experts.
fn scene(engine: Engine) -> Scene {
    let house = TestHouse::new(engine);
    let staff = staff(&house);
    let lot = announced_lot(&house, &staff);
    let bidders: Vec<_> = (1..=3).map(|i| house.member(Role::Bidder, &format!("bidder{i}"))).collect();
    let expert = |i| invited(&house.member(Role::Expert, &format!("expert{i}")));
    let delegate = |i| invited(&house.member(Role::Entity, &format!("delegate{i}")));
    let people = (1..=5).map(expert).chain((1..=2).map(delegate)).collect();
    house.at("2026-03-25 10:30:00");
    let open = move |act: &mut crate::ledger::Act<'_>| {
        crate::project::actions::reach(act, lot, Milestone::BiddingClosed)?;
        crate::project::actions::reach(act, lot, Milestone::Opened)
    };
    house.door().write(crate::ledger::Actor::system("test"), open).unwrap();
    Scene { house, staff, lot, bidders, people }
}

impl Scene {
    /// Forms the committee of these people: `Err` with the key and the values of the refusal.
    fn convene(&self, people: &[Invited]) -> Result<(), (String, Vec<String>)> {
        let (who, lot, people) = (self.staff.agent.who.clone(), self.lot, people.to_vec());
        let opened = opened(&self.bidders, &E4[..3]);
        let formed = self
            .house
            .act(&self.staff.agent.who, move |act| actions::convene(act, &who, lot, &opened, &people));
        if formed.is_ok() {
            return Ok(());
        }
        let refused = refused(formed);
        Err((refused.key.into_owned(), refused.with.into_iter().map(|(_, value)| value).collect()))
    }

    /// The people, with somebody else on the second seat.
    fn with_second(&self, member: &Member) -> Vec<Invited> {
        let mut people = self.people.clone();
        people[1] = invited(member);
        people
    }

    /// A new expert's account, who is `E00000`, `E00001`… in the pool.
    fn expert(&self, number: usize) -> Member {
        let (login, registry) = (format!("drawn{number}"), format!("E{number:05}"));
        let member = self.house.member(Role::Expert, &login);
        let who = self.staff.centre.who.clone();
        let link = move |act: &mut crate::ledger::Act<'_>| link_account(act, &who, &login, &registry);
        self.house.act(&self.staff.centre.who, link).unwrap();
        member
    }

    /// A pool in which experts 0 to 3 are tied to the second bidder: employed; left a year ago; declared an interest;
    /// left four years ago, which is no tie any more.
    fn import_tied(&self) {
        let unit = &self.bidders[1].who.organisation_name;
        let left = |year| FormerEmployer {
            unit: unit.clone(),
            until: NaiveDate::from_ymd_opt(year, 3, 24).unwrap(),
        };
        let mut experts = people(8);
        experts[0].employer = self.bidders[1].who.credit_code.clone();
        experts[1].former_employers = vec![left(2025)];
        experts[2].avoid_units = vec![unit.clone()];
        experts[3].former_employers = vec![left(2022)];
        import_people(&self.house, &self.staff, experts);
    }
}

fn the_committee_must_be_the_one_that_the_tender_documents_announced(engine: Engine) {
    let scene = scene(engine);
    let (key, values) = scene.convene(&scene.people[..5]).unwrap_err();
    assert_eq!(key, "evaluation.refusal.committee_not_as_announced", "five experts would be lawful");
    assert_eq!(values, ["5", "7"]);
    for locale in ["zh-CN", "en"] {
        let text = rust_i18n::t!(key.as_str(), locale = locale, size = 5, planned = 7);
        assert!(text.contains('5') && text.contains('7'), "{text}");
    }
    let mut nine = scene.people.clone();
    nine.extend((6..=7).map(|i| invited(&scene.house.member(Role::Expert, &format!("expert{i}")))));
    let (key, _) = scene.convene(&nine).unwrap_err();
    assert_eq!(key, "evaluation.refusal.committee_not_as_announced");
    scene.convene(&scene.people).unwrap();
}

fn nobody_who_is_tied_to_a_bidder_is_seated(engine: Engine) {
    let scene = scene(engine);
    let colleague = scene.house.member_of(Role::Expert, "colleague", &scene.bidders[2].who.organisation_name);
    let (key, values) = scene.convene(&scene.with_second(&colleague)).unwrap_err();
    assert_eq!(
        (key.as_str(), values),
        ("evaluation.refusal.conflict_employed", vec!["m2".into(), "2".into()])
    );
    scene.import_tied();
    for (number, tie) in ["employed", "formerly_employed", "other"].into_iter().enumerate() {
        let (key, values) = scene.convene(&scene.with_second(&scene.expert(number))).unwrap_err();
        assert_eq!(key, format!("evaluation.refusal.conflict_{tie}"));
        assert_eq!(values[0], "m2", "the seat is named, nobody's name and no bidder is");
        for locale in ["zh-CN", "en"] {
            assert!(!rust_i18n::t!(key.as_str(), locale = locale).contains("conflict_"), "{key}");
        }
    }
    scene.convene(&scene.with_second(&scene.expert(3))).unwrap();
}

fn a_seat_is_not_filled_again_with_somebody_who_is_tied_to_a_bidder(engine: Engine) {
    let scene = scene(engine);
    let leaving = scene.house.member(Role::Expert, "leaving");
    scene.convene(&scene.with_second(&leaving)).unwrap();
    let (who, lot) = (leaving.who.clone(), scene.lot);
    scene.house.act(&leaving.who, move |act| actions::declare(act, &who, lot, Conflict::Some)).unwrap();
    scene.import_tied();
    let fill = |member: &Member| {
        let (who, next) = (scene.staff.agent.who.clone(), invited(member));
        scene.house.act(&scene.staff.agent.who, move |act| actions::fill_seat(act, &who, lot, "m2", &next))
    };
    assert_eq!(refused(fill(&scene.expert(1))).key, "evaluation.refusal.conflict_formerly_employed");
    fill(&scene.expert(5)).unwrap();
}
