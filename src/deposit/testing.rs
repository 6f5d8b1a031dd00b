//! What later rooms' tests need of deposits: the centre's account, and deposits that are really paid, through a real notice.
//! The demonstration walks with these too; a walk that does not go as planned must stop at once, so it may unwrap.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::actions;
use super::records::{Declared, Demand};
use super::store;
#[cfg(test)]
pub use super::tests::bank_files::is_valid;
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::account::who::Who;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::project::rules::Lot;

/// The deposit account of test centres.
pub const CENTRE_NUMBER: &str = "3300111122223333444";

/// A treasurer, and the centre's account entered by them.
pub fn treasury(house: &TestHouse) -> Member {
    let treasurer = house.member(Role::Treasurer, "treasurer");
    open_account(house, &treasurer);
    treasurer
}

/// Has the treasurer enter the centre's account.
pub fn open_account(house: &TestHouse, treasurer: &Member) {
    let account = Declared {
        holder: "市公共资源交易中心".into(),
        number: CENTRE_NUMBER.into(),
        bank_code: "102221000016".into(),
        bank_name: "某银行大连中山支行".into(),
    };
    house.act(&treasurer.who, move |act| actions::set_centre_account(act, &account, "998801")).unwrap();
}

/// The account that a test bidder pays from.
pub fn declared(bidder: &Who) -> Declared {
    let digits: String = bidder.credit_code.bytes().map(|b| char::from(b'0' + b % 10)).collect();
    Declared {
        holder: bidder.organisation_name.clone(),
        number: format!("62{digits}"),
        bank_code: "102222000123".into(),
        bank_name: "某银行大连西岗支行".into(),
    }
}

/// Has a bidder ask for its account number.
pub fn asked(house: &TestHouse, bidder: &Who, lot: Id<Lot>) -> Demand {
    let (organisation, name) = (bidder.organisation, bidder.organisation_name.clone());
    let from = declared(bidder);
    house
        .act(bidder, move |act| actions::request_account(act, (organisation, &name), lot, &from))
        .unwrap()
        .value
}

/// One line of a CSV notice; the payer is the demand's bidder and its declared account.
pub fn line(demand: &Demand, reference: &str, yuan: &str, at: Moment) -> String {
    let Declared { holder, number, bank_code, bank_name } = &demand.declared;
    let booked = at.rfc3339();
    format!(
        "{CENTRE_NUMBER},{},{reference},in,{yuan},{booked},{holder},{number},{bank_code},{bank_name}",
        demand.account
    )
}

/// A CSV notice of these lines.
pub fn csv(lines: &[String]) -> String {
    let head = "account,paid_to,reference,direction,amount,booked_at,payer_name,payer_account,payer_bank_code,payer_bank_name";
    format!("{head}\n{}\n", lines.join("\n"))
}

/// Imports a notice as the treasurer.
pub fn imported(house: &TestHouse, treasurer: &Who, text: &str) -> super::records::NoticeRecord {
    let read = actions::read_notice("notice.csv", text.as_bytes()).unwrap();
    let by = treasurer.name.clone();
    house.act(treasurer, move |act| actions::import(act, &by, &read)).unwrap().value
}

/// Has a bidder ask for a number and pay it in time: the state afterwards is `paid`.
pub fn paid(house: &TestHouse, treasurer: &Who, bidder: &Who, lot: Id<Lot>) -> Demand {
    let demand = asked(house, bidder, lot);
    let reference = format!("B{}", &demand.id.to_string()[..20]);
    let notice = csv(&[line(&demand, &reference, &demand.amount.plain(), house.door().now())]);
    assert_eq!(imported(house, treasurer, &notice).credited, 1);
    again(house, &demand)
}

/// The deposit as it is now.
pub fn again(house: &TestHouse, demand: &Demand) -> Demand {
    let vault = house.door().vault().clone();
    house.door().read(|db| store::demand(db, &vault, demand.id)).unwrap().unwrap()
}
