//! All SQL on `party_organisation`.

use super::rules::{CreditCode, Organisation};
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use diesel::prelude::*;

diesel::table! {
    party_organisation (id) {
        id -> Text,
        credit_code -> Text,
        name -> Text,
        created_at -> BigInt,
    }
}

/// An organisation as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct OrganisationRow {
    pub id: String,
    pub credit_code: String,
    pub name: String,
    pub created_at: i64,
}

impl OrganisationRow {
    /// The typed id.
    ///
    /// # Errors
    /// The row is damaged.
    pub fn id(&self) -> Result<Id<Organisation>, Fault> {
        Id::parse(&self.id).ok_or_else(|| Fault::new("a damaged organisation id"))
    }
}

/// The organisation with this code, if it is registered.
pub fn by_code(db: &mut Db, code: &CreditCode) -> Result<Option<OrganisationRow>, Fault> {
    Ok(party_organisation::table
        .filter(party_organisation::credit_code.eq(code.as_str()))
        .first(db)
        .optional()?)
}

/// The organisation with this id.
pub fn get(db: &mut Db, id: Id<Organisation>) -> Result<Option<OrganisationRow>, Fault> {
    Ok(party_organisation::table.filter(party_organisation::id.eq(id.to_string())).first(db).optional()?)
}

/// Several organisations at once, in no order.
pub fn all_of(db: &mut Db, ids: &[Id<Organisation>]) -> Result<Vec<OrganisationRow>, Fault> {
    let ids: Vec<String> = ids.iter().map(Id::to_string).collect();
    Ok(party_organisation::table.filter(party_organisation::id.eq_any(ids)).load(db)?)
}

/// Adds an organisation. Written by `account::actions::register`, in the act that also makes its first person.
pub(crate) fn insert(
    db: &mut Db,
    id: Id<Organisation>,
    code: &CreditCode,
    name: &str,
    now: Moment,
) -> Result<(), Fault> {
    diesel::insert_into(party_organisation::table)
        .values((
            party_organisation::id.eq(id.to_string()),
            party_organisation::credit_code.eq(code.as_str()),
            party_organisation::name.eq(name),
            party_organisation::created_at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}
