//! Importing the pool, and linking accounts to the experts in it.

use crate::account::role::Role;
use crate::account::store::by_login;
use crate::account::who::Who;
use crate::expert_draw::eligibility::pool_hash;
use crate::expert_draw::events::{AccountLinked, PoolImported};
use crate::expert_draw::pool::{Import, Standing};
use crate::expert_draw::rules::Refusal;
use crate::expert_draw::sealed::{POOL, People, REGISTRY, registry_tag};
use crate::expert_draw::store::pools::{self, PoolSummary};
use crate::ledger::{Act, Subject};
use crate::platform::id::Id;
use crate::platform::refusal::{Failure, Refused};

/// Keeps an imported pool, sealed, and logs its hash. From now on it is the pool that lists are made from.
///
/// # Errors
/// Refused for anybody but the centre's staff.
pub fn import_pool(act: &mut Act<'_>, who: &Who, import: &Import) -> Result<PoolSummary, Failure> {
    only(Role::Centre, who)?;
    let hash = pool_hash(&import.experts);
    let active = import.experts.iter().filter(|expert| expert.standing == Standing::Active).count();
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let summary = PoolSummary {
        id: Id::random(),
        hash: hash.to_string(),
        experts: count(import.experts.len()),
        active: count(active),
        imported_at: act.now(),
    };
    let body = POOL.put(act.vault(), &import.experts);
    pools::insert_pool(act.db(), &summary, &body)?;
    act.enter(&Subject::None, &PoolImported { hash, experts: summary.experts.to_string() })?;
    Ok(summary)
}

/// Says which account belongs to which expert of the pool, so that the expert finds their invitations.
///
/// # Errors
/// Refused for anybody but the centre's staff, for an account that is not an expert's, and for a registry number
/// that is not in the pool.
pub fn link_account(act: &mut Act<'_>, who: &Who, login: &str, registry_id: &str) -> Result<(), Failure> {
    only(Role::Centre, who)?;
    let person = by_login(act.db(), login.trim())?.filter(|person| person.role == Role::Expert);
    let person = person.ok_or(Refusal::NoExpertAccount).map_err(Refused::from)?;
    let pool = pools::newest_pool(act.db())?.ok_or(Refusal::NoPool).map_err(Refused::from)?;
    let body = pools::pool_body(act.db(), pool.id)?;
    let people: People = POOL.take(act.vault(), &body)?;
    let registry_id = registry_id.trim();
    if people.binary_search_by(|expert| expert.registry_id.as_str().cmp(registry_id)).is_err() {
        return Err(Refused::from(Refusal::NotInPool).into());
    }
    let tag = registry_tag(act.vault(), registry_id);
    let sealed = REGISTRY.put(act.vault(), &registry_id);
    let now = act.now();
    pools::link_account(act.db(), person.person, &tag, &sealed, now)?;
    act.enter(&Subject::None, &AccountLinked { person: person.person.to_string(), registry: tag })?;
    Ok(())
}

pub(super) fn only(role: Role, who: &Who) -> Result<(), Refused> {
    if who.role == role { Ok(()) } else { Err(Refused::new(403, "account.refusal.role")) }
}
