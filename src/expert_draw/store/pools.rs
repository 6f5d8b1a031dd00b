//! All SQL on pools and on the accounts of experts.

use super::id;
use crate::account::rules::Person;
use crate::platform::database::Db;
use crate::platform::id::Id;
use crate::platform::moment::Moment;
use crate::platform::refusal::Fault;
use diesel::prelude::*;

diesel::table! {
    expert_draw_pool (id) {
        id -> Text,
        hash -> Text,
        experts -> Integer,
        active -> Integer,
        imported_at -> BigInt,
        body -> Binary,
    }
}
diesel::table! {
    expert_draw_account (person_id) {
        person_id -> Text,
        registry_tag -> Text,
        registry -> Binary,
        linked_at -> BigInt,
    }
}
/// Names an imported pool in `Id<Pool>`.
pub enum Pool {}

/// A pool without its people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSummary {
    pub id: Id<Pool>,
    pub hash: String,
    pub experts: i32,
    pub active: i32,
    pub imported_at: Moment,
}

/// The newest pool.
pub(crate) fn newest_pool(db: &mut Db) -> Result<Option<PoolSummary>, Fault> {
    use expert_draw_pool as p;
    let row: Option<(String, String, i32, i32, i64)> = p::table
        .order((p::imported_at.desc(), p::id))
        .select((p::id, p::hash, p::experts, p::active, p::imported_at))
        .first(db)
        .optional()?;
    row.map(|(pool, hash, experts, active, at)| {
        Ok(PoolSummary { id: id(&pool)?, hash, experts, active, imported_at: Moment::from_micros(at) })
    })
    .transpose()
}

/// The sealed people of a pool.
pub(in crate::expert_draw) fn pool_body(db: &mut Db, pool: Id<Pool>) -> Result<Vec<u8>, Fault> {
    use expert_draw_pool as p;
    Ok(p::table.filter(p::id.eq(pool.to_string())).select(p::body).first(db)?)
}

pub(in crate::expert_draw) fn insert_pool(db: &mut Db, pool: &PoolSummary, body: &[u8]) -> Result<(), Fault> {
    use expert_draw_pool as p;
    diesel::insert_into(p::table)
        .values((
            p::id.eq(pool.id.to_string()),
            p::hash.eq(&pool.hash),
            p::experts.eq(pool.experts),
            p::active.eq(pool.active),
            p::imported_at.eq(pool.imported_at.micros()),
            p::body.eq(body),
        ))
        .execute(db)?;
    Ok(())
}

/// The sealed registry number that belongs to an account.
pub(in crate::expert_draw) fn registry_of(db: &mut Db, person: Id<Person>) -> Result<Option<Vec<u8>>, Fault> {
    use expert_draw_account as a;
    Ok(a::table.filter(a::person_id.eq(person.to_string())).select(a::registry).first(db).optional()?)
}

/// The account that belongs to a registry number, by its tag.
pub(in crate::expert_draw) fn person_of(
    db: &mut Db,
    registry_tag: &str,
) -> Result<Option<Id<Person>>, Fault> {
    use expert_draw_account as a;
    let found: Option<String> =
        a::table.filter(a::registry_tag.eq(registry_tag)).select(a::person_id).first(db).optional()?;
    found.map(|text| id(&text)).transpose()
}

/// How many accounts are linked to experts.
pub(crate) fn linked_accounts(db: &mut Db) -> Result<i64, Fault> {
    Ok(expert_draw_account::table.count().get_result(db)?)
}

/// Links an account to a registry number; what either was linked to before is forgotten.
pub(in crate::expert_draw) fn link_account(
    db: &mut Db,
    person: Id<Person>,
    registry_tag: &str,
    registry: &[u8],
    now: Moment,
) -> Result<(), Fault> {
    use expert_draw_account as a;
    diesel::delete(a::table.filter(a::person_id.eq(person.to_string()))).execute(db)?;
    diesel::delete(a::table.filter(a::registry_tag.eq(registry_tag))).execute(db)?;
    diesel::insert_into(a::table)
        .values((
            a::person_id.eq(person.to_string()),
            a::registry_tag.eq(registry_tag),
            a::registry.eq(registry),
            a::linked_at.eq(now.micros()),
        ))
        .execute(db)?;
    Ok(())
}
