//! What later rooms' tests begin with: a lawful tender that went through the real actions.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions::{self, TenderPlan};
use super::place::Category;
use super::rulebook::{Method, Rulebook, RulebookId};
use super::rules::{Lot, Tender, TenderNumber};
use super::schedule::Schedule;
use super::standing::{Custody, LotFacts, Trustee};
use super::store;
use super::terms::{
    CommitteePlan, DualLock, Envelopes, ItemClass, ItemKind, ScoredItem, Scoring, TERMS_TYPE, Terms,
};
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::platform::id::Id;
use crate::platform::moment::{DAY, MINUTE, Moment};
use crate::platform::money::Fen;
use rust_decimal::Decimal;

/// The people who run a tender. Agent, entity and supervisor are its first trustees.
#[derive(Clone)]
pub struct Staff {
    pub agent: Member,
    pub entity: Member,
    pub supervisor: Member,
    pub centre: Member,
    /// Trustees besides these three.
    pub further: Vec<Member>,
}

impl Staff {
    /// The trustees in the order of the set.
    pub fn trustees(&self) -> Vec<&Member> {
        [&self.agent, &self.entity, &self.supervisor].into_iter().chain(&self.further).collect()
    }
}

/// Registers the people who run a tender.
pub fn staff(house: &TestHouse) -> Staff {
    Staff {
        agent: house.member(Role::Agent, "agent"),
        entity: house.member(Role::Entity, "entity"),
        supervisor: house.member(Role::Supervisor, "supervisor"),
        centre: house.member(Role::Centre, "centre"),
        further: Vec::new(),
    }
}

/// What may differ between test tenders.
#[derive(Clone)]
pub struct Shape {
    pub number: String,
    pub title: String,
    pub category: Category,
    pub method: Method,
    pub envelopes: Envelopes,
    pub deposit: Fen,
    /// In how many lots; all have the same terms.
    pub lots: u8,
    pub schedule: Schedule,
    /// Per cent among which the float-down is drawn; a single one is fixed, `None` is the rulebook's list.
    pub floats: Option<Vec<Decimal>>,
    pub committee: CommitteePlan,
    /// Bids are locked with the bidders' keys too.
    pub dual: Option<DualLock>,
    /// How many trustees open the bids, and of how many; at least three.
    pub custody: (u32, u8),
}

impl Default for Shape {
    /// Works, benchmark price, one envelope, a deposit of 200,000 yuan of an estimate of ten million, one lot.
    fn default() -> Self {
        Self {
            number: "TEST-0001".into(),
            title: "滨海路桥梁维修工程".into(),
            category: Category::Municipal,
            method: Method::WorksBenchmark,
            envelopes: Envelopes::One,
            deposit: Fen(20_000_000),
            lots: 1,
            schedule: schedule(),
            floats: None,
            committee: CommitteePlan { size: 7, experts: 5 },
            dual: None,
            custody: (2, 3),
        }
    }
}

impl Shape {
    /// Goods under the procurement law, by points, with two envelopes.
    pub fn procurement() -> Self {
        Self {
            number: "TEST-0002".into(),
            title: "学校教学设备采购".into(),
            category: Category::Goods,
            method: Method::GpComprehensive,
            envelopes: Envelopes::Two,
            ..Self::default()
        }
    }

    /// The rulebook of the category.
    pub fn book(&self) -> &'static Rulebook {
        let family = self.category.family();
        Rulebook::all().find(|book| book.family == family).unwrap()
    }

    /// The terms of every lot.
    pub fn terms(&self) -> Terms {
        let book = self.book();
        let usual = Scoring::usual(book);
        let item = |name: &str, kind, points| ScoredItem {
            name: name.into(),
            guide: String::new(),
            class: ItemClass::Technical,
            kind,
            points,
        };
        let rest = Decimal::ONE_HUNDRED - usual.price_points - Decimal::from(10);
        let plan =
            if self.category == Category::Goods { "供货与培训方案" } else { "施工组织设计" };
        let items = vec![
            item(plan, ItemKind::Subjective, rest),
            item("类似业绩", ItemKind::Objective, Decimal::from(10)),
        ];
        let floats = self.floats.clone().unwrap_or_else(|| usual.floats.clone());
        let scoring = Scoring { items, floats, ..usual };
        Terms {
            typ: TERMS_TYPE.into(),
            budget: Fen(1_000_000_000),
            ceiling: Fen(1_000_000_000),
            deposit: self.deposit,
            design: false,
            envelopes: self.envelopes,
            dual: self.dual,
            method: self.method,
            evaluation: scoring.document(book, self.method),
            committee: self.committee,
            minimum_bidders: 3,
            specialities: vec!["A080101".into()],
        }
    }
}

/// Documents from `start`, questions for six days, bids for twenty-three, until half an hour later than `start`.
pub fn schedule_from(start: Moment) -> Schedule {
    let bids_until = start.plus(23 * DAY + 30 * MINUTE);
    Schedule {
        documents_from: start,
        documents_until: bids_until,
        questions_until: start.plus(6 * DAY),
        bids_until,
    }
}

/// Documents from 2026-03-02 09:00, questions until 2026-03-08 17:00, bids until 2026-03-25 09:30, Beijing time.
pub fn schedule() -> Schedule {
    let at = |text: &str| Moment::parse_beijing(text).unwrap();
    Schedule {
        documents_from: at("2026-03-02T09:00:00"),
        documents_until: at("2026-03-25T09:30:00"),
        questions_until: at("2026-03-08T17:00:00"),
        bids_until: at("2026-03-25T09:30:00"),
    }
}

/// A complete draft of this shape.
pub fn draft(house: &TestHouse, staff: &Staff, shape: &Shape) -> Id<Tender> {
    let who = staff.agent.who.clone();
    let plan = TenderPlan {
        number: TenderNumber::parse(&shape.number),
        name: shape.title.clone(),
        category: shape.category,
        region: "210200".into(),
        rulebook: RulebookId::parse(shape.book().id.as_str()).unwrap(),
        entity_code: staff.entity.who.credit_code.clone(),
    };
    let seat = |member: &Member| Trustee { person: member.who.person, role: member.who.role };
    let trustees = staff.trustees().into_iter().map(seat).collect();
    let custody = Custody { threshold: shape.custody.0, trustees };
    let (terms, lots, schedule) = (shape.terms(), shape.lots, shape.schedule);
    let made = house.act(&staff.agent.who, move |act| {
        let tender = actions::create(act, &who, &plan)?.tender;
        for lot in 1..=lots {
            actions::put_lot(act, &who, tender, None, &format!("第{lot}标段"), &terms)?;
        }
        actions::set_schedule(act, &who, tender, &schedule)?;
        actions::set_custody(act, &who, tender, &custody)?;
        Ok(tender)
    });
    made.unwrap().value
}

/// An announced tender of this shape; gives its first lot.
pub fn announced(house: &TestHouse, staff: &Staff, shape: &Shape) -> Id<Lot> {
    let tender = draft(house, staff, shape);
    let who = staff.agent.who.clone();
    house.act(&staff.agent.who, move |act| actions::announce(act, &who, tender)).unwrap();
    house.door().read(|db| store::lots_of(db, tender)).unwrap()[0].lot
}

/// A lawful works tender with one lot, `TEST-0001/1`, announced at the beginning, deadline 2026-03-25 09:30.
pub fn announced_lot(house: &TestHouse, staff: &Staff) -> Id<Lot> {
    announced(house, staff, &Shape::default())
}

/// The facts of a lot.
pub fn facts(house: &TestHouse, lot: Id<Lot>) -> LotFacts {
    house.door().read(|db| store::known_lot(db, lot)).unwrap()
}
