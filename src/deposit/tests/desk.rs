//! A centre with a treasurer, one lot and bidders, and the check that every test ends with.

use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::deposit::actions;
use crate::deposit::double_entry::{Account, Book};
use crate::deposit::records::{Demand, NoticeRecord, Posted, RefundRecord};
use crate::deposit::{store, testing};
use crate::platform::database::testing::Engine;
use crate::platform::id::Id;
use crate::platform::moment::{HOUR, Moment};
use crate::platform::money::Fen;
use crate::project::rules::Lot;
use crate::project::testing::{Shape, Staff, announced, facts, staff};
use crate::tests::browser::{Browser, Served};
use std::ops::Deref;

/// The house, which may be served over HTTP.
pub enum Place {
    Quiet(TestHouse),
    Served(Served),
}

impl Deref for Place {
    type Target = TestHouse;

    fn deref(&self) -> &TestHouse {
        match self {
            Self::Quiet(house) => house,
            Self::Served(served) => &served.house,
        }
    }
}

pub struct Desk {
    pub house: Place,
    pub staff: Staff,
    pub treasurer: Member,
    pub lot: Id<Lot>,
}

impl Desk {
    pub fn new(engine: Engine) -> Self {
        Self::of(engine, &Shape::default())
    }

    pub fn of(engine: Engine, shape: &Shape) -> Self {
        Self::at(Place::Quiet(TestHouse::new(engine)), shape)
    }

    /// A desk whose house is being served.
    pub fn served(engine: Engine) -> Self {
        Self::at(Place::Served(Served::start(TestHouse::new(engine))), &Shape::default())
    }

    /// A browser in which `member` is signed in.
    pub fn browser(&self, member: &Member) -> Browser {
        match &self.house {
            Place::Served(served) => served.browser(member),
            Place::Quiet(_) => panic!("this house is not served"),
        }
    }

    fn at(house: Place, shape: &Shape) -> Self {
        let staff = staff(&house);
        let lot = announced(&house, &staff, shape);
        let treasurer = testing::treasury(&house);
        Self { house, staff, treasurer, lot }
    }

    pub fn bidder(&self, login: &str) -> Member {
        self.house.member(Role::Bidder, login)
    }

    pub fn deadline(&self) -> Moment {
        facts(&self.house, self.lot).plan().unwrap().bids_until
    }

    pub fn asked(&self, bidder: &Member) -> Demand {
        testing::asked(&self.house, &bidder.who, self.lot)
    }

    pub fn paid(&self, bidder: &Member) -> Demand {
        testing::paid(&self.house, &self.treasurer.who, &bidder.who, self.lot)
    }

    /// An hour before the deadline.
    pub fn in_time(&self) -> Moment {
        self.deadline().plus(-HOUR)
    }

    pub fn import(&self, lines: &[String]) -> NoticeRecord {
        testing::imported(&self.house, &self.treasurer.who, &testing::csv(lines))
    }

    pub fn now(&self, demand: &Demand) -> Demand {
        testing::again(&self.house, demand)
    }

    pub fn work_list(&self) -> Vec<Posted> {
        let vault = self.house.door().vault().clone();
        self.house.door().read(|db| store::work_list(db, &vault)).unwrap()
    }

    pub fn refunds(&self) -> Vec<RefundRecord> {
        let vault = self.house.door().vault().clone();
        self.house.door().read(|db| store::open_refunds(db, &vault)).unwrap()
    }

    /// Decides about a work-list item as the treasurer.
    pub fn resolve(
        &self,
        item: &Posted,
        decision: actions::Decision,
    ) -> Result<(), crate::platform::refusal::Failure> {
        let (id, by) = (item.id, self.treasurer.who.name.clone());
        let done = self.house.act(&self.treasurer.who, move |act| actions::resolve(act, &by, id, &decision));
        done.map(|_| ())
    }

    /// The whole book, which must balance, in every part, and be what the kept totals say.
    pub fn book(&self) -> Book {
        let vault = self.house.door().vault().clone();
        let (book, (_, totals)) = self
            .house
            .door()
            .read(|db| {
                Ok::<_, crate::platform::refusal::Fault>((
                    store::whole_book(db, &vault)?,
                    store::totals(db, &vault)?,
                ))
            })
            .unwrap();
        assert!(book.trial().balances(), "{:?}", book.trial());
        assert!(store::totals_are_true(&totals, &book), "{totals:?}");
        book
    }

    /// What the bank should hold by the book, in fen.
    pub fn bank(&self) -> i64 {
        self.book().total(Account::Bank).0
    }

    pub fn held(&self, demand: &Demand) -> Fen {
        Fen(-self.book().balance(Account::Held, &demand.id.to_string()).0)
    }
}
