//! What later rooms' tests begin with: an evaluation that went through the real acts.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions::{self, Conflict, Invited};
use super::committee::SeatKind;
use super::decimal::Exact;
use super::intake;
use super::price_score::Enterprise;
use super::report::BidInput;
use super::responsiveness::{Outcome, Verdict};
use super::score_sheet::Score;
use super::standing::{self, Evaluation, Holder, Opened, Opinion};
use super::store::{self, PaperKind};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::ledger::Actor;
use crate::opening::testing::BidBox;
use crate::platform::canonical::jcs_text;
use crate::platform::id::Id;
use crate::platform::money::Fen;
use crate::project;
use crate::project::phase::Milestone;
use crate::project::rules::Lot;
use crate::project::testing::{Staff, facts};
use std::collections::BTreeMap;

/// A lot that is being evaluated, with the people on its committee.
pub struct Committee {
    pub lot: Id<Lot>,
    /// Five experts, then two representatives; the first expert leads.
    pub members: Vec<Member>,
    /// Who bid, in the order of the labels `b1`, `b2`…
    pub bidders: Vec<Member>,
}

/// The bids of example E4, in yuan.
pub const E4: [i64; 7] = [9_800_000, 9_600_000, 9_450_000, 9_300_000, 9_200_000, 9_050_000, 8_700_000];

/// What an opening of these prices, in yuan, would have found. K is 0.03.
pub fn opened(bidders: &[Member], prices: &[i64]) -> Opened {
    let bid = |(i, (&price, bidder)): (usize, (&i64, &Member))| BidInput {
        bid: format!("b{}", i + 1),
        bidder: bidder.who.organisation_name.clone(),
        price: Fen(price * 100),
        no_price: None,
        deposit: None,
        enterprise: Enterprise::Ordinary,
        statement: None,
        correction: None,
        adjustments: Vec::new(),
    };
    let organisations = bidders.iter().enumerate();
    Opened {
        bids_at_deadline: u32::try_from(prices.len()).unwrap(),
        prices_follow: false,
        bids: prices.iter().zip(bidders).enumerate().map(bid).collect(),
        bidders: organisations.map(|(i, bidder)| (format!("b{}", i + 1), bidder.who.organisation)).collect(),
        drawn: BTreeMap::from([("k".to_owned(), Exact::parse("0.03").unwrap())]),
        tie_seed: Some("c3VuYmlk".into()),
    }
}

/// Opens a lot by decree, with these prices, and forms a committee of five experts and two representatives.
pub fn convened(house: &TestHouse, staff: &Staff, lot: Id<Lot>, prices: &[i64]) -> Committee {
    house.at("2026-03-25 10:30:00");
    let open = move |act: &mut crate::ledger::Act<'_>| {
        project::actions::reach(act, lot, Milestone::BiddingClosed)?;
        project::actions::reach(act, lot, Milestone::Opened)
    };
    house.door().write(Actor::system("test"), open).unwrap();
    let bidders: Vec<Member> =
        (1..=prices.len()).map(|i| house.member(Role::Bidder, &format!("bidder{i}"))).collect();
    let mut members: Vec<Member> =
        (1..=5).map(|i| house.member(Role::Expert, &format!("expert{i}"))).collect();
    members.extend((1..=2).map(|i| house.member(Role::Entity, &format!("delegate{i}"))));
    let invited: Vec<Invited> = members.iter().map(invited).collect();
    let (who, opened) = (staff.agent.who.clone(), opened(&bidders, prices));
    house.act(&staff.agent.who, move |act| actions::convene(act, &who, lot, &opened, &invited)).unwrap();
    Committee { lot, members, bidders }
}

/// Forms a committee of five experts and two representatives on what the hall really opened.
pub fn convened_on(house: &TestHouse, filled: &BidBox) -> Committee {
    let (lot, vault, facts) = (filled.lot, house.door().vault().clone(), facts(house, filled.lot));
    let opened = house.door().read(|db| intake::opened(db, &vault, &facts)).unwrap();
    let mut members: Vec<Member> =
        (1..=5).map(|i| house.member(Role::Expert, &format!("expert{i}"))).collect();
    members.extend((1..=2).map(|i| house.member(Role::Entity, &format!("delegate{i}"))));
    let people: Vec<Invited> = members.iter().map(invited).collect();
    let agent = &filled.staff.agent.who;
    let who = agent.clone();
    house.act(agent, move |act| actions::convene(act, &who, lot, &opened, &people)).unwrap();
    Committee { lot, members, bidders: filled.bidders.clone() }
}

/// A member as a person to be seated.
pub fn invited(member: &Member) -> Invited {
    let kind = if member.who.role == Role::Expert { SeatKind::Expert } else { SeatKind::Representative };
    let holder = Holder {
        person: member.who.person,
        name: member.who.name.clone(),
        organisation: member.who.organisation_name.clone(),
    };
    Invited { holder, kind }
}

/// What is known of the evaluation now.
pub fn evaluation(house: &TestHouse, lot: Id<Lot>) -> Evaluation {
    let vault = house.door().vault().clone();
    house.door().read(|db| store::evaluation(db, &vault, lot)).unwrap().unwrap()
}

impl Committee {
    /// All declare that nothing calls for avoidance, and the agent starts.
    pub fn start(&self, house: &TestHouse, staff: &Staff) {
        let lot = self.lot;
        for member in &self.members {
            let who = member.who.clone();
            house.act(&member.who, move |act| actions::declare(act, &who, lot, Conflict::None)).unwrap();
        }
        self.go_live(house);
        let who = staff.agent.who.clone();
        house.act(&staff.agent.who, move |act| actions::start(act, &who, lot)).unwrap();
    }

    /// Camera and screen of every member are recorded at this moment.
    pub fn go_live(&self, house: &TestHouse) {
        let members: Vec<_> = self.members.iter().map(|member| &member.who).collect();
        crate::recording::testing::go_live(house, self.lot, &members);
    }

    /// Everybody passes everything but the given (bid, item) pairs, and signs.
    pub fn review(&self, house: &TestHouse, failed: &[(&str, &str)]) {
        for member in &self.members {
            self.review_as(house, member, failed);
        }
    }

    pub fn review_as(&self, house: &TestHouse, member: &Member, failed: &[(&str, &str)]) {
        let (lot, known) = (self.lot, evaluation(house, self.lot));
        let facts = facts(house, lot);
        let method = standing::method_of(&facts).unwrap();
        let mut verdicts = Vec::new();
        for bid in known.bids() {
            for item in &method.review {
                let fails = failed.contains(&(bid.as_str(), item.id.as_str()));
                let (outcome, reason) =
                    if fails { (Outcome::Fail, "不符合") } else { (Outcome::Pass, "") };
                verdicts.push(Verdict {
                    bid: bid.clone(),
                    item: item.id.clone(),
                    outcome,
                    reason: reason.into(),
                });
            }
        }
        let label = known.seat_of(member.who.person).unwrap().member.clone();
        let paper = actions::review_of(&facts, &known, &label, &verdicts).unwrap();
        let fields = member.sign(&jcs_text(&paper));
        let (who, authority) = (member.who.clone(), house.authority().clone());
        let sign = move |act: &mut crate::ledger::Act<'_>| {
            actions::save_review(act, &who, lot, verdicts)?;
            actions::sign_review(act, &authority, &who, lot, &fields)
        };
        house.act(&member.who, sign).unwrap();
    }

    /// Everybody gives every bid three quarters of every item's points, and signs.
    pub fn score(&self, house: &TestHouse) {
        for member in &self.members {
            self.score_as(house, member, "0.75").unwrap();
        }
    }

    /// One member gives every bid the same share of every item's points, and signs.
    pub fn score_as(
        &self,
        house: &TestHouse,
        member: &Member,
        share: &str,
    ) -> Result<(), crate::platform::refusal::Failure> {
        let (lot, known) = (self.lot, evaluation(house, self.lot));
        let facts = facts(house, lot);
        let inputs = known.inputs(&facts).unwrap();
        let bids = known.to_score(&inputs).unwrap();
        let share = Exact::parse(share).unwrap().0;
        let mut scores = Vec::new();
        for bid in &bids {
            for item in &inputs.method.items {
                let score = (item.most.0 * share).normalize().into();
                scores.push(Score { bid: bid.clone(), item: item.id.clone(), score });
            }
        }
        let label = known.seat_of(member.who.person).unwrap().member.clone();
        let paper = actions::sheet_of(&facts, &label, &bids, &scores).unwrap();
        let fields = member.sign(&jcs_text(&paper));
        let (who, authority) = (member.who.clone(), house.authority().clone());
        let sign = move |act: &mut crate::ledger::Act<'_>| {
            actions::save_scores(act, &who, lot, scores)?;
            actions::sign_sheet(act, &authority, &who, lot, &fields)
        };
        house.act(&member.who, sign).map(|done| done.value)
    }

    /// The leader closes.
    pub fn close(&self, house: &TestHouse) {
        let (lot, who) = (self.lot, self.members[0].who.clone());
        house.act(&self.members[0].who, move |act| actions::close(act, &who, lot)).unwrap();
    }

    /// One member signs the report.
    pub fn sign_as(
        &self,
        house: &TestHouse,
        member: &Member,
        opinion: Opinion,
        reason: &str,
    ) -> Result<(), crate::platform::refusal::Failure> {
        let (lot, known) = (self.lot, evaluation(house, self.lot));
        let label = known.seat_of(member.who.person).unwrap().member.clone();
        let digest = known.closed.unwrap().digest;
        let paper = actions::opinion_of(&facts(house, lot), &label, &digest, opinion, reason);
        let fields = member.sign(&jcs_text(&paper));
        let (who, authority) = (member.who.clone(), house.authority().clone());
        let sign =
            move |act: &mut crate::ledger::Act<'_>| actions::sign_report(act, &authority, &who, lot, &fields);
        house.act(&member.who, sign).map(|done| done.value)
    }

    /// Everybody signs the report.
    pub fn sign(&self, house: &TestHouse) {
        for member in &self.members {
            self.sign_as(house, member, Opinion::Agree, "").unwrap();
        }
    }
}

/// A lot whose seven bids are those of E4, evaluated and signed: `b6` first, then `b5` and `b7`.
pub fn evaluated(house: &TestHouse, staff: &Staff, lot: Id<Lot>) -> Committee {
    let committee = convened(house, staff, lot, &E4);
    committee.start(house, staff);
    committee.review(house, &[]);
    committee.score(house);
    committee.close(house);
    committee.sign(house);
    committee
}

/// What a member has filled in and not signed.
pub fn draft_of<T: serde::de::DeserializeOwned>(
    house: &TestHouse,
    lot: Id<Lot>,
    member: &str,
    kind: PaperKind,
) -> Option<T> {
    let vault = house.door().vault().clone();
    house.door().read(|db| store::draft(db, &vault, (lot, member, kind))).unwrap()
}
